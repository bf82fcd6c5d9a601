//! Which operation a request is, and how many there were of each.

use hyper::Method;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// An operation of S3, as far as the fake tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "they have the names that S3 gives them")]
pub enum S3Operation {
    GetObject,
    HeadObject,
    PutObject,
    CopyObject,
    DeleteObject,
    DeleteObjects,
    ListObjects,
    CreateMultipartUpload,
    UploadPart,
    UploadPartCopy,
    CompleteMultipartUpload,
    AbortMultipartUpload,
    ListMultipartUploads,
    ListParts,
    Other,
}

impl S3Operation {
    /// Tells the operation from the request line and whether the request copies.
    pub(super) fn of(method: &Method, key: &str, query: &str, copies: bool) -> Self {
        let names = |wanted: &str| {
            let mut parameters = query.split('&');
            parameters.any(|parameter| parameter.split('=').next() == Some(wanted))
        };
        let is_bucket = key.is_empty();
        match (method, is_bucket) {
            (&Method::GET, true) if names("uploads") => Self::ListMultipartUploads,
            (&Method::GET, true) => Self::ListObjects,
            (&Method::POST, true) if names("delete") => Self::DeleteObjects,
            (&Method::GET, false) if names("uploadId") => Self::ListParts,
            (&Method::GET, false) => Self::GetObject,
            (&Method::HEAD, false) => Self::HeadObject,
            (&Method::PUT, false) if names("partNumber") && copies => Self::UploadPartCopy,
            (&Method::PUT, false) if names("partNumber") => Self::UploadPart,
            (&Method::PUT, false) if copies => Self::CopyObject,
            (&Method::PUT, false) => Self::PutObject,
            (&Method::DELETE, false) if names("uploadId") => Self::AbortMultipartUpload,
            (&Method::DELETE, false) => Self::DeleteObject,
            (&Method::POST, false) if names("uploads") => Self::CreateMultipartUpload,
            (&Method::POST, false) if names("uploadId") => Self::CompleteMultipartUpload,
            _ => Self::Other,
        }
    }
}

/// Requests by operation, and connections.
#[derive(Debug, Default)]
pub struct Counts {
    requests: Mutex<BTreeMap<S3Operation, u64>>,
    connections: AtomicU64,
}

impl Counts {
    pub(super) fn add(&self, operation: S3Operation) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry(operation).or_default() += 1;
    }

    pub(super) fn add_connection(&self) {
        self.connections.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns how many requests there were of each operation, and forgets them.
    #[must_use]
    pub fn take(&self) -> BTreeMap<S3Operation, u64> {
        std::mem::take(&mut self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns how many requests there were of one operation.
    #[must_use]
    pub fn of(&self, operation: S3Operation) -> u64 {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.get(&operation).copied().unwrap_or(0)
    }

    /// Returns how many connections were ever opened.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }
}
