//! Copies inside the server, and deletes of many keys: what other registries ask for.

use super::bucket::{Guard, Object};
use super::content::Content;
use super::objects::tag;
use super::service::{Answer, Service};
use md5::{Digest, Md5};
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopyPartResult, CopySource,
    DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, UploadPartCopyInput,
    UploadPartCopyOutput,
};
use s3s::{S3Error, S3Result, s3_error};

impl Service {
    pub(super) fn copy(&self, input: CopyObjectInput) -> Answer<CopyObjectOutput> {
        let source = self.source(&input.copy_source)?;
        let now = self.shared.clock.now();
        let object = Object {
            modified: now,
            ..source
        };
        let result = CopyObjectResult {
            e_tag: Some(tag(&object.tag)),
            last_modified: Some(now.into()),
            ..CopyObjectResult::default()
        };
        let mut buckets = self.shared.buckets();
        let bucket = buckets.bucket(&input.bucket)?;
        bucket.put(input.key, object, &Guard::default())?;
        Ok(CopyObjectOutput {
            copy_object_result: Some(result),
            ..CopyObjectOutput::default()
        })
    }

    pub(super) async fn copy_part(
        &self,
        input: UploadPartCopyInput,
    ) -> Answer<UploadPartCopyOutput> {
        let source = self.source(&input.copy_source)?.content;
        let range = match &input.copy_source_range {
            Some(text) => s3s::dto::Range::parse(text)
                .map_err(|_| s3_error!(InvalidArgument))?
                .check(source.length())?,
            None => 0..source.length(),
        };
        let bytes = source.bytes(range).await.map_err(S3Error::internal_error)?;
        let hash: [u8; 16] = Md5::digest(&bytes).into();
        let result = CopyPartResult {
            e_tag: Some(tag(&hex::encode(hash))),
            last_modified: Some(self.shared.clock.now().into()),
            ..CopyPartResult::default()
        };
        self.keep_part(
            &input.bucket,
            &input.key,
            &input.upload_id,
            input.part_number,
            Content::held(bytes),
            hash,
        )?;
        Ok(UploadPartCopyOutput {
            copy_part_result: Some(result),
            ..UploadPartCopyOutput::default()
        })
    }

    pub(super) fn delete_many(&self, input: DeleteObjectsInput) -> Answer<DeleteObjectsOutput> {
        let mut buckets = self.shared.buckets();
        let bucket = buckets.bucket(&input.bucket)?;
        let mut deleted = Vec::new();
        for object in input.delete.objects {
            bucket.delete(&object.key, &Guard::default())?;
            deleted.push(DeletedObject {
                key: Some(object.key),
                ..DeletedObject::default()
            });
        }
        Ok(DeleteObjectsOutput {
            deleted: Some(deleted),
            ..DeleteObjectsOutput::default()
        })
    }

    fn source(&self, source: &CopySource) -> S3Result<Object> {
        match source {
            CopySource::Bucket { bucket, key, .. } => self.find(bucket, key),
            _ => Err(s3_error!(NotImplemented)),
        }
    }
}
