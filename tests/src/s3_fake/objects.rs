//! Single objects: put, get, head, delete.

use super::bucket::{Guard, Object, Writable};
use super::content::Content;
use super::service::{Answer, Service};
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, ETag, ETagCondition, GetObjectInput, GetObjectOutput,
    HeadObjectInput, HeadObjectOutput, PutObjectInput, PutObjectOutput, Range as ByteRange,
    ServerSideEncryption, StorageClass, StreamingBlob,
};
use s3s::{S3Result, s3_error};
use std::ops::Range;

/// Takes what a client says about an object.
pub(super) fn writable(
    storage_class: Option<StorageClass>,
    encryption: Option<ServerSideEncryption>,
    kms_key: Option<String>,
    metadata: Option<s3s::dto::Metadata>,
) -> Writable {
    Writable {
        storage_class: storage_class.map(|class| class.as_str().to_owned()),
        encryption: encryption.map(|encryption| encryption.as_str().to_owned()),
        kms_key,
        metadata: metadata.unwrap_or_default().into_iter().collect(),
    }
}

pub(super) fn tag(text: &str) -> ETag {
    ETag::Strong(text.to_owned())
}

pub(super) fn length(length: u64) -> Option<i64> {
    i64::try_from(length).ok()
}

impl Service {
    /// Returns the conditions of a put, or none where this server ignores them.
    pub(super) fn put_guard(
        &self,
        if_match: Option<ETagCondition>,
        if_none_match: Option<ETagCondition>,
    ) -> Guard {
        if !self.shared.options.has_conditional_put {
            return Guard::default();
        }
        Guard {
            if_match,
            if_none_match,
        }
    }

    pub(super) async fn put(&self, input: PutObjectInput) -> Answer<PutObjectOutput> {
        let guard = self.put_guard(input.if_match, input.if_none_match);
        let (content, hash) = Content::receive(input.body).await?;
        let object = Object {
            content,
            tag: hex::encode(hash),
            modified: self.shared.clock.now(),
            writable: writable(
                input.storage_class,
                input.server_side_encryption,
                input.ssekms_key_id,
                input.metadata,
            ),
        };
        let e_tag = Some(tag(&object.tag));
        let mut buckets = self.shared.buckets();
        let bucket = buckets.bucket(&input.bucket)?;
        bucket.put(input.key, object, &guard)?;
        Ok(PutObjectOutput {
            e_tag,
            ..PutObjectOutput::default()
        })
    }

    pub(super) fn get(&self, input: &GetObjectInput) -> Answer<GetObjectOutput> {
        let object = self.find(&input.bucket, &input.key)?;
        let there = ETagCondition::ETag(ETag::Strong(object.tag.clone()));
        if input
            .if_match
            .as_ref()
            .is_some_and(|wanted| *wanted != there)
        {
            return Err(s3_error!(PreconditionFailed));
        }
        let whole = object.content.length();
        let range = checked(input.range.as_ref(), whole)?;
        let content_range = input.range.map(|_| {
            format!(
                "bytes {}-{}/{whole}",
                range.start,
                range.end.saturating_sub(1)
            )
        });
        let content_length = length(range.end - range.start);
        let body = StreamingBlob::wrap(object.content.stream(range));
        Ok(GetObjectOutput {
            body: Some(body),
            content_length,
            content_range,
            e_tag: Some(tag(&object.tag)),
            last_modified: Some(object.modified.into()),
            metadata: Some(object.writable.metadata.into_iter().collect()),
            ..GetObjectOutput::default()
        })
    }

    pub(super) fn head(&self, input: &HeadObjectInput) -> Answer<HeadObjectOutput> {
        let object = self.find(&input.bucket, &input.key)?;
        Ok(HeadObjectOutput {
            content_length: length(object.content.length()),
            e_tag: Some(tag(&object.tag)),
            last_modified: Some(object.modified.into()),
            metadata: Some(object.writable.metadata.into_iter().collect()),
            ..HeadObjectOutput::default()
        })
    }

    pub(super) fn delete(&self, input: &DeleteObjectInput) -> Answer<DeleteObjectOutput> {
        let mut guard = Guard::default();
        if self.shared.options.has_conditional_delete {
            guard.if_match.clone_from(&input.if_match);
        }
        let mut buckets = self.shared.buckets();
        buckets.bucket(&input.bucket)?.delete(&input.key, &guard)?;
        Ok(DeleteObjectOutput::default())
    }

    pub(super) fn find(&self, bucket: &str, key: &str) -> S3Result<Object> {
        let mut buckets = self.shared.buckets();
        Ok(buckets.bucket(bucket)?.object(key)?.clone())
    }
}

fn checked(range: Option<&ByteRange>, length: u64) -> S3Result<Range<u64>> {
    let Some(range) = range else {
        return Ok(0..length);
    };
    Ok(range.check(length)?)
}
