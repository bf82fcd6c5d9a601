//! HTTP/2 without TLS, as a proxy in front or a client with prior knowledge speaks it.

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Method, Request, Response, StatusCode};
use roadstead_tests::content::{INDEX, empty_index, random_bytes, sha256};
use roadstead_tests::server::Server;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// A client of one connection.
struct Client {
    requests: SendRequest<Bytes>,
    connection: JoinHandle<()>,
}

impl Client {
    async fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address())
            .await
            .expect("the server takes connections");
        let (requests, connection) = h2::client::handshake(stream)
            .await
            .expect("the server speaks HTTP/2");
        let runtime = tokio::runtime::Handle::current();
        let connection = runtime.spawn(async move {
            // An error shows in the request that meets it.
            let _ = connection.await;
        });
        Self {
            requests,
            connection,
        }
    }

    /// Sends a request with a body and reads the answer to its end.
    async fn send(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response<Vec<u8>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://registry.test{target}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("the request is valid");
        let mut requests = self.requests.clone().ready().await.expect("is open");
        let (answer, mut sender) = requests
            .send_request(request, body.is_empty())
            .expect("the request goes out");
        if !body.is_empty() {
            // The library waits for the windows by itself.
            sender
                .send_data(Bytes::copy_from_slice(body), true)
                .expect("the body goes out");
        }
        let (head, mut incoming) = answer.await.expect("the server answers").into_parts();
        let mut content = Vec::new();
        while let Some(piece) = incoming.data().await {
            let piece = piece.expect("the body comes whole");
            incoming
                .flow_control()
                .release_capacity(piece.len())
                .expect("what came can be released");
            content.extend_from_slice(&piece);
        }
        Response::from_parts(head, content)
    }

    async fn get(&self, target: &str) -> Response<Vec<u8>> {
        self.send(Method::GET, target, &[], b"").await
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn header<'a>(answer: &'a Response<Vec<u8>>, name: &str) -> Option<&'a str> {
    answer
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
}

#[tokio::test]
async fn a_registry_is_used_over_one_connection_of_http_2() {
    let server = Server::start();
    let client = Client::connect(&server).await;
    let ping = client.get("/v2/").await;
    assert_eq!(ping.status(), StatusCode::OK);
    let version = header(&ping, "docker-distribution-api-version");
    assert_eq!(version, Some("registry/2.0"));

    // Larger than every window.
    let content = random_bytes(12_000_000);
    let digest = sha256(&content);
    let start = "/v2/a/blobs/uploads/";
    let started = client.send(Method::POST, start, &[], b"").await;
    assert_eq!(started.status(), StatusCode::ACCEPTED);
    let location = header(&started, "location")
        .expect("has a location")
        .to_owned();
    let patched = client.send(Method::PATCH, &location, &[], &content).await;
    assert_eq!(patched.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&patched, "range"), Some("0-11999999"));
    let close = format!("{location}?digest={digest}");
    let closed = client.send(Method::PUT, &close, &[], b"").await;
    assert_eq!(closed.status(), StatusCode::CREATED);

    let target = format!("/v2/a/blobs/{digest}");
    let head = client.send(Method::HEAD, &target, &[], b"").await;
    assert_eq!(header(&head, "content-length"), Some("12000000"));
    let blob = client.get(&target).await;
    assert_eq!(header(&blob, "docker-content-digest"), Some(&*digest));
    assert!(*blob.body() == content, "the blob differs");
    let range = [("range", "bytes=5000000-5999999")];
    let part = client.send(Method::GET, &target, &range, b"").await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert!(
        *part.body() == content[5_000_000..6_000_000],
        "the part differs"
    );

    let manifest = empty_index("h2c");
    let kind = [("content-type", INDEX)];
    let target = "/v2/a/manifests/tag";
    let pushed = client
        .send(Method::PUT, target, &kind, &manifest.bytes)
        .await;
    assert_eq!(pushed.status(), StatusCode::CREATED);
    assert_eq!(*client.get(target).await.body(), manifest.bytes);
    let list = client.get("/v2/a/tags/list").await;
    assert_eq!(list.body(), b"{\"name\":\"a\",\"tags\":[\"tag\"]}");
}

#[tokio::test]
async fn a_refusal_over_http_2_ends_its_stream_alone() {
    let server = Server::start();
    let client = Client::connect(&server).await;
    let large = vec![b' '; 5_000_000];
    let kind = [("content-type", INDEX)];
    let target = "/v2/a/manifests/tag";
    let refused = client.send(Method::PUT, target, &kind, &large).await;
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    for (target, status) in [
        ("/v2/Foo/tags/list", StatusCode::BAD_REQUEST),
        ("/v2/a/blobs/sha256:bad", StatusCode::BAD_REQUEST),
        ("/v2/a/manifests/tag", StatusCode::NOT_FOUND),
        ("/nowhere", StatusCode::NOT_FOUND),
        ("/v2/", StatusCode::OK),
    ] {
        assert_eq!(client.get(target).await.status(), status, "{target}");
    }
}

#[tokio::test]
async fn many_streams_at_once_get_each_its_own_answer() {
    let server = Server::start();
    let contents: Vec<Vec<u8>> = (0..40).map(|number| random_bytes(5000 * number)).collect();
    let digests: Vec<String> = contents
        .iter()
        .map(|content| server.connect().push_blob("a", content))
        .collect();
    let client = Client::connect(&server).await;
    let gets = digests.iter().map(|digest| {
        let target = format!("/v2/a/blobs/{digest}");
        let client = &client;
        async move { client.get(&target).await.into_body() }
    });
    let found = futures::future::join_all(gets).await;
    assert!(found == contents, "answers were mixed up");
}
