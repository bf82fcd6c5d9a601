//! Blobs that the kernel sends from their files: the bytes on the wire are as of any other answer.

use crate::fixture::{push, serve, serve_files};
use crate::wire::Client;

/// Returns 3 MiB and a bit, of which no part repeats.
fn large() -> Vec<u8> {
    (0..800_000_u32).flat_map(u32::to_be_bytes).collect()
}

#[tokio::test]
async fn a_file_is_sent_whole_and_in_parts_on_one_connection() {
    serve_files(async |server| {
        let mut client = Client::connect(server).await;
        let content = large();
        let digest = push(&mut client, "a", &content).await;
        let path = format!("/v2/a/blobs/{digest}");
        // The first whole read is hashed as it streams, the later ones are sent by the kernel.
        for _ in 0..3 {
            let whole = client.get(&path).await;
            assert_eq!(whole.status, 200);
            assert_eq!(
                whole.header("content-length"),
                Some(&*content.len().to_string())
            );
            assert_eq!(whole.header("transfer-encoding"), None);
            assert!(whole.body == content, "the content differs");
        }
        for (range, bytes) in [
            ("bytes=1-2000000", &content[1..=2_000_000]),
            ("bytes=3000000-", &content[3_000_000..]),
            ("bytes=-200000", &content[content.len() - 200_000..]),
        ] {
            let part = client.send("GET", &path, &[("Range", range)], b"").await;
            assert_eq!(part.status, 206);
            assert_eq!(
                part.header("content-length"),
                Some(&*bytes.len().to_string())
            );
            assert!(part.body == bytes, "{range} differs");
        }
        assert_eq!(client.get("/v2/").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order() {
    serve_files(async |server| {
        let mut client = Client::connect(server).await;
        let content = large();
        let digest = push(&mut client, "a", &content).await;
        client.get(&format!("/v2/a/blobs/{digest}")).await;
        let get = format!("GET /v2/a/blobs/{digest} HTTP/1.1\r\nHost: r\r\n\r\n");
        let ping = "GET /v2/ HTTP/1.1\r\nHost: r\r\n\r\n";
        client
            .write(format!("{ping}{get}{ping}{get}{get}").as_bytes())
            .await;
        for is_blob in [false, true, false, true, true] {
            let answer = client.read_answer("GET").await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.body == content, is_blob);
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_a_file_harms_nobody() {
    serve_files(async |server| {
        let content = large();
        let mut client = Client::connect(server).await;
        let digest = push(&mut client, "a", &content).await;
        let path = format!("/v2/a/blobs/{digest}");
        client.get(&path).await;
        for _ in 0..50 {
            let mut leaver = Client::connect(server).await;
            leaver
                .write(format!("GET {path} HTTP/1.1\r\nHost: r\r\n\r\n").as_bytes())
                .await;
            leaver.read_exactly(1000).await;
        }
        assert!(
            client.get(&path).await.body == content,
            "the content differs"
        );
    })
    .await;
}

#[tokio::test]
async fn the_kernel_and_the_stream_send_the_same_head() {
    let mut heads = Vec::new();
    for from_files in [true, false] {
        let head = async |server| {
            let mut client = Client::connect(server).await;
            let digest = push(&mut client, "a", &large()).await;
            let path = format!("/v2/a/blobs/{digest}");
            client.get(&path).await;
            let mut headers = client.get(&path).await.headers;
            headers.retain(|(name, _)| !matches!(&**name, "date" | "x-request-id"));
            headers.sort();
            heads.push(headers);
        };
        if from_files {
            serve_files(head).await;
        } else {
            serve(head).await;
        }
    }
    assert_eq!(heads[0], heads[1]);
}
