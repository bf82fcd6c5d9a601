//! The HTTP face over the memory driver, spoken to over real sockets: that the parts fit together.
//! The protocol's finer points are tested elsewhere.

#![expect(clippy::unwrap_used, reason = "a test may panic, its fixture too")]

#[path = "smoke/fixture.rs"]
mod fixture;
#[path = "smoke/wire.rs"]
mod wire;

use fixture::{MANIFEST, digest_of, serve, serve_with};
use roadstead_api::BodyPace;
use std::time::Duration;
use wire::Client;

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
async fn a_blob_goes_up_in_chunks_and_comes_down_whole_and_in_parts() {
    serve(async |server| {
        let mut client = Client::connect(server).await;
        let content: Vec<u8> = (0..3000u32).flat_map(u32::to_be_bytes).collect();
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
        let closed = client
            .send(
                "PUT",
                &last,
                &[("Content-Range", "6000-11999")],
                &content[6000..],
            )
            .await;
        assert_eq!(closed.status, 201, "{closed:?}");
        let blob = closed.header("location").unwrap().to_owned();
        assert_eq!(blob, format!("/v2/team/app/blobs/{digest}"));
        assert_eq!(closed.header("docker-content-digest"), Some(&*digest));

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

#[tokio::test]
async fn a_manifest_is_put_listed_and_deleted() {
    serve(async |server| {
        let mut client = Client::connect(server).await;
        let manifest = fixture::push_image(&mut client, "team/app").await;
        let digest = digest_of(manifest.as_bytes());
        let kind = [("Content-Type", MANIFEST)];

        let path = format!("/v2/team/app/manifests/{digest}?tag=b&tag=a");
        let put = client
            .send_chunked("PUT", &path, &kind, manifest.as_bytes(), 50)
            .await;
        assert_eq!(put.status, 201, "{put:?}");
        assert_eq!(put.header("docker-content-digest"), Some(&*digest));
        assert_eq!(put.header("oci-tag"), Some("b, a"));

        let got = client.get("/v2/team/app/manifests/a").await;
        assert_eq!((got.status, &got.body[..]), (200, manifest.as_bytes()));
        assert_eq!(got.header("content-type"), Some(MANIFEST));
        let head = client
            .send("HEAD", "/v2/team/app/manifests/a", &[], b"")
            .await;
        assert_eq!(
            head.header("content-length"),
            Some(&*manifest.len().to_string())
        );

        let page = client.get("/v2/team/app/tags/list?n=1").await;
        assert_eq!(page.json()["tags"], serde_json::json!(["a"]));
        assert_eq!(
            page.header("link"),
            Some("</v2/team/app/tags/list?n=1&last=a>; rel=\"next\"")
        );
        let none = client.get("/v2/team/app/tags/list?n=0").await;
        assert_eq!(
            (none.json()["tags"].clone(), none.header("link")),
            (serde_json::json!([]), None)
        );
        let catalog = client.get("/v2/_catalog").await;
        assert_eq!(
            catalog.json()["repositories"],
            serde_json::json!(["team/app"])
        );

        let gone = client
            .send(
                "DELETE",
                &format!("/v2/team/app/manifests/{digest}"),
                &[],
                b"",
            )
            .await;
        assert_eq!(gone.status, 202);
        let missing = client.get("/v2/team/app/manifests/a").await;
        assert_eq!(
            (missing.status, missing.code()),
            (404, "MANIFEST_UNKNOWN".to_owned())
        );
    })
    .await;
}

#[tokio::test]
async fn a_referrer_is_found_by_its_subject() {
    serve(async |server| {
        let mut client = Client::connect(server).await;
        fixture::push_image(&mut client, "a").await;
        let subject = digest_of(b"nothing that is here");
        let manifest = fixture::artifact(&subject, "application/spdx+json");
        let kind = [("Content-Type", MANIFEST)];

        let put = client
            .send("PUT", "/v2/a/manifests/sbom", &kind, manifest.as_bytes())
            .await;
        assert_eq!(
            (put.status, put.header("oci-subject")),
            (201, Some(&*subject)),
            "{put:?}"
        );

        let path = format!("/v2/a/referrers/{subject}");
        let all = client.get(&path).await;
        assert_eq!(
            all.header("content-type"),
            Some("application/vnd.oci.image.index.v1+json")
        );
        assert_eq!(
            all.json()["manifests"][0]["digest"],
            digest_of(manifest.as_bytes())
        );
        let filtered = client
            .get(&format!("{path}?artifactType=application%2Fspdx%2Bjson"))
            .await;
        assert_eq!(filtered.header("oci-filters-applied"), Some("artifactType"));
        assert_eq!(filtered.json()["manifests"].as_array().unwrap().len(), 1);
        let other = client
            .get(&format!("{path}?artifactType=text%2Fplain"))
            .await;
        assert_eq!(other.json()["manifests"].as_array().unwrap().len(), 0);
        let nowhere = client.get(&format!("/v2/none/referrers/{subject}")).await;
        assert_eq!(
            (nowhere.status, nowhere.json()["manifests"].clone()),
            (200, serde_json::json!([]))
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
