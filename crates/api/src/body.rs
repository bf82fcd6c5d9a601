//! The body of a request: read as it comes, watched for silence and dawdling, and never buffered
//! beyond what the reader asks for.

mod framing;
mod pace;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::{Version, header};
use bytes::{Bytes, BytesMut};
use framing::Framing;
use futures::Stream as _;
use pace::{Pace, Verdict};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::timeout;

/// How slow a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyPace {
    /// How long it may send nothing at all.
    pub silence: Duration,
    /// Bytes a second that it must reach, taken over `window`.
    pub floor_bytes_per_second: u64,
    /// How much time of waiting for the client goes into one measurement.
    pub window: Duration,
}

impl Default for BodyPace {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(30),
            floor_bytes_per_second: 64,
            window: Duration::from_mins(1),
        }
    }
}

/// Why a body did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The client sent nothing for too long.
    #[error("client stopped sending")]
    Silent,
    /// The client sends too slowly.
    #[error("client sends too slowly")]
    Slow,
    /// The connection ended, or what came was not framed right.
    #[error("request body broke off")]
    Broken(#[source] PayloadError),
}

/// A body that was larger than its reader takes, or did not come to its end.
#[derive(Debug)]
pub(crate) enum CollectError {
    /// More than the limit.
    TooLarge,
    /// It broke off.
    Body(BodyError),
}

/// The most bytes that are read and thrown away after a refusal, so that the connection can be
/// used again. With more to come it is closed instead, once the client had time to read the answer.
const DRAIN_BYTES: u64 = 1024 * 1024;
/// How long throwing away may take.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// The body of one request.
pub(crate) struct RequestBody {
    payload: Payload,
    length: Option<u64>,
    received: u64,
    is_ended: bool,
    pace: Pace,
    framing: Framing,
}

impl RequestBody {
    /// Takes the body of `request`. Nothing is read yet.
    pub(crate) fn new(request: &HttpRequest, payload: Payload, pace: BodyPace) -> Self {
        let is_ended = matches!(payload, Payload::None);
        let named = request.headers().get(header::CONTENT_LENGTH);
        let length = match named.and_then(|value| value.to_str().ok()?.parse().ok()) {
            Some(length) => Some(length),
            None => is_ended.then_some(0),
        };
        let framing = if length.is_none() && shares_connection(request) {
            Framing::chunked(request.conn_data())
        } else {
            Framing::unwatched()
        };
        Self {
            payload,
            length,
            received: 0,
            is_ended,
            pace: Pace::new(pace),
            framing,
        }
    }

    /// Returns the length that the client named; `None` when it named none.
    pub(crate) const fn length(&self) -> Option<u64> {
        self.length
    }

    /// Returns how many bytes came.
    pub(crate) const fn received(&self) -> u64 {
        self.received
    }

    /// Returns the next bytes, `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Reads the body into memory, at most `limit` bytes of it.
    pub(crate) async fn collect(&mut self, limit: usize) -> Result<Bytes, CollectError> {
        let limit_bytes = limit as u64;
        if self.length.is_some_and(|length| length > limit_bytes) {
            return Err(CollectError::TooLarge);
        }
        let Some(first) = self.next().await.map_err(CollectError::Body)? else {
            return Ok(Bytes::new());
        };
        if first.len() > limit {
            return Err(CollectError::TooLarge);
        }
        // One piece is the whole body of most manifests: no copy then.
        let Some(second) = self.next().await.map_err(CollectError::Body)? else {
            return Ok(first);
        };
        let mut bytes = BytesMut::from(&*first);
        let mut next = Some(second);
        while let Some(piece) = next {
            if bytes.len() + piece.len() > limit {
                return Err(CollectError::TooLarge);
            }
            bytes.extend_from_slice(&piece);
            next = self.next().await.map_err(CollectError::Body)?;
        }
        Ok(bytes.freeze())
    }

    /// Reads what is left and throws it away, if it is little. Afterwards the body is at its end,
    /// or the connection has to be closed: see [`Self::into_unread`].
    pub(crate) async fn drain(&mut self) -> Result<(), BodyError> {
        if self.is_ended || self.left().is_some_and(|left| left > DRAIN_BYTES) {
            return Ok(());
        }
        let end = self.received.saturating_add(DRAIN_BYTES);
        let read_on = async {
            while self.received < end && self.next().await?.is_some() {}
            Ok(())
        };
        // Running out of time leaves the rest unread, as does too long a rest.
        timeout(DRAIN_TIME, read_on).await.unwrap_or(Ok(()))
    }

    /// Returns what was not read, if anything: as long as it lives, actix closes the connection
    /// after the answer, and reads on for a while before it does, so that the client can take the
    /// answer instead of a reset. Dropped, a chunked body would be read for ever.
    pub(crate) fn into_unread(self) -> Option<Unread> {
        (!self.is_ended).then_some(Unread {
            _payload: self.payload,
        })
    }

    fn left(&self) -> Option<u64> {
        self.length
            .map(|length| length.saturating_sub(self.received))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        if self.is_ended {
            return Poll::Ready(Ok(None));
        }
        let polled = Pin::new(&mut self.payload).poll_next(cx);
        if let Poll::Ready(Some(Ok(bytes))) = &polled {
            self.received += bytes.len() as u64;
            self.pace.received(bytes.len());
        }
        if self.framing.is_excessive(self.received) {
            self.is_ended = true;
            return Poll::Ready(Err(BodyError::Broken(PayloadError::EncodingCorrupted)));
        }
        match polled {
            Poll::Ready(Some(Ok(bytes))) => Poll::Ready(Ok(Some(bytes))),
            Poll::Ready(Some(Err(error))) => {
                self.is_ended = true;
                Poll::Ready(Err(BodyError::Broken(error)))
            }
            Poll::Ready(None) => {
                self.is_ended = true;
                Poll::Ready(Ok(None))
            }
            Poll::Pending => match self.pace.poll(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Verdict::Silent) => Poll::Ready(Err(BodyError::Silent)),
                Poll::Ready(Verdict::Slow) => Poll::Ready(Err(BodyError::Slow)),
            },
        }
    }
}

/// The part of a body that nobody reads.
pub(crate) struct Unread {
    _payload: Payload,
}

/// Tells whether throwing away the rest of a body matters for the connection. Streams of HTTP/2
/// are independent.
pub(crate) fn shares_connection(request: &HttpRequest) -> bool {
    request.version() < Version::HTTP_2
}

#[cfg(test)]
mod tests;
