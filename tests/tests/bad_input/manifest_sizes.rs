//! Cases 57, 60, 61, 72 and 74: documents that are large, deep or strange.

use crate::refusal::refused;
use roadstead_tests::content::{
    IMAGE, INDEX, Manifest, empty_index, image_document, index, random_bytes, referrer, sha256,
};
use roadstead_tests::http::Request;
use roadstead_tests::server::Server;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The largest manifest that is taken.
const LIMIT: usize = 4 * 1024 * 1024;
/// How long the server may take for the worst document, built without optimisation and on a busy
/// machine. One that blows up takes minutes or all the memory there is.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much memory a document may cost, for a while: several times its own length.
const MOST_GROWTH: u64 = 160 * 1024 * 1024;

fn put(media_type: &str, document: &[u8]) -> Request {
    Request::put("/v2/a/manifests/tag")
        .header("Content-Type", media_type)
        .body(document)
}

/// Makes an index of exactly this many bytes.
fn index_of_size(length: usize) -> Vec<u8> {
    let start = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{INDEX}\",\"manifests\":[],\"annotations\":{{\"x\":\""
    );
    let end = "\"}}";
    let filling = "x".repeat(length - start.len() - end.len());
    [start.as_bytes(), filling.as_bytes(), end.as_bytes()].concat()
}

#[test]
fn case_57_a_manifest_of_4_mib_is_taken_and_one_more_byte_is_not() {
    let server = Server::start();
    let mut connection = server.connect();
    let largest = index_of_size(LIMIT);
    connection.send(&put(INDEX, &largest)).expect_status(201);
    let stored = connection.get("/v2/a/manifests/tag");
    assert!(stored.body == largest, "{stored:?}");

    let larger = index_of_size(LIMIT + 1);
    let request = Request::put("/v2/a/manifests/larger").header("Content-Type", INDEX);
    for request in [
        request.clone().body(&larger),
        request.chunked(&larger, 65_536),
    ] {
        let answer = server.connect().send(&request);
        answer.expect_error(413, "MANIFEST_INVALID");
    }
    let missing = Request::get("/v2/a/manifests/larger");
    refused(&mut connection, &missing, 404, "MANIFEST_UNKNOWN");
    let stored = Request::get(format!("/v2/a/manifests/{}", sha256(&larger)));
    refused(&mut connection, &stored, 404, "MANIFEST_UNKNOWN");
}

#[test]
fn case_57_a_manifest_that_is_announced_too_large_is_refused_unread() {
    let server = Server::start();
    for length in ["4194305", "5000000000", "18446744073709551615"] {
        let mut connection = server.connect();
        let head = format!(
            "PUT /v2/a/manifests/tag HTTP/1.1\r\nHost: registry.test\r\n\
             Content-Type: {IMAGE}\r\nContent-Length: {length}\r\n\r\n"
        );
        // Not one byte of the body is ever sent.
        connection.write(head.as_bytes());
        let answer = connection.read_answer(false);
        answer.expect_error(413, "MANIFEST_INVALID");
    }
}

#[test]
fn case_60_a_document_of_nothing_but_depth_is_refused_at_once() {
    let server = Server::start();
    let mut connection = server.connect();
    let before = server.resident_bytes();
    let began = Instant::now();
    for document in [
        "[".repeat(100_000),
        "[".repeat(LIMIT),
        "{\"a\":".repeat(LIMIT / 5),
        "{\"a\":[".repeat(10_000),
        format!("{}{}", "[".repeat(50_000), "]".repeat(50_000)),
        format!(
            "{{\"schemaVersion\":2,\"x\":{}1{}}}",
            "[".repeat(100),
            "]".repeat(100)
        ),
    ] {
        for media_type in [IMAGE, INDEX] {
            let answer = connection.send(&put(media_type, document.as_bytes()));
            answer.expect_error(400, "MANIFEST_INVALID");
        }
        connection.assert_usable();
    }
    let took = began.elapsed();
    assert!(took < PATIENCE, "{took:?}");
    let grown = server.peak_bytes() - before;
    assert!(grown < MOST_GROWTH, "grew by {grown} bytes");
}

