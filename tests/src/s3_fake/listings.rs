//! Listings: of objects, of open uploads, of parts; 1,000 entries a page at most.

use super::bucket::Bucket;
use super::objects::{length, tag};
use super::service::{Answer, Service};
use s3s::dto::{
    CommonPrefix, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsV2Input,
    ListObjectsV2Output, ListPartsInput, ListPartsOutput, MultipartUpload, Object as Listed, Part,
};
use s3s::{S3Result, s3_error};
use std::ops::Bound;

/// The longest page, in entries.
const PAGE: usize = 1000;

fn page(wanted: Option<i32>) -> S3Result<usize> {
    let wanted = wanted.unwrap_or(1000);
    let wanted = usize::try_from(wanted).map_err(|_| s3_error!(InvalidArgument))?;
    Ok(wanted.min(PAGE))
}

/// One line of a page.
enum Line {
    Object(Box<Listed>),
    Prefix(String),
}

/// Collects a page of objects; also returns the key to go on after, if more follow.
fn lines(
    bucket: &Bucket,
    prefix: &str,
    after: &str,
    delimiter: Option<&str>,
    limit: usize,
) -> (Vec<Line>, Option<String>) {
    let mut lines = Vec::new();
    let mut last_key = String::new();
    let mut last_prefix: Option<String> = None;
    let range = (Bound::Excluded(after), Bound::Unbounded);
    for (key, object) in bucket.objects.range::<str, _>(range) {
        let Some(rest) = key.strip_prefix(prefix) else {
            if key.as_str() > prefix {
                break;
            }
            continue;
        };
        let folder = delimiter.and_then(|delimiter| {
            let end = rest.find(delimiter)? + delimiter.len();
            Some(format!("{prefix}{}", &rest[..end]))
        });
        if folder.is_some() && folder == last_prefix {
            last_key.clone_from(key);
            continue;
        }
        if lines.len() == limit {
            return (lines, Some(last_key));
        }
        last_key.clone_from(key);
        if let Some(folder) = folder {
            lines.push(Line::Prefix(folder.clone()));
            last_prefix = Some(folder);
            continue;
        }
        lines.push(Line::Object(Box::new(Listed {
            key: Some(key.clone()),
            e_tag: Some(tag(&object.tag)),
            size: length(object.content.length()),
            last_modified: Some(object.modified.into()),
            ..Listed::default()
        })));
    }
    (lines, None)
}

impl Service {
    pub(super) fn list(&self, input: ListObjectsV2Input) -> Answer<ListObjectsV2Output> {
        if input.encoding_type.is_some() {
            return Err(s3_error!(NotImplemented));
        }
        let limit = page(input.max_keys)?;
        let prefix = input.prefix.unwrap_or_default();
        let after = input
            .continuation_token
            .clone()
            .or(input.start_after.clone());
        let delimiter = input.delimiter.as_deref().filter(|text| !text.is_empty());
        let mut buckets = self.shared.buckets();
        let bucket = buckets.bucket(&input.bucket)?;
        let (lines, next) = lines(
            bucket,
            &prefix,
            after.as_deref().unwrap_or_default(),
            delimiter,
            limit,
        );
        let key_count = i32::try_from(lines.len()).ok();
        let mut output = ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(prefix),
            max_keys: i32::try_from(limit).ok(),
            key_count,
            is_truncated: Some(next.is_some()),
            next_continuation_token: next,
            start_after: input.start_after,
            continuation_token: input.continuation_token,
            delimiter: input.delimiter,
            ..ListObjectsV2Output::default()
        };
        for line in lines {
            match line {
                Line::Object(object) => output.contents.get_or_insert_default().push(*object),
                Line::Prefix(prefix) => {
                    let common = output.common_prefixes.get_or_insert_default();
                    common.push(CommonPrefix {
                        prefix: Some(prefix),
                    });
                }
            }
        }
        Ok(output)
    }

    pub(super) fn list_uploads(
        &self,
        input: ListMultipartUploadsInput,
    ) -> Answer<ListMultipartUploadsOutput> {
        let limit = page(input.max_uploads)?;
        let prefix = input.prefix.unwrap_or_default();
        let key_marker = input.key_marker.unwrap_or_default();
        let upload_id_marker = input.upload_id_marker.unwrap_or_default();
        let mut buckets = self.shared.buckets();
        let bucket = buckets.bucket(&input.bucket)?;
        let mut output = ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            max_uploads: i32::try_from(limit).ok(),
            is_truncated: Some(false),
            ..ListMultipartUploadsOutput::default()
        };
        for ((key, id), upload) in &bucket.uploads {
            // Without an id the marker passes over all uploads of its key.
            let is_before = *key < key_marker
                || *key == key_marker && (upload_id_marker.is_empty() || *id <= upload_id_marker);
            if is_before || !key.starts_with(&prefix) {
                continue;
            }
            let uploads = output.uploads.get_or_insert_default();
            if uploads.len() == limit {
                output.is_truncated = Some(true);
                break;
            }
            uploads.push(MultipartUpload {
                key: Some(key.clone()),
                upload_id: Some(id.clone()),
                initiated: Some(upload.initiated.into()),
                ..MultipartUpload::default()
            });
            output.next_key_marker = Some(key.clone());
            output.next_upload_id_marker = Some(id.clone());
        }
        output.prefix = Some(prefix);
        Ok(output)
    }

    pub(super) fn list_parts(&self, input: ListPartsInput) -> Answer<ListPartsOutput> {
        let limit = page(input.max_parts)?;
        // The marker is a number that came as text in older versions of the protocol.
        let after = input.part_number_marker.unwrap_or_default();
        let mut buckets = self.shared.buckets();
        let bucket = buckets.bucket(&input.bucket)?;
        let upload = bucket.upload(&input.key, &input.upload_id)?;
        let mut output = ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            max_parts: i32::try_from(limit).ok(),
            is_truncated: Some(false),
            ..ListPartsOutput::default()
        };
        for (number, part) in upload.parts.range(after.saturating_add(1)..) {
            let parts = output.parts.get_or_insert_default();
            if parts.len() == limit {
                output.is_truncated = Some(true);
                break;
            }
            parts.push(Part {
                part_number: Some(*number),
                e_tag: Some(tag(&hex::encode(part.hash))),
                size: length(part.content.length()),
                last_modified: Some(part.modified.into()),
                ..Part::default()
            });
            output.next_part_number_marker = Some(*number);
        }
        Ok(output)
    }
}
