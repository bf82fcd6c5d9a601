//! The registry as clients use it, through TLS.

use crate::client::{Secured, TLS, Trust};
use bytes::Bytes;
use roadstead_tests::content::{empty_index, random_bytes, sha256};
use roadstead_tests::http::Request;
use roadstead_tests::people::{PASSWORD, add_user, basic};
use roadstead_tests::server;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const ACCESS: &str = "\
access:
  rules:
    - {subjects: [\"user:ops\"], repositories: [\"team/**\"], actions: [pull, push]}
";

#[test]
fn a_blob_goes_up_and_down_whole_and_in_parts() {
    let secured = Secured::start();
    let mut connection = secured.connect();
    let content = random_bytes(12_000_000);
    let digest = sha256(&content);
    let push = Request::post(format!("/v2/a/blobs/uploads/?digest={digest}")).body(&content);
    connection.send(&push).expect_status(201);

    let target = format!("/v2/a/blobs/{digest}");
    let blob = connection.get(&target);
    blob.expect_status(200);
    assert!(blob.body == content, "the blob differs");
    let part = Request::get(&target).header("Range", "bytes=5000000-5999999");
    let part = connection.send(&part);
    part.expect_status(206);
    assert!(
        part.body == content[5_000_000..6_000_000],
        "the part differs"
    );
    connection.send(&Request::head(&target)).expect_status(200);
    connection.get("/v2/").expect_status(200);
}

#[test]
fn the_memory_does_not_grow_with_the_blob() {
    let secured = Secured::start_with(&format!("{TLS}workers: 1\n"), &[]);
    let content = random_bytes(128 << 20);
    let digest = sha256(&content);
    let target = format!("/v2/a/blobs/{digest}");
    let mut connection = secured.connect();
    let small = random_bytes(1 << 20);
    let warm_up = format!("/v2/a/blobs/uploads/?digest={}", sha256(&small));
    connection
        .send(&Request::post(warm_up).body(&small))
        .expect_status(201);

    let before = secured.server.peak_bytes();
    let push = Request::post(format!("/v2/a/blobs/uploads/?digest={digest}")).body(&content);
    connection.send(&push).expect_status(201);
    let blob = connection.get(&target);
    assert!(blob.body == content, "the blob differs");
    let grown = secured.server.peak_bytes() - before;
    assert!(grown < 24 << 20, "grew by {grown} bytes");
}

#[test]
fn a_name_and_a_password_and_a_token_work_over_tls() {
    let secured = Secured::start_with(&format!("{TLS}{ACCESS}"), &[]);
    add_user(&secured.server, "ops", &[]);
    let mut connection = secured.connect();
    let refused = connection.get("/v2/");
    refused.expect_error(401, "UNAUTHORIZED");
    let challenge = refused.expect_header("www-authenticate");
    let realm = "Bearer realm=\"https://registry.test/token\"";
    assert!(challenge.starts_with(realm), "{challenge}");

    let basic = basic("ops", PASSWORD);
    let ping = Request::get("/v2/").header("Authorization", &basic);
    connection.send(&ping).expect_status(200);
    let scope = "repository:team/app:pull,push";
    let ask = Request::get(format!("/token?service=roadstead&scope={scope}"));
    let answer = connection.send(&ask.header("Authorization", &basic));
    answer.expect_status(200);
    let token = answer.json()["token"].as_str().expect("is text").to_owned();
    let manifest = empty_index("over tls");
    let push = Request::put("/v2/team/app/manifests/tag")
        .header("Content-Type", manifest.media_type)
        .header("Authorization", format!("Bearer {token}"))
        .body(&manifest.bytes);
    connection.send(&push).expect_status(201);
}

#[test]
fn a_wrong_certificate_is_a_mistake_of_the_configuration() {
    let folder = tempfile::tempdir().expect("there is room");
    for (yaml, part) in [
        (
            "tls: {certificate: a.crt}",
            "tls.key: is missing beside tls.certificate",
        ),
        (
            "tls: {key: a.key}",
            "tls.certificate: is missing beside tls.key",
        ),
        (
            "tls: {certificate: a.crt, key: a.key}",
            "tls.certificate: `a.crt` cannot be read",
        ),
        (
            "tls: {certificate: roadstead.yaml, key: a.key}",
            "tls.key: `a.key` cannot be read",
        ),
        (
            "tls: {certificate: roadstead.yaml, key: roadstead.yaml}",
            "tls.certificate: `roadstead.yaml` holds no certificate in PEM",
        ),
        (
            "tls: {minimum_version: 1.1}",
            "tls.minimum_version: `1.1` is no version of TLS",
        ),
    ] {
        server::write_file(&folder.path().join("roadstead.yaml"), yaml.as_bytes());
        let output = server::run(folder.path(), &["serve", "--config", "roadstead.yaml"]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(part), "{yaml}: {told}");
        assert_eq!(output.status.code(), Some(2), "{yaml}");
    }
}

#[tokio::test]
async fn many_streams_of_one_connection_get_each_its_own_answer() {
    let secured = Secured::start();
    let mut plain = secured.connect();
    let contents: Vec<Vec<u8>> = (1..20)
        .map(|number| random_bytes(50_000 * number))
        .collect();
    let mut digests = Vec::new();
    for content in &contents {
        let digest = sha256(content);
        let push = Request::post(format!("/v2/a/blobs/uploads/?digest={digest}")).body(content);
        plain.send(&push).expect_status(201);
        digests.push(digest);
    }
    let config = Trust::in_authority(&secured.authority)
        .speaking(&["h2"])
        .config();
    let stream = TcpStream::connect(secured.server.address())
        .await
        .expect("connects");
    let name = crate::authority::SERVER_NAME.try_into().expect("is a name");
    let stream = TlsConnector::from(config).connect(name, stream).await;
    let (requests, connection) = h2::client::Builder::new()
        .initial_window_size(1 << 20)
        .handshake::<_, Bytes>(stream.expect("the handshake succeeds"))
        .await
        .expect("the server speaks HTTP/2");
    let driving = tokio::runtime::Handle::current().spawn(async move {
        // An error shows in the request that meets it.
        let _ = connection.await;
    });
    let gets = digests.iter().map(|digest| {
        let requests = requests.clone();
        async move {
            let request = http::Request::get(format!("https://registry.test/v2/a/blobs/{digest}"));
            let mut requests = requests.ready().await.expect("is open");
            let request = request.body(()).expect("is valid");
            let (answer, _) = requests.send_request(request, true).expect("goes out");
            let mut body = answer.await.expect("is answered").into_body();
            let mut content = Vec::new();
            while let Some(piece) = body.data().await {
                let piece = piece.expect("comes whole");
                body.flow_control()
                    .release_capacity(piece.len())
                    .expect("came");
                content.extend_from_slice(&piece);
            }
            content
        }
    });
    let found = futures::future::join_all(gets).await;
    driving.abort();
    assert!(found == contents, "answers were mixed up");
}