#[test]
fn case_61_a_document_of_countless_members_costs_little() {
    let server = Server::start();
    let mut connection = server.connect();
    connection.push_blob("a", b"{}");
    let image = image_document(b"{}", &[]);
    let with = |member: &str, value: &str| {
        let text = image.to_string();
        let text = text.replace("\"layers\":[]", "\"layers\":@");
        text.replacen('{', &format!("{{\"{member}\":{value},"), 1)
    };
    let many = |item: &str| vec![item; (LIMIT - 1000) / (item.len() + 1)].join(",");
    let layers = format!("[{}]", many("{}"));
    let mut keys = String::new();
    for number in 0.. {
        let member = format!("\"{number:x}\":\"\",");
        if keys.len() + member.len() > LIMIT - 1000 {
            break;
        }
        keys.push_str(&member);
    }
    let annotations = format!("{{{}}}", keys.trim_end_matches(','));
    let before = server.resident_bytes();
    let began = Instant::now();
    for document in [
        image.to_string().replace("[]", &layers),
        with("x", &layers).replace('@', "[]"),
        with("x", &format!("[{}]", many("[]"))).replace('@', "[]"),
        with("x", &format!("[{}]", many("0"))).replace('@', "[]"),
        with("annotations", &annotations).replace('@', "[]"),
        with("x", &annotations).replace('@', "[]"),
        format!("[{}]", many("{}")),
        format!("{{{}", many("\"a\":1")),
    ] {
        assert!(document.len() <= LIMIT, "{}", document.len());
        let answer = connection.send(&put(IMAGE, document.as_bytes()));
        if answer.status != 201 {
            answer.expect_error(400, "MANIFEST_INVALID");
        }
        connection.assert_usable();
    }
    let took = began.elapsed();
    assert!(took < PATIENCE, "{took:?}");
    let grown = server.peak_bytes() - before;
    assert!(grown < MOST_GROWTH, "grew by {grown} bytes");
}

#[test]
fn case_72_indexes_nest_as_deep_as_anybody_likes() {
    let server = Server::start();
    let mut connection = server.connect();
    let mut innermost = empty_index("case 72");
    connection.push_manifest("a", &innermost.digest(), &innermost);
    for _ in 0..1000 {
        let outer = index(&[&innermost]);
        connection.push_manifest("a", &outer.digest(), &outer);
        innermost = outer;
    }
    connection.push_manifest("a", "outermost", &innermost);
    let answer = connection.get("/v2/a/manifests/outermost");
    assert_eq!(answer.body, innermost.bytes);
    let gone = connection.delete(format!("/v2/a/manifests/{}", innermost.digest()));
    gone.expect_status(202);
    connection.assert_usable();
}

#[test]
fn case_72_subjects_form_chains_as_long_as_anybody_likes() {
    let server = Server::start();
    let mut connection = server.connect();
    let first = empty_index("case 72");
    let mut chain = vec![first];
    for number in 0..200 {
        let subject = chain.last().expect("a chain has an end").descriptor();
        let next = referrer(&subject, "application/x-link", &number.to_string());
        connection.push_manifest("a", &next.digest(), &next);
        chain.push(next);
    }
    // The beginning comes last: a subject need not be there.
    connection.push_manifest("a", "first", &chain[0]);
    for pair in chain.windows(2) {
        let list = connection.get(format!("/v2/a/referrers/{}", pair[0].digest()));
        let found = &list.json()["manifests"];
        assert_eq!(found.as_array().map(Vec::len), Some(1));
        assert_eq!(found[0]["digest"], json!(pair[1].digest()));
    }
}

#[test]
fn case_74_strange_annotations_and_types_are_kept_as_they_are() {
    let server = Server::start();
    let mut connection = server.connect();
    let subject = empty_index("case 74");
    connection.push_manifest("a", "subject", &subject);
    let long_key = "k".repeat(1024 * 1024);
    let strange = "a/b\"\\<script>\u{1}\u{2028}é🐳";
    let document = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "artifactType": strange,
        "manifests": [],
        "subject": subject.descriptor(),
        "annotations": {long_key.clone(): "value", strange: strange, "": ""},
    });
    let manifest = Manifest::of_json(INDEX, &document);
    connection.push_manifest("a", "strange", &manifest);
    let stored = connection.get("/v2/a/manifests/strange");
    assert!(stored.body == manifest.bytes, "{stored:?}");

    let list = connection.get(format!("/v2/a/referrers/{}", subject.digest()));
    list.expect_status(200);
    let found: &Value = &list.json()["manifests"][0];
    assert_eq!(found["digest"], json!(manifest.digest()));
    assert_eq!(found["artifactType"], json!(strange));
    assert_eq!(found["annotations"], document["annotations"]);
    // What a strange type is asked for by is found, too.
    let escaped: String = strange.bytes().fold(String::new(), |mut text, byte| {
        text.push('%');
        text.push_str(&hex::encode([byte]));
        text
    });
    let target = format!(
        "/v2/a/referrers/{}?artifactType={escaped}",
        subject.digest()
    );
    let filtered = connection.get(target);
    assert_eq!(filtered.header("oci-filters-applied"), Some("artifactType"));
    assert_eq!(filtered.json()["manifests"][0]["digest"], found["digest"]);
    let image = random_bytes(10);
    assert_eq!(connection.push_blob("a", &image), sha256(&image));
}
