//! What the buckets hold, and the writes that must be atomic. Everything here runs under one lock.

use super::content::Content;
use md5::{Digest, Md5};
use s3s::dto::{ETag, ETagCondition, PartNumber};
use s3s::{S3Result, s3_error};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// The least length of a part that is not the last, in bytes.
const LEAST_PART_BYTES: u64 = 5 * 1024 * 1024;
/// The greatest length of an object that is put in one request, and of a part, in bytes.
const MOST_PUT_BYTES: u64 = 5 * 1024 * 1024 * 1024;
const MOST_KEY_BYTES: usize = 1024;

/// What a client may say about an object that it makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writable {
    /// `x-amz-storage-class`
    pub storage_class: Option<String>,
    /// `x-amz-server-side-encryption`
    pub encryption: Option<String>,
    /// `x-amz-server-side-encryption-aws-kms-key-id`
    pub kms_key: Option<String>,
    /// `x-amz-meta-…`
    pub metadata: BTreeMap<String, String>,
}

/// An object as tests look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectView {
    /// Its length in bytes.
    pub length: u64,
    /// Its entity tag, without quotes.
    pub tag: String,
    /// What its maker said.
    pub writable: Writable,
}

#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) content: Content,
    pub(super) tag: String,
    pub(super) modified: SystemTime,
    pub(super) writable: Writable,
}

#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) content: Content,
    pub(super) hash: [u8; 16],
    pub(super) modified: SystemTime,
}

#[derive(Debug)]
pub(super) struct Multipart {
    pub(super) initiated: SystemTime,
    pub(super) writable: Writable,
    pub(super) parts: BTreeMap<PartNumber, Part>,
}

/// The conditions of a write.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
}

#[derive(Debug, Default)]
pub(super) struct Bucket {
    pub(super) objects: BTreeMap<String, Object>,
    /// By key and upload id.
    pub(super) uploads: BTreeMap<(String, String), Multipart>,
}

#[derive(Debug, Default)]
pub(super) struct Buckets {
    buckets: BTreeMap<String, Bucket>,
    last_upload: u64,
}

impl Buckets {
    pub(super) fn new(names: &[String]) -> Self {
        let buckets = names.iter().map(|name| (name.clone(), Bucket::default()));
        Self {
            buckets: buckets.collect(),
            last_upload: 0,
        }
    }

    pub(super) fn bucket(&mut self, name: &str) -> S3Result<&mut Bucket> {
        let found = self.buckets.get_mut(name);
        found.ok_or_else(|| s3_error!(NoSuchBucket))
    }

    /// Makes the id of a new upload; later ones sort later.
    pub(super) fn next_upload_id(&mut self) -> String {
        self.last_upload += 1;
        format!("upload-{:012}", self.last_upload)
    }

    pub(super) fn keys(&self, bucket: &str) -> Vec<String> {
        let bucket = self.buckets.get(bucket);
        bucket.map_or_else(Vec::new, |bucket| bucket.objects.keys().cloned().collect())
    }

    pub(super) fn open_uploads(&self, bucket: &str) -> Vec<String> {
        let bucket = self.buckets.get(bucket);
        let keys = bucket.map(|bucket| bucket.uploads.keys().map(|(key, _)| key.clone()));
        keys.map_or_else(Vec::new, Iterator::collect)
    }

    pub(super) fn view(&self, bucket: &str, key: &str) -> Option<ObjectView> {
        let object = self.buckets.get(bucket)?.objects.get(key)?;
        Some(ObjectView {
            length: object.content.length(),
            tag: object.tag.clone(),
            writable: object.writable.clone(),
        })
    }
}

impl Bucket {
    pub(super) fn object(&self, key: &str) -> S3Result<&Object> {
        self.objects.get(key).ok_or_else(|| s3_error!(NoSuchKey))
    }

    pub(super) fn upload(&mut self, key: &str, id: &str) -> S3Result<&mut Multipart> {
        let found = self.uploads.get_mut(&(key.to_owned(), id.to_owned()));
        found.ok_or_else(|| s3_error!(NoSuchUpload))
    }

    pub(super) fn put(&mut self, key: String, object: Object, guard: &Guard) -> S3Result<()> {
        if object.content.length() > MOST_PUT_BYTES {
            return Err(s3_error!(EntityTooLarge));
        }
        check_key(&key)?;
        self.check(&key, guard)?;
        self.objects.insert(key, object);
        Ok(())
    }

