//! The operations that the fake knows, each handed to where it is done.

use super::Shared;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput,
    DeleteObjectsOutput, GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput,
    HeadObjectInput, HeadObjectOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput,
    ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput, PutObjectInput,
    PutObjectOutput, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result};
use std::sync::Arc;

/// What an operation answers.
pub(super) type Answer<T> = S3Result<T>;

pub(super) struct Service {
    pub(super) shared: Arc<Shared>,
}

/// Hands operations that wait for nothing, and those that wait for a body, to their methods.
macro_rules! operations {
    ($($name:ident($input:ty) -> $output:ty { |$service:ident, $request:ident| $act:expr })*) => {
        #[async_trait::async_trait]
        impl S3 for Service {
            $(
                async fn $name(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                    let ($service, $request) = (self, request.input);
                    Ok(S3Response::new($act?))
                }
            )*
        }
    };
}

operations! {
    head_bucket(HeadBucketInput) -> HeadBucketOutput {
        |service, input| service.shared.buckets().bucket(&input.bucket).map(|_| HeadBucketOutput::default())
    }
    put_object(PutObjectInput) -> PutObjectOutput { |service, input| service.put(input).await }
    get_object(GetObjectInput) -> GetObjectOutput { |service, input| service.get(&input) }
    head_object(HeadObjectInput) -> HeadObjectOutput { |service, input| service.head(&input) }
    delete_object(DeleteObjectInput) -> DeleteObjectOutput { |service, input| service.delete(&input) }
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput {
        |service, input| service.delete_many(input)
    }
    copy_object(CopyObjectInput) -> CopyObjectOutput { |service, input| service.copy(input) }
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output {
        |service, input| service.list(input)
    }
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput {
        |service, input| service.create_upload(input)
    }
    upload_part(UploadPartInput) -> UploadPartOutput {
        |service, input| service.receive_part(input).await
    }
    upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput {
        |service, input| service.copy_part(input).await
    }
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput {
        |service, input| service.complete(input)
    }
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput {
        |service, input| service.abort(input)
    }
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput {
        |service, input| service.list_uploads(input)
    }
    list_parts(ListPartsInput) -> ListPartsOutput { |service, input| service.list_parts(input) }
}
