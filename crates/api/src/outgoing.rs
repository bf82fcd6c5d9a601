//! The bodies of answers: nothing, bytes in memory, or a stream of known length.

use crate::connection::FileBody;
use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use futures::Stream;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The most bytes handed to actix at once.
///
/// It copies them into its write buffer, whose allocation it keeps only while the buffer does not
/// grow beyond `h1_write_buffer_bytes`; larger pieces would have it allocate anew for each.
const PIECE_BYTES: usize = 256 * 1024;

pub(crate) type BoxError = Box<dyn Error>;
type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>>>>;

/// The body of an answer.
pub(crate) enum Body {
    /// No bytes.
    Empty,
    /// No bytes, and not even a length: 204 and 304.
    None,
    /// The answer to HEAD: no bytes, but the length that GET would have.
    Headless(u64),
    /// Bytes in memory.
    Bytes(Bytes),
    /// Bytes that come as they are read.
    Stream(SizedBody),
    /// Bytes that the connection sends from a file. The answer names their number itself.
    File(FileBody),
}

/// A stream of a known number of bytes. One that ends early is an error, so that no client takes
/// the part for the whole.
pub(crate) struct SizedBody {
    length: u64,
    remaining: u64,
    piece: Bytes,
    stream: ByteStream,
}

impl Body {
    /// Makes a body of `length` bytes from `stream`.
    pub(crate) fn stream<S, E>(length: u64, stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + 'static,
        E: Into<BoxError> + 'static,
    {
        use futures::StreamExt as _;
        let stream = Box::pin(stream.map(|item| item.map_err(Into::into)));
        Self::Stream(SizedBody {
            length,
            remaining: length,
            piece: Bytes::new(),
            stream,
        })
    }

    /// Tells whether actix takes the body in one go.
    pub(crate) fn is_one_piece(&self) -> bool {
        match self {
            Self::Empty | Self::None | Self::Headless(_) => true,
            Self::Bytes(bytes) => bytes.len() <= PIECE_BYTES,
            Self::Stream(_) | Self::File(_) => false,
        }
    }

    /// Turns the body of GET into that of HEAD.
    pub(crate) fn headless(self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Headless(length) => Self::Headless(length),
            Self::Empty => Self::Headless(0),
            Self::Bytes(bytes) => Self::Headless(bytes.len() as u64),
            Self::Stream(body) => Self::Headless(body.length),
            Self::File(body) => Self::Headless(body.length()),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Body({:?})", self.size())
    }
}

/// The store gave fewer bytes than the content has.
#[derive(Debug, thiserror::Error)]
#[error("content ended {missing} bytes before its end")]
struct ShortContent {
    missing: u64,
}

impl SizedBody {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BoxError>>> {
        while self.piece.is_empty() {
            if self.remaining == 0 {
                return Poll::Ready(None);
            }
            match ready!(self.stream.as_mut().poll_next(cx)) {
                Some(Ok(bytes)) => self.piece = bytes,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    return Poll::Ready(Some(Err(ShortContent {
                        missing: self.remaining,
                    }
                    .into())));
                }
            }
        }
        let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        let piece = self
            .piece
            .split_to(PIECE_BYTES.min(wanted).min(self.piece.len()));
        self.remaining -= piece.len() as u64;
        if self.remaining == 0 {
            self.piece = Bytes::new();
        }
        Poll::Ready(Some(Ok(piece)))
    }
}

impl MessageBody for Body {
    type Error = BoxError;

    fn size(&self) -> BodySize {
        match self {
            Self::None => BodySize::None,
            Self::Empty => BodySize::Sized(0),
            Self::Headless(length) => BodySize::Sized(*length),
            Self::Bytes(bytes) => BodySize::Sized(bytes.len() as u64),
            Self::Stream(body) => BodySize::Sized(body.length),
            // With a length actix would count the bytes that pass through it: none.
            Self::File(_) => BodySize::Stream,
        }
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        match self.get_mut() {
            Self::None | Self::Empty | Self::Headless(_) => Poll::Ready(None),
            Self::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Bytes(bytes) => {
                let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
                Poll::Ready(Some(Ok(piece)))
            }
            Self::Stream(body) => body.poll_piece(cx),
            Self::File(body) => body
                .poll_over(cx)
                .map(|over| over.err().map(|error| Err(error.into()))),
        }
    }

    fn try_into_bytes(self) -> Result<Bytes, Self> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Empty => Ok(Bytes::new()),
            other => Err(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::poll_fn;
    use futures::stream;
    use std::io;

    async fn read(mut body: Body) -> Result<Vec<Bytes>, BoxError> {
        let mut pieces = Vec::new();
        while let Some(piece) = poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await {
            pieces.push(piece?);
        }
        Ok(pieces)
    }

    fn items(items: Vec<Result<Bytes, io::Error>>) -> impl Stream<Item = Result<Bytes, io::Error>> {
        stream::iter(items)
    }

    #[tokio::test]
    async fn a_stream_is_cut_into_pieces_and_empty_items_are_passed_over() {
        let large = Bytes::from(vec![7; 2 * PIECE_BYTES + 5]);
        let body = Body::stream(
            large.len() as u64 + 1,
            items(vec![
                Ok(Bytes::new()),
                Ok(large),
                Ok(Bytes::from_static(b"x")),
            ]),
        );

        let lengths: Vec<usize> = read(body).await.unwrap().iter().map(Bytes::len).collect();

        assert_eq!(lengths, [PIECE_BYTES, PIECE_BYTES, 5, 1]);
    }

    #[tokio::test]
    async fn a_stream_that_ends_early_is_an_error() {
        let body = Body::stream(10, items(vec![Ok(Bytes::from_static(b"abc"))]));
        assert_eq!(
            read(body).await.unwrap_err().to_string(),
            "content ended 7 bytes before its end"
        );
    }

    #[tokio::test]
    async fn a_stream_never_gives_more_than_its_length() {
        let body = Body::stream(2, items(vec![Ok(Bytes::from_static(b"abc"))]));
        assert_eq!(read(body).await.unwrap(), [Bytes::from_static(b"ab")]);
    }

    #[tokio::test]
    async fn an_error_of_the_store_is_handed_on() {
        let body = Body::stream(10, items(vec![Err(io::Error::other("disk"))]));
        assert_eq!(read(body).await.unwrap_err().to_string(), "disk");
    }

    #[tokio::test]
    async fn head_keeps_the_length_and_gives_no_bytes() {
        for (body, length) in [
            (Body::Empty, 0),
            (Body::Bytes(Bytes::from_static(b"abc")), 3),
            (Body::stream(9, items(Vec::new())), 9),
            (Body::Headless(4), 4),
        ] {
            let head = body.headless();
            assert_eq!(head.size(), BodySize::Sized(length));
            assert!(read(head).await.unwrap().is_empty());
        }
        assert_eq!(Body::None.headless().size(), BodySize::None);
    }
}
