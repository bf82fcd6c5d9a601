//! Turns what the SDK reports into storage errors, and tells what is certain of a failed request.

use crate::{Kind, Operation, StorageError};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use std::error::Error;
use std::fmt;

/// A failed request.
#[derive(Debug)]
pub(super) struct Failure {
    /// The HTTP status, when there was an answer.
    pub(super) status: Option<u16>,
    /// The code that S3 gave, or nothing.
    pub(super) code: String,
    certainty: Certainty,
    cause: Cause,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(formatter)
    }
}

/// What is known of a request that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certainty {
    /// It was not executed, and never will be.
    NotExecuted,
    /// It may have been executed, or may be later.
    Unknown,
}

/// The text of the SDK's error with everything below it, for a log.
#[derive(Debug)]
struct Cause(String);

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for Cause {}

impl<E> From<SdkError<E, HttpResponse>> for Failure
where
    E: Error + ProvideErrorMetadata + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        Self::of(&error)
    }
}

impl Failure {
    /// An answer that did not come, or not whole.
    pub(super) fn late(reason: impl fmt::Display) -> Self {
        Self {
            status: None,
            code: String::new(),
            certainty: Certainty::Unknown,
            cause: Cause(reason.to_string()),
        }
    }

    /// Reads what the SDK reports.
    fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let status = error
            .raw_response()
            .map(|response| response.status().as_u16());
        let code = error.code().unwrap_or_default().to_owned();
        let cause = match (error.message(), code.as_str(), status) {
            (Some(message), code, Some(status)) if !code.is_empty() => {
                format!("the store answered {status} {code}: {message}")
            }
            (_, code, Some(status)) if !code.is_empty() => {
                format!("the store answered {status} {code}")
            }
            (_, _, Some(status @ 400..)) => format!("the store answered {status}"),
            _ => DisplayErrorContext(error).to_string(),
        };
        let certainty = match error {
            SdkError::ConstructionFailure(_) => Certainty::NotExecuted,
            SdkError::DispatchFailure(failure) if was_refused(failure) => Certainty::NotExecuted,
            SdkError::ServiceError(_) => certainty(status, &code),
            _ => Certainty::Unknown,
        };
        Self {
            status,
            code,
            certainty,
            cause: Cause(cause),
        }
    }

    /// Returns what is known of the request.
    pub(super) const fn certainty(&self) -> Certainty {
        self.certainty
    }

    /// Tells whether what was asked for is not there.
    pub(super) fn is_not_found(&self) -> bool {
        self.status == Some(404) && self.code != "NoSuchBucket"
    }

    /// Tells whether the store looked at a condition and refused.
    pub(super) fn is_refused(&self) -> bool {
        self.status == Some(412)
    }

    /// Tells whether the same request may succeed later.
    pub(super) fn may_pass(&self) -> bool {
        self.kind() == Kind::Unavailable && self.code != "NoSuchBucket"
    }

    /// Returns what a caller can do about it.
    pub(super) fn kind(&self) -> Kind {
        match self.code.as_str() {
            "NoSuchBucket" | "RequestTimeout" | "SlowDown" => return Kind::Unavailable,
            "KeyTooLongError" | "XMinioInvalidObjectName" => return Kind::Invalid,
            "QuotaExceeded" | "XMinioStorageFull" | "XMinioAdminBucketQuotaExceeded" => {
                return Kind::Full;
            }
            _ => {}
        }
        match self.status {
            Some(401 | 403) => Kind::Denied,
            Some(404) => Kind::NotFound,
            Some(507) => Kind::Full,
            // An answer of success that could not be read to its end is as good as none.
            None | Some(..=399 | 408 | 409 | 425 | 429 | 500..) => Kind::Unavailable,
            Some(_) => Kind::Io,
        }
    }

    /// Makes the storage error.
    pub(super) fn into_error(self, operation: Operation, key: &str) -> StorageError {
        StorageError::new(self.kind(), operation, key, self.cause)
    }
}

fn certainty(status: Option<u16>, code: &str) -> Certainty {
    match (status, code) {
        (Some(503), "SlowDown") | (Some(429), _) => Certainty::NotExecuted,
        (Some(status), _) if (400..500).contains(&status) => Certainty::NotExecuted,
        _ => Certainty::Unknown,
    }
}

/// Tells whether no connection came about, so that nothing was sent.
fn was_refused(failure: &aws_smithy_runtime_api::client::result::DispatchFailure) -> bool {
    let mut cause = failure
        .as_connector_error()
        .map(|error| error as &(dyn Error + 'static));
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        cause = error.source();
    }
    false
}
