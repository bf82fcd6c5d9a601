//! What holds for every path: headers, refusals, and connections that misbehave.

use crate::fixture::{MANIFEST, serve, serve_with};
use crate::wire::Client;
use roadstead_api::BodyPace;
use std::time::Duration;

#[tokio::test]
async fn ping_tells_that_this_is_a_registry() {
    serve(async |server| {
        let mut client = Client::connect(server).await;
        for path in ["/v2/", "/v2"] {
            let answer = client.get(path).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.body, b"{}");
            assert_eq!(
                answer.header("docker-distribution-api-version"),
                Some("registry/2.0")
            );
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(answer.header("x-request-id").unwrap().len(), 32);
        }
    })
    .await;
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_told_in_json() {
    serve(async |server| {
        let mut client = Client::connect(server).await;
        for path in ["/", "/V2/", "/v2/_catalog/", "/v2/a/b", "/token"] {
            let answer = client.get(path).await;
            assert_eq!(answer.status, 404, "{path}");
            assert_eq!(answer.code(), "NAME_UNKNOWN", "{path}");
        }
        let wrong = client.send("PATCH", "/v2/a/manifests/x", &[], b"").await;
        assert_eq!(wrong.status, 405);
        assert_eq!(wrong.code(), "UNSUPPORTED");
        assert_eq!(wrong.header("allow"), Some("GET, HEAD, PUT, DELETE"));
        let upper = client.get("/v2/Foo/tags/list").await;
        assert_eq!(
            (upper.status, upper.code()),
            (400, "NAME_INVALID".to_owned())
        );
    })
    .await;
}

#[tokio::test]
async fn a_refusal_can_be_read_while_the_body_still_comes() {
    serve(async |server| {
        for is_chunked in [false, true] {
            let mut client = Client::connect(server).await;
            let content = vec![b' '; 6 * 1024 * 1024];
            let kind = [("Content-Type", MANIFEST)];
            let answer = if is_chunked {
                client
                    .send_chunked("PUT", "/v2/a/manifests/x", &kind, &content, 65_536)
                    .await
            } else {
                client
                    .send("PUT", "/v2/a/manifests/x", &kind, &content)
                    .await
            };
            assert_eq!(
                (answer.status, answer.code()),
                (413, "MANIFEST_INVALID".to_owned())
            );
            assert_eq!(answer.header("connection"), Some("close"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_small_rest_of_a_refused_body_leaves_the_connection_usable() {
    serve(async |server| {
        let mut client = Client::connect(server).await;
        let encoded = [("Content-Encoding", "gzip")];
        let answer = client
            .send("PUT", "/v2/a/manifests/x", &encoded, b"some bytes")
            .await;
        assert_eq!(
            (answer.status, answer.code()),
            (415, "UNSUPPORTED".to_owned())
        );
        assert_eq!(client.get("/v2/").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_stops_is_given_up_and_its_bytes_are_kept() {
    let pace = BodyPace {
        silence: Duration::from_millis(200),
        ..BodyPace::default()
    };
    serve_with(pace, async |server| {
        let mut client = Client::connect(server).await;
        let started = client.send("POST", "/v2/a/blobs/uploads/", &[], b"").await;
        let location = started.header("location").unwrap().to_owned();

        client
            .write(
                format!("PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabcd")
                    .as_bytes(),
            )
            .await;
        let answer = client.read_answer("PATCH").await;
        assert_eq!(answer.status, 408);
        assert_eq!(answer.header("connection"), Some("close"));

        let status = Client::connect(server).await.get(&location).await;
        assert_eq!((status.status, status.header("range")), (204, Some("0-3")));
    })
    .await;
}

#[tokio::test]
async fn a_chunk_extension_without_end_is_refused() {
    serve(async |server| {
        for method_and_path in ["POST /v2/a/blobs/uploads/", "PUT /v2/a/manifests/x"] {
            let mut client = Client::connect(server).await;
            let head = format!(
                "{method_and_path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;"
            );
            let body = [
                head.as_bytes(),
                &vec![b'x'; 1_000_000],
                b"\r\na\r\n0\r\n\r\n",
            ]
            .concat();
            let answer = client.exchange("POST", [&body, b""]).await;
            assert_eq!(answer.status, 400, "{method_and_path}");
            assert_eq!(answer.header("connection"), Some("close"));
        }
    })
    .await;
}

#[tokio::test]
async fn http_2_without_tls_is_spoken_on_the_same_port() {
    serve(async |server| {
        let mut client = Client::connect(server).await;
        // The preface and an empty SETTINGS frame (RFC 9113, section 3.4).
        client
            .write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
            .await;
        let frame = client.read_exactly(9).await;
        assert_eq!(frame[3], 4, "the server's first frame is SETTINGS");
    })
    .await;
}
