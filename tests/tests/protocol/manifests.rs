//! Pushing and pulling manifests: by tag and digest, byte for byte, in both algorithms.

use roadstead_tests::content::{
    IMAGE, INDEX, Manifest, empty_index, image, image_document, index, random_bytes, sha256, sha512,
};
use roadstead_tests::http::{Answer, Connection, Request};
use roadstead_tests::server::Server;

#[track_caller]
fn assert_manifest(answer: &Answer, manifest: &Manifest, digest: &str) {
    answer.expect_status(200);
    answer.assert_headers_of_the_api();
    let length = manifest.bytes.len().to_string();
    for (name, value) in [
        ("content-type", manifest.media_type),
        ("content-length", &*length),
        ("docker-content-digest", digest),
        ("etag", &format!("\"{digest}\"")),
    ] {
        assert_eq!(answer.header(name), Some(value), "{answer:?}");
    }
    // podman would look for signatures in a way that is long gone.
    assert_eq!(answer.header("x-registry-supports-signatures"), None);
}

/// Reads a manifest under a reference by GET and HEAD and with all that clients accept.
#[track_caller]
fn assert_is_pulled(
    connection: &mut Connection,
    reference: &str,
    manifest: &Manifest,
    digest: &str,
) {
    let target = format!("/v2/a/manifests/{reference}");
    assert_manifest(&connection.head(&target), manifest, digest);
    for accept in [
        "",
        "*/*",
        "text/html",
        IMAGE,
        &format!("{INDEX}, {IMAGE};q=0.5"),
    ] {
        let mut request = Request::get(&target);
        if !accept.is_empty() {
            request = request.header("Accept", accept);
        }
        let answer = connection.send(&request);
        assert_manifest(&answer, manifest, digest);
        assert!(answer.body == manifest.bytes, "{answer:?}");
    }
}

#[track_caller]
fn assert_created(answer: &Answer, digest: &str) {
    answer.expect_status(201);
    answer.assert_headers_of_the_api();
    let location = format!("/v2/a/manifests/{digest}");
    assert_eq!(answer.header("location"), Some(&*location));
    assert_eq!(answer.header("docker-content-digest"), Some(digest));
    assert_eq!(answer.header("content-length"), Some("0"));
}

#[test]
fn an_image_is_pushed_and_pulled_by_tag_and_by_digest() {
    let server = Server::start();
    let mut connection = server.connect();
    let (config, layer) = (random_bytes(100), random_bytes(100_000));
    connection.push_blob("a", &config);
    connection.push_blob("a", &layer);
    let manifest = image(&config, &[&layer]);
    let digest = manifest.digest();
    let answer = connection.put_manifest("a", "tag", &manifest);
    assert_created(&answer, &digest);
    assert_is_pulled(&mut connection, "tag", &manifest, &digest);
    assert_is_pulled(&mut connection, &digest, &manifest, &digest);
    let escaped = digest.replace(':', "%3A");
    assert_is_pulled(&mut connection, &escaped, &manifest, &digest);
    // Again, by the other kind of reference.
    let answer = connection.put_manifest("a", &digest, &manifest);
    assert_created(&answer, &digest);
}

#[test]
fn the_same_blob_may_be_configuration_and_layers() {
    let server = Server::start();
    let mut connection = server.connect();
    connection.push_blob("a", b"{}");
    let manifest = image(b"{}", &[b"{}", b"{}"]);
    let answer = connection.put_manifest("a", "tag", &manifest);
    assert_created(&answer, &manifest.digest());
}

#[test]
fn a_manifest_is_kept_to_the_byte_however_it_is_written() {
    let server = Server::start();
    let mut connection = server.connect();
    connection.push_blob("a", b"{}");
    let plain = image_document(b"{}", &[]);
    let pretty = serde_json::to_string_pretty(&plain).expect("JSON can be written");
    let compact = plain.to_string();
    for (number, text) in [
        pretty.clone(),
        pretty.replace('\n', "\r\n"),
        format!("\n\t {compact}\n\n"),
        compact.replacen('{', "{ \"z\" : [ 1.50, -0.0, 1e2, null ],", 1),
        compact.replacen('{', "{\"u\":\"\\u00e9\\/é🐳\\ud83d\\udc33\",", 1),
        compact.replace('/', "\\/"),
    ]
    .into_iter()
    .enumerate()
    {
        let manifest = Manifest::of_bytes(IMAGE, text);
        let tag = format!("t{number}");
        let answer = connection.put_manifest("a", &tag, &manifest);
        assert_created(&answer, &manifest.digest());
        assert_is_pulled(&mut connection, &tag, &manifest, &manifest.digest());
    }
}

#[test]
fn a_manifest_may_come_in_chunks_without_its_length() {
    let server = Server::start();
    let mut connection = server.connect();
    for filling in [10, 100_000, 3_900_000] {
        let name = "x".repeat(filling);
        let manifest = empty_index(&name);
        let put = Request::put("/v2/a/manifests/tag").header("Content-Type", INDEX);
        let answer = connection.send(&put.chunked(&manifest.bytes, 30_000));
        assert_created(&answer, &manifest.digest());
        let pulled = connection.get("/v2/a/manifests/tag");
        assert_manifest(&pulled, &manifest, &manifest.digest());
        assert!(pulled.body == manifest.bytes, "{pulled:?}");
    }
}