    /// Completes an upload; returns the tag of the object.
    pub(super) fn complete(
        &mut self,
        key: &str,
        id: &str,
        named: &[(PartNumber, Option<ETag>)],
        guard: &Guard,
        wants_equal_parts: bool,
        now: SystemTime,
    ) -> S3Result<String> {
        let upload = self.upload(key, id)?;
        let parts = choose(upload, named)?;
        check_lengths(&parts, wants_equal_parts)?;
        let writable = upload.writable.clone();
        self.check(key, guard)?;
        let mut hash = Md5::new();
        for part in &parts {
            hash.update(part.hash);
        }
        let tag = format!("{}-{}", hex::encode(hash.finalize()), parts.len());
        let content = Content::joined(parts.into_iter().map(|part| part.content));
        let object = Object {
            content,
            tag: tag.clone(),
            modified: now,
            writable,
        };
        self.objects.insert(key.to_owned(), object);
        self.uploads.remove(&(key.to_owned(), id.to_owned()));
        Ok(tag)
    }

    pub(super) fn delete(&mut self, key: &str, guard: &Guard) -> S3Result<()> {
        self.check(key, guard)?;
        self.objects.remove(key);
        Ok(())
    }

    /// Checks conditions as S3 does: `If-Match` on what is not there is 404.
    fn check(&self, key: &str, guard: &Guard) -> S3Result<()> {
        let there = self.objects.get(key).map(|object| object.tag.as_str());
        match &guard.if_none_match {
            None => {}
            Some(ETagCondition::Any) if there.is_none() => {}
            Some(ETagCondition::Any) => return Err(s3_error!(PreconditionFailed)),
            Some(ETagCondition::ETag(_)) => return Err(s3_error!(NotImplemented)),
        }
        match (&guard.if_match, there) {
            (None, _) | (Some(ETagCondition::Any), Some(_)) => Ok(()),
            (Some(_), None) => Err(s3_error!(NoSuchKey)),
            (Some(ETagCondition::ETag(tag)), Some(there)) if tag.as_strong() == Some(there) => {
                Ok(())
            }
            (Some(ETagCondition::ETag(_)), Some(_)) => Err(s3_error!(PreconditionFailed)),
        }
    }
}

impl Multipart {
    pub(super) fn add(&mut self, number: PartNumber, part: Part) -> S3Result<()> {
        if !(1..=10_000).contains(&number) {
            return Err(s3_error!(
                InvalidArgument,
                "part numbers run from 1 to 10000"
            ));
        }
        if part.content.length() > MOST_PUT_BYTES {
            return Err(s3_error!(EntityTooLarge));
        }
        self.parts.insert(number, part);
        Ok(())
    }
}

pub(super) fn check_key(key: &str) -> S3Result<()> {
    if key.len() > MOST_KEY_BYTES {
        return Err(s3_error!(KeyTooLongError));
    }
    Ok(())
}

/// Returns the parts that are named, which must be there with these tags and in ascending order.
fn choose(upload: &Multipart, named: &[(PartNumber, Option<ETag>)]) -> S3Result<Vec<Part>> {
    if named.is_empty() {
        return Err(s3_error!(MalformedXML));
    }
    let mut last = 0;
    let mut parts = Vec::new();
    for (number, tag) in named {
        if *number <= last {
            return Err(s3_error!(InvalidPartOrder));
        }
        last = *number;
        let part = upload.parts.get(number);
        let fits = |part: &&Part| {
            let own = hex::encode(part.hash);
            tag.as_ref().is_some_and(|tag| tag.value() == own)
        };
        let part = part.filter(fits).ok_or_else(|| s3_error!(InvalidPart))?;
        parts.push(part.clone());
    }
    Ok(parts)
}

fn check_lengths(parts: &[Part], wants_equal_parts: bool) -> S3Result<()> {
    let Some((last, others)) = parts.split_last() else {
        return Ok(());
    };
    let lengths: Vec<u64> = others.iter().map(|part| part.content.length()).collect();
    if lengths.iter().any(|length| *length < LEAST_PART_BYTES) {
        return Err(s3_error!(EntityTooSmall));
    }
    let Some(first) = lengths.first().filter(|_| wants_equal_parts) else {
        return Ok(());
    };
    let are_equal = lengths.iter().all(|length| length == first);
    if !are_equal || last.content.length() > *first {
        return Err(s3_error!(
            InvalidPart,
            "all parts but the last must have the same length"
        ));
    }
    Ok(())
}
