//! Blobs: up in chunks and in one piece, down whole and in parts, mounted and refused.

use crate::fixture::{self, digest_of, serve};
use crate::wire::Client;

#[tokio::test]
async fn a_blob_goes_up_in_chunks() {
    serve(async |server| {
        let mut client = Client::connect(server).await;
        let content = fixture::content();
        let digest = digest_of(&content);

        let started = client
            .send("POST", "/v2/team/app/blobs/uploads/", &[], b"")
            .await;
        assert_eq!(
            (started.status, started.header("range")),
            (202, Some("0-0"))
        );
        let location = started.header("location").unwrap().to_owned();
        assert!(location.starts_with("/v2/team/app/blobs/uploads/"));

        let empty = client.get(&location).await;
        assert_eq!((empty.status, empty.header("range")), (204, Some("0--1")));

        let range = [("Content-Range", "0-5999")];
        let first = client
            .send("PATCH", &location, &range, &content[..6000])
            .await;
        assert_eq!((first.status, first.header("range")), (202, Some("0-5999")));

        let repeated = client
            .send("PATCH", &location, &range, &content[..6000])
            .await;
        assert_eq!(
            (repeated.status, repeated.code()),
            (416, "RANGE_INVALID".to_owned())
        );
        assert_eq!(repeated.header("range"), Some("0-5999"));
        assert_eq!(repeated.header("location"), Some(&*location));

        let range = [("Content-Range", "6000-8000")];
        let wrong_size = client
            .send("PATCH", &location, &range, &content[6000..])
            .await;
        assert_eq!(
            (wrong_size.status, wrong_size.code()),
            (400, "SIZE_INVALID".to_owned())
        );

        let last = format!("{location}?digest={}", digest.replace(':', "%3A"));
        let range = [("Content-Range", "6000-11999")];
        let closed = client.send("PUT", &last, &range, &content[6000..]).await;
        assert_eq!(closed.status, 201, "{closed:?}");
        assert_eq!(
            closed.header("location"),
            Some(&*format!("/v2/team/app/blobs/{digest}"))
        );
        assert_eq!(closed.header("docker-content-digest"), Some(&*digest));
    })
    .await;
}

#[tokio::test]
async fn a_blob_comes_down_whole_and_in_parts() {
    serve(async |server| {
        let mut client = Client::connect(server).await;
        let content = fixture::content();
        let digest = fixture::push(&mut client, "team/app", &content).await;
        let blob = format!("/v2/team/app/blobs/{digest}");

        let whole = client.get(&blob).await;
        assert_eq!((whole.status, &whole.body), (200, &content));
        let etag = whole.header("etag").unwrap().to_owned();
        assert_eq!(etag, format!("\"{digest}\""));

        let head = client
            .send("HEAD", &blob, &[("Range", "bytes=0-1")], b"")
            .await;
        assert_eq!(
            (head.status, head.header("content-length")),
            (200, Some("12000"))
        );

        let part = client
            .send("GET", &blob, &[("Range", "bytes=11990-99999")], b"")
            .await;
        assert_eq!((part.status, &part.body[..]), (206, &content[11990..]));
        assert_eq!(
            part.header("content-range"),
            Some("bytes 11990-11999/12000")
        );

        let parts = client
            .send("GET", &blob, &[("Range", "bytes=0-3,-4")], b"")
            .await;
        assert_eq!(parts.status, 206);
        assert!(
            parts
                .header("content-type")
                .unwrap()
                .starts_with("multipart/byteranges; boundary=")
        );
        let text = String::from_utf8_lossy(&parts.body).into_owned();
        assert!(
            text.contains("Content-Range: bytes 0-3/12000\r\n\r\n\0\0\0\0\r\n--"),
            "{text}"
        );
        assert!(
            text.contains("Content-Range: bytes 11996-11999/12000"),
            "{text}"
        );
        assert!(text.ends_with("--\r\n"));

        let outside = client
            .send("GET", &blob, &[("Range", "bytes=12000-")], b"")
            .await;
        assert_eq!(
            (outside.status, outside.header("content-range")),
            (416, Some("bytes */12000"))
        );

        let known = client
            .send("GET", &blob, &[("If-None-Match", &etag)], b"")
            .await;
        assert_eq!((known.status, known.body.len()), (304, 0));
    })
    .await;
}

#[tokio::test]
async fn a_mount_is_made_or_else_an_upload_begun() {
    serve(async |server| {
        let mut client = Client::connect(server).await;
        let digest = fixture::push(&mut client, "team/app", b"content").await;

        let mount = format!("/v2/other/blobs/uploads/?mount={digest}&from=team/app");
        assert_eq!(client.send("POST", &mount, &[], b"").await.status, 201);
        let nowhere = format!(
            "/v2/other/blobs/uploads/?mount={}&from=%00",
            digest_of(b"?")
        );
        assert_eq!(client.send("POST", &nowhere, &[], b"").await.status, 202);
    })
    .await;
}

#[tokio::test]
async fn a_large_blob_streams_both_ways() {
    serve(async |server| {
        let mut client = Client::connect(server).await;
        let content = vec![0xa5; 5 * 1024 * 1024 + 17];
        let digest = digest_of(&content);
        let path = format!("/v2/big/blobs/uploads/?digest={digest}");

        let pushed = client
            .send_chunked("POST", &path, &[], &content, 100_000)
            .await;
        assert_eq!(pushed.status, 201, "{pushed:?}");
        let pulled = client.get(&format!("/v2/big/blobs/{digest}")).await;

        assert_eq!(pulled.status, 200);
        assert!(pulled.body == content);
    })
    .await;
}

#[tokio::test]
async fn a_wrong_digest_is_refused_and_nothing_is_there() {
    serve(async |server| {
        let mut client = Client::connect(server).await;
        let digest = digest_of(b"other");
        let path = format!("/v2/a/blobs/uploads/?digest={digest}");

        let refused = client.send("POST", &path, &[], b"content").await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, "DIGEST_INVALID".to_owned())
        );

        let missing = client.get(&format!("/v2/a/blobs/{digest}")).await;
        assert_eq!(
            (missing.status, missing.code()),
            (404, "BLOB_UNKNOWN".to_owned())
        );
        let head = client
            .send("HEAD", &format!("/v2/a/blobs/{digest}"), &[], b"")
            .await;
        assert_eq!((head.status, head.body.len()), (404, 0));
    })
    .await;
}