#[test]
fn a_manifest_may_go_by_sha512() {
    let server = Server::start();
    let mut connection = server.connect();
    let manifest = empty_index("sha512");
    let digest = sha512(&manifest.bytes);
    let answer = connection.put_manifest("a", &digest, &manifest);
    assert_created(&answer, &digest);
    assert_is_pulled(&mut connection, &digest, &manifest, &digest);
    let other = format!("/v2/a/manifests/{}", manifest.digest());
    connection.get(&other).expect_error(404, "MANIFEST_UNKNOWN");
    // A tag answers in the algorithm it was set under.
    let reference = format!("{digest}?tag=by-sha512");
    connection.push_manifest("a", &reference, &manifest);
    assert_is_pulled(&mut connection, "by-sha512", &manifest, &digest);
    connection.push_manifest("a", "by-sha256", &manifest);
    assert_is_pulled(&mut connection, "by-sha256", &manifest, &manifest.digest());
}

#[test]
fn an_image_may_name_its_blobs_by_sha512() {
    let server = Server::start();
    let mut connection = server.connect();
    let (config, layer) = (random_bytes(100), random_bytes(1000));
    for content in [&config, &layer] {
        let post = format!("/v2/a/blobs/uploads/?digest={}", sha512(content));
        connection
            .send(&Request::post(post).body(content))
            .expect_status(201);
    }
    let mut document = image_document(&config, &[&layer]);
    document["config"]["digest"] = sha512(&config).into();
    document["layers"][0]["digest"] = sha512(&layer).into();
    let manifest = Manifest::of_json(IMAGE, &document);
    connection.push_manifest("a", "tag", &manifest);
    // The same bytes known only by another digest are not what was named.
    let by_sha256 = image(&config, &[&layer]);
    let refusal = connection.put_manifest("a", "other", &by_sha256);
    refusal.expect_error(400, "MANIFEST_BLOB_UNKNOWN");
}

#[test]
fn a_tag_moves_to_what_was_pushed_last_and_the_rest_stays() {
    let server = Server::start();
    let mut connection = server.connect();
    let manifests = [empty_index("one"), empty_index("two")];
    for manifest in &manifests {
        connection.push_manifest("a", "tag", manifest);
        assert_is_pulled(&mut connection, "tag", manifest, &manifest.digest());
    }
    for manifest in &manifests {
        let digest = manifest.digest();
        assert_is_pulled(&mut connection, &digest, manifest, &digest);
    }
    connection.push_manifest("a", "tag", &manifests[0]);
    let digest = manifests[0].digest();
    assert_is_pulled(&mut connection, "tag", &manifests[0], &digest);
}

#[test]
fn a_client_that_has_the_manifest_is_told_so() {
    let server = Server::start();
    let mut connection = server.connect();
    let manifest = empty_index("304");
    connection.push_manifest("a", "tag", &manifest);
    let digest = manifest.digest();
    for tag in [
        format!("\"{digest}\""),
        digest.clone(),
        format!("W/\"{digest}\""),
    ] {
        for (method, reference) in [("GET", "tag"), ("HEAD", "tag"), ("GET", &*digest)] {
            let target = format!("/v2/a/manifests/{reference}");
            let request = Request::new(method, target).header("If-None-Match", &tag);
            let answer = connection.send(&request);
            answer.expect_status(304);
            let named = answer.header("docker-content-digest");
            assert_eq!(named, Some(&*digest));
        }
    }
    connection.push_manifest("a", "tag", &empty_index("newer"));
    let request = Request::get("/v2/a/manifests/tag").header("If-None-Match", &digest);
    connection.send(&request).expect_status(200);
}

#[test]
fn what_is_missing_is_told_by_name_or_by_reference() {
    let server = Server::start();
    let mut connection = server.connect();
    let digest = sha256(b"missing");
    for reference in ["tag", &*digest] {
        let target = format!("/v2/a/manifests/{reference}");
        connection.get(&target).expect_error(404, "NAME_UNKNOWN");
        connection.head(&target).expect_status(404);
    }
    connection.push_manifest("a", "other", &empty_index("other"));
    // What cosign, podman and others look for in vain.
    let signature = format!("{}.sig", digest.replace(':', "-"));
    for reference in ["tag", &*digest, &*signature] {
        let target = format!("/v2/a/manifests/{reference}");
        connection
            .get(&target)
            .expect_error(404, "MANIFEST_UNKNOWN");
        connection.head(&target).expect_status(404);
    }
}

#[test]
fn an_index_holds_images_and_indexes() {
    let server = Server::start();
    let mut connection = server.connect();
    let images: Vec<Manifest> = ["amd64", "arm64", "riscv64"]
        .iter()
        .map(|tag| connection.push_image("a", tag).manifest)
        .collect();
    let inner = index(&[&images[0], &images[1]]);
    connection.push_manifest("a", &inner.digest(), &inner);
    let outer = index(&[&inner, &images[2]]);
    let answer = connection.put_manifest("a", "outer", &outer);
    assert_created(&answer, &outer.digest());
    assert_is_pulled(&mut connection, "outer", &outer, &outer.digest());
}

#[test]
fn a_namespace_of_a_mirror_is_tolerated_everywhere() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(100);
    let digest = sha256(&content);
    let post = format!("/v2/a/blobs/uploads/?digest={digest}&ns=docker.io");
    connection
        .send(&Request::post(post).body(&content))
        .expect_status(201);
    let manifest = empty_index("ns");
    let put = Request::put("/v2/a/manifests/tag?ns=docker.io").header("Content-Type", INDEX);
    connection
        .send(&put.body(&manifest.bytes))
        .expect_status(201);
    for target in [
        "/v2/a/manifests/tag".to_owned(),
        format!("/v2/a/manifests/{}", manifest.digest()),
        format!("/v2/a/blobs/{digest}"),
        "/v2/a/tags/list".to_owned(),
        format!("/v2/a/referrers/{digest}"),
    ] {
        let with_namespace = format!("{target}?ns=registry-1.docker.io");
        connection.get(&with_namespace).expect_status(200);
        connection.head(&with_namespace).expect_status(200);
    }
}
