//! The whole of a blob, a part of it, or several parts in one `multipart/byteranges` answer.

use crate::connection::{FileBody, Shared};
use crate::error::ApiError;
use crate::outgoing::{Body, BoxError};
use crate::respond::{self, OCTET_STREAM, Reply};
use actix_web::http::StatusCode;
use actix_web::http::header;
use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use roadstead_oci::ByteRange;
use roadstead_registry::{Blob, BlobBody};
use std::ops::Range;
use std::rc::Rc;

/// Answers 200 with all bytes.
pub(crate) async fn whole(blob: &Blob, wire: Option<Rc<Shared>>) -> Result<Reply, ApiError> {
    read(StatusCode::OK, blob, 0..blob.size(), wire).await
}

/// Answers 206 with one range.
pub(crate) async fn single(
    blob: &Blob,
    range: ByteRange,
    wire: Option<Rc<Shared>>,
) -> Result<Reply, ApiError> {
    let mut reply = read(StatusCode::PARTIAL_CONTENT, blob, bounds(range), wire).await?;
    let content_range = respond::header_value(content_range(range, blob.size()));
    reply
        .headers_mut()
        .insert(header::CONTENT_RANGE, content_range);
    Ok(reply)
}

/// Answers 206 with several ranges (RFC 9110, section 15.3.7.2). `boundary` must be unguessable,
/// so that no content can hold it on purpose.
pub(crate) fn multiple(blob: Blob, ranges: Vec<ByteRange>, boundary: &str) -> Reply {
    let size = blob.size();
    let end = Bytes::from(format!("\r\n--{boundary}--\r\n"));
    let mut length = end.len() as u64;
    let mut parts = Vec::with_capacity(ranges.len());
    for (position, range) in ranges.into_iter().enumerate() {
        let head = part_head(range, size, boundary, position == 0);
        length += head.len() as u64 + range.len();
        parts.push((head, range));
    }

    let blob = Rc::new(blob);
    let parts = stream::iter(parts).map(Ok::<_, BoxError>);
    let content = parts.and_then(move |(head, range)| {
        let blob = Rc::clone(&blob);
        // A range is opened when the part before it was sent, so that one at a time is open.
        async move { Ok(one(head).chain(pieces(blob.read(bounds(range)).await?))) }
    });
    let content = content.try_flatten().chain(one(end));
    let mut reply = Reply::with_body(StatusCode::PARTIAL_CONTENT, Body::stream(length, content));
    let media_type = respond::header_value(format!("multipart/byteranges; boundary={boundary}"));
    reply.headers_mut().insert(header::CONTENT_TYPE, media_type);
    reply
}

/// Answers with bytes `range`: sent from their file where that can be, else streamed.
async fn read(
    status: StatusCode,
    blob: &Blob,
    range: Range<u64>,
    wire: Option<Rc<Shared>>,
) -> Result<Reply, ApiError> {
    let length = range.end - range.start;
    if let Some(wire) = wire
        && let Some(file) = blob.open_file(&range).await?
    {
        let body = Body::File(FileBody::new(wire, file, range));
        let mut reply = Reply::with_body(status, body);
        reply.head_mut().no_chunking(true);
        let headers = reply.headers_mut();
        headers.insert(header::CONTENT_LENGTH, length.into());
        return Ok(reply);
    }
    let body = match blob.read(range).await? {
        BlobBody::Inline(bytes) => Body::Bytes(bytes),
        BlobBody::Stream(stream) => Body::stream(length, stream),
    };
    Ok(Reply::with_body(status, body))
}

fn pieces(body: BlobBody) -> stream::LocalBoxStream<'static, Result<Bytes, BoxError>> {
    match body {
        BlobBody::Inline(bytes) => one(bytes).boxed_local(),
        BlobBody::Stream(stream) => stream.map_err(Into::into).boxed_local(),
    }
}

fn one(bytes: Bytes) -> impl Stream<Item = Result<Bytes, BoxError>> {
    stream::iter([Ok(bytes)])
}

fn part_head(range: ByteRange, size: u64, boundary: &str, is_first: bool) -> Bytes {
    // The line break before a boundary belongs to it; before the first there is no line to break.
    let line_break = if is_first { "" } else { "\r\n" };
    let content_range = content_range(range, size);
    let head = format!(
        "{line_break}--{boundary}\r\nContent-Type: {OCTET_STREAM}\r\nContent-Range: {content_range}\r\n\r\n"
    );
    Bytes::from(head)
}

fn content_range(range: ByteRange, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start(), range.end())
}

fn bounds(range: ByteRange) -> Range<u64> {
    range.start()..range.start() + range.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_oci::{ByteRanges, RangeOutcome};

    fn range(text: &str) -> ByteRange {
        match ByteRanges::parse(text, 1000) {
            RangeOutcome::Single(range) => range,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn bounds_are_half_open_and_content_range_is_inclusive() {
        let range = range("bytes=900-");
        assert_eq!(bounds(range), 900..1000);
        assert_eq!(content_range(range, 1000), "bytes 900-999/1000");
    }

    #[test]
    fn every_part_tells_its_type_and_range() {
        let first = part_head(range("bytes=0-0"), 1000, "b", true);
        assert_eq!(
            first,
            "--b\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes 0-0/1000\r\n\r\n"
        );
        assert!(part_head(range("bytes=5-6"), 1000, "b", false).starts_with(b"\r\n--b\r\n"));
    }
}
