//! Tests of reading bodies into memory and of throwing them away.

use super::*;
use actix_web::test::TestRequest;
use futures::stream;

fn body(length: Option<u64>, pieces: Vec<Result<Bytes, PayloadError>>) -> RequestBody {
    let mut request = TestRequest::default();
    if let Some(length) = length {
        request = request.insert_header((header::CONTENT_LENGTH, length));
    }
    let payload = Payload::from(Box::pin(stream::iter(pieces))
        as Pin<Box<dyn futures::Stream<Item = Result<Bytes, PayloadError>>>>);
    RequestBody::new(&request.to_http_request(), payload, BodyPace::default())
}

fn piece(bytes: &'static [u8]) -> Bytes {
    Bytes::from_static(bytes)
}

#[tokio::test]
async fn a_body_is_collected_up_to_the_limit() {
    let mut exact = body(None, vec![Ok(piece(b"ab")), Ok(piece(b"cd"))]);
    assert_eq!(exact.collect(4).await.unwrap(), "abcd");
    assert_eq!(exact.received(), 4);

    let mut large = body(
        None,
        vec![Ok(piece(b"ab")), Ok(piece(b"cd")), Ok(piece(b"e"))],
    );
    assert!(matches!(
        large.collect(4).await,
        Err(CollectError::TooLarge)
    ));
}

#[tokio::test]
async fn a_body_that_names_too_large_a_length_is_not_read() {
    let mut large = body(Some(5), vec![Ok(piece(b"abcde"))]);
    assert!(matches!(
        large.collect(4).await,
        Err(CollectError::TooLarge)
    ));
    assert_eq!(large.received(), 0);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_body() {
    let mut broken = body(
        Some(4),
        vec![Ok(piece(b"ab")), Err(PayloadError::Incomplete(None))],
    );
    assert!(matches!(
        broken.collect(4).await,
        Err(CollectError::Body(BodyError::Broken(_)))
    ));
}

#[tokio::test]
async fn a_request_without_a_body_has_length_zero() {
    let request = TestRequest::default().to_http_request();
    let mut none = RequestBody::new(&request, Payload::None, BodyPace::default());
    assert_eq!(none.length(), Some(0));
    assert!(none.next().await.unwrap().is_none());
    assert!(none.into_unread().is_none());
}

#[tokio::test]
async fn a_short_rest_is_read_and_a_long_one_is_not() {
    let mut short = body(None, vec![Ok(piece(b"ab")), Ok(piece(b"cd"))]);
    short.drain().await.unwrap();
    assert!(short.into_unread().is_none());

    let mut long = body(Some(DRAIN_BYTES + 1), vec![Ok(piece(b"ab"))]);
    long.drain().await.unwrap();
    assert_eq!(long.received(), 0);
    assert!(long.into_unread().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_rest_that_never_comes_is_given_up() {
    let request = TestRequest::default().to_http_request();
    let payload = Payload::from(Box::pin(stream::pending())
        as Pin<Box<dyn futures::Stream<Item = Result<Bytes, PayloadError>>>>);
    let mut stuck = RequestBody::new(&request, payload, BodyPace::default());

    stuck.drain().await.unwrap();

    assert!(stuck.into_unread().is_some());
}
