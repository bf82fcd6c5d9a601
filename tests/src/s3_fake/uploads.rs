//! Multipart uploads.

use super::bucket::{Guard, Multipart, Part, check_key};
use super::content::Content;
use super::objects::{tag, writable};
use super::service::{Answer, Service};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput,
    PartNumber, UploadPartInput, UploadPartOutput,
};
use s3s::s3_error;
use std::collections::BTreeMap;

impl Service {
    pub(super) fn create_upload(
        &self,
        input: CreateMultipartUploadInput,
    ) -> Answer<CreateMultipartUploadOutput> {
        check_key(&input.key)?;
        let upload = Multipart {
            initiated: self.shared.clock.now(),
            writable: writable(
                input.storage_class,
                input.server_side_encryption,
                input.ssekms_key_id,
                input.metadata,
            ),
            parts: BTreeMap::new(),
        };
        let mut buckets = self.shared.buckets();
        let id = buckets.next_upload_id();
        let bucket = buckets.bucket(&input.bucket)?;
        bucket
            .uploads
            .insert((input.key.clone(), id.clone()), upload);
        Ok(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        })
    }

    pub(super) async fn receive_part(&self, input: UploadPartInput) -> Answer<UploadPartOutput> {
        let (content, hash) = Content::receive(input.body).await?;
        let e_tag = Some(tag(&hex::encode(hash)));
        self.keep_part(
            &input.bucket,
            &input.key,
            &input.upload_id,
            input.part_number,
            content,
            hash,
        )?;
        Ok(UploadPartOutput {
            e_tag,
            ..UploadPartOutput::default()
        })
    }

    pub(super) fn keep_part(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        number: PartNumber,
        content: Content,
        hash: [u8; 16],
    ) -> s3s::S3Result<()> {
        let part = Part {
            content,
            hash,
            modified: self.shared.clock.now(),
        };
        let mut buckets = self.shared.buckets();
        buckets.bucket(bucket)?.upload(key, id)?.add(number, part)
    }

    pub(super) fn complete(
        &self,
        input: CompleteMultipartUploadInput,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let guard: Guard = self.put_guard(input.if_match, input.if_none_match);
        let named = input.multipart_upload.and_then(|named| named.parts);
        let mut parts = Vec::new();
        for part in named.unwrap_or_default() {
            let number = part.part_number;
            let number = number.ok_or_else(|| s3_error!(MalformedXML, "a part has no number"))?;
            parts.push((number, part.e_tag));
        }
        let now = self.shared.clock.now();
        let mut buckets = self.shared.buckets();
        let bucket = buckets.bucket(&input.bucket)?;
        let made = bucket.complete(
            &input.key,
            &input.upload_id,
            &parts,
            &guard,
            self.shared.options.wants_equal_parts,
            now,
        )?;
        Ok(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(tag(&made)),
            ..CompleteMultipartUploadOutput::default()
        })
    }

    pub(super) fn abort(
        &self,
        input: AbortMultipartUploadInput,
    ) -> Answer<AbortMultipartUploadOutput> {
        let mut buckets = self.shared.buckets();
        let bucket = buckets.bucket(&input.bucket)?;
        let removed = bucket.uploads.remove(&(input.key, input.upload_id));
        removed.ok_or_else(|| s3_error!(NoSuchUpload))?;
        Ok(AbortMultipartUploadOutput::default())
    }
}
