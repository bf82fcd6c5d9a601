//! Cases 1 to 11: repository names and paths.

use crate::refusal::{refused, refused_head, refused_with_any};
use roadstead_tests::content::{empty_index, random_bytes, sha256, unknown_digest};
use roadstead_tests::http::{Connection, Request};
use roadstead_tests::server::Server;

/// Sends requests to every kind of path below a name, raw as it is, and expects 400 `NAME_INVALID`.
#[track_caller]
fn assert_name_is_invalid(connection: &mut Connection, name: &str) {
    let digest = unknown_digest();
    for target in [
        format!("/v2/{name}/tags/list"),
        format!("/v2/{name}/manifests/latest"),
        format!("/v2/{name}/blobs/{digest}"),
        format!("/v2/{name}/referrers/{digest}"),
        format!("/v2/{name}/blobs/uploads/{}", "0".repeat(32)),
    ] {
        refused(connection, &Request::get(&target), 400, "NAME_INVALID");
        refused_head(connection, &target, 400);
    }
    let start = Request::post(format!("/v2/{name}/blobs/uploads/"));
    refused(connection, &start, 400, "NAME_INVALID");
    let put = Request::put(format!("/v2/{name}/manifests/latest")).body(b"{}");
    refused(connection, &put, 400, "NAME_INVALID");
}

/// Pushes, pulls, lists and deletes below a name.
#[track_caller]
fn assert_name_works(connection: &mut Connection, name: &str) {
    let image = connection.push_image(name, "tag");
    let layer = sha256(&image.layer);
    let blob = connection.get(format!("/v2/{name}/blobs/{layer}"));
    assert_eq!(blob.body, image.layer, "{name}");
    let manifest = connection.get(format!("/v2/{name}/manifests/tag"));
    assert_eq!(manifest.body, image.manifest.bytes, "{name}");
    let tags = connection.get(format!("/v2/{name}/tags/list")).json();
    assert_eq!(tags, serde_json::json!({"name": name, "tags": ["tag"]}));
    let location = connection.start_upload(name);
    assert_eq!(connection.upload_range(&location), "0--1", "{name}");
    connection.delete(&location).expect_status(204);
    let manifest = format!("/v2/{name}/manifests/{}", image.manifest.digest());
    connection.delete(manifest).expect_status(202);
    let blob = format!("/v2/{name}/blobs/{layer}");
    connection.delete(blob).expect_status(202);
}

#[test]
fn case_1_an_upper_case_name_is_refused() {
    let server = Server::start();
    let mut connection = server.connect();
    for name in ["Foo", "foo/Bar", "fOo"] {
        assert_name_is_invalid(&mut connection, name);
    }
}

#[test]
fn case_2_a_name_with_misplaced_separators_is_refused() {
    let server = Server::start();
    let mut connection = server.connect();
    for name in [
        "a..b", "a___b", "-a", "a-", ".a", "a.", "_a", "a_", "a._b", "a/-b",
    ] {
        assert_name_is_invalid(&mut connection, name);
    }
}

#[test]
fn case_2_a_name_with_legal_runs_of_separators_works() {
    let server = Server::start();
    let mut connection = server.connect();
    for name in ["a--b", "a__b", "a-----b", "a.b_c-d"] {
        assert_name_works(&mut connection, name);
    }
}

#[test]
fn case_3_a_name_of_255_bytes_works_and_one_more_is_too_long() {
    let server = Server::start();
    let mut connection = server.connect();
    let longest = format!("{}/{}", "a".repeat(127), "b".repeat(127));
    assert_eq!(longest.len(), 255);
    assert_name_works(&mut connection, &longest);
    assert_name_works(&mut connection, &"c".repeat(255));
    assert_name_is_invalid(&mut connection, &format!("{longest}b"));
    assert_name_is_invalid(&mut connection, &"c".repeat(4000));
}

#[test]
fn case_4_dots_in_a_path_never_lead_to_another_repository() {
    let server = Server::start();
    let mut connection = server.connect();
    let image = connection.push_image("b", "tag");
    let digest = sha256(&image.layer);
    for target in [
        "/v2/../../etc/passwd/manifests/x".to_owned(),
        format!("/v2/a/../b/blobs/{digest}"),
        "/v2/a/../b/manifests/tag".to_owned(),
        "/v2/./b/manifests/tag".to_owned(),
        "/v2/b/./manifests/tag".to_owned(),
        "/v2/../v2/b/manifests/tag".to_owned(),
        "/../v2/b/manifests/tag".to_owned(),
        "/v2/b/manifests/../manifests/tag".to_owned(),
    ] {
        refused_with_any(&mut connection, &Request::get(&target), &[400, 404]);
        refused_with_any(&mut connection, &Request::delete(&target), &[400, 404]);
    }
    connection.get("/v2/b/manifests/tag").expect_status(200);
}

#[test]
fn case_5_escaped_dots_and_slashes_are_no_name() {
    let server = Server::start();
    let mut connection = server.connect();
    connection.push_image("b", "tag");
    for name in [
        "a/%2e%2e/b",
        "%2e%2e",
        "%2E%2e%2fb",
        "..%2fb",
        "%252e%252e",
        "a%5cb",
        "a\\b",
        "a%",
        "a%4",
        "a%zz",
        "%ff",
    ] {
        let target = format!("/v2/{name}/manifests/tag");
        refused_with_any(&mut connection, &Request::get(&target), &[400, 404]);
        let start = Request::post(format!("/v2/{name}/blobs/uploads/"));
        refused_with_any(&mut connection, &start, &[400, 404]);
    }
}

#[test]
fn case_6_an_escaped_slash_is_not_a_slash() {
    let server = Server::start();
    let mut connection = server.connect();
    let image = connection.push_image("a/b", "tag");
    let digest = sha256(&image.layer);
    for target in [
        "/v2/a%2Fb/tags/list".to_owned(),
        "/v2/a%2fb/manifests/tag".to_owned(),
        format!("/v2/a%2Fb/blobs/{digest}"),
        "/v2%2Fa/b/tags/list".to_owned(),
        "/v2/a/b%2Ftags/list".to_owned(),
        "/v2/a/b/manifests%2Ftag".to_owned(),
    ] {
        refused_with_any(&mut connection, &Request::get(&target), &[400, 404]);
    }
}

#[test]
fn case_7_empty_components_are_no_path_and_nobody_is_sent_elsewhere() {
    let server = Server::start();
    let mut connection = server.connect();
    connection.push_image("a", "tag");
    for target in [
        "//v2/a/tags/list",
        "/v2//a/tags/list",
        "/v2/a//tags/list",
        "/v2/a/tags//list",
        "/v2/a/tags/list/",
        "/v2/a/manifests/tag/",
        "/v2//",
        "/v2/tags/list",
        "/v2/manifests/tag",
    ] {
        let answer = refused_with_any(&mut connection, &Request::get(target), &[400, 404]);
        assert_eq!(answer.header("location"), None, "{target}");
    }
}

#[test]
fn case_8_a_name_may_hold_the_words_of_the_protocol() {
    let server = Server::start();
    let mut connection = server.connect();
    for name in [
        "blobs/uploads",
        "a/manifests/b",
        "tags/list",
        "a/blobs/uploads",
        "a/tags/list",
        "uploads",
        "manifests",
        "blobs",
        "referrers",
        "v2",
        "token",
        "a/referrers/b",
    ] {
        assert_name_works(&mut connection, name);
    }
}

#[test]
fn case_9_control_characters_are_refused_and_never_echoed() {
    let server = Server::start();
    let mut connection = server.connect();
    connection.push_image("a", "tag");
    let digest = unknown_digest();
    let mut ids = Vec::new();
    for escape in ["%00", "%0d%0aX-Injected:%20yes", "%0a", "%0d", "%7f", "%1b"] {
        for (target, statuses) in [
            (format!("/v2/a{escape}/tags/list"), &[400, 404][..]),
            (format!("/v2/a/manifests/tag{escape}"), &[400, 404]),
            (format!("/v2/a/blobs/{digest}{escape}"), &[400, 404]),
            (format!("/v2/a/blobs/uploads/0{escape}"), &[400, 404]),
            (format!("/v2/a/tags/list?n=1{escape}"), &[400]),
            (format!("/v2/a/tags/list?last=a{escape}"), &[400]),
            (format!("/v2/_catalog?last=a{escape}"), &[400]),
        ] {
            let answer = refused_with_any(&mut connection, &Request::get(&target), statuses);
            assert_eq!(answer.header("x-injected"), None, "{target}");
            ids.push(answer.expect_header("x-request-id").to_owned());
        }
        let uploads = "/v2/a/blobs/uploads/";
        for parameter in ["digest", "mount", "digest-algorithm"] {
            let start = Request::post(format!("{uploads}?{parameter}={digest}{escape}"));
            refused(&mut connection, &start, 400, "DIGEST_INVALID");
        }
        let mount = Request::post(format!("{uploads}?mount={digest}&from=a{escape}"));
        let answer = connection.send(&mount);
        answer.expect_status(202);
        assert_eq!(answer.header("x-injected"), None);
        assert!(answer.expect_header("location").starts_with(uploads));
    }
    for id in ids {
        let _ = server.log().wait_for_request(&id);
    }
    for line in server.log().lines() {
        let is_json = serde_json::from_str::<serde_json::Value>(&line).is_ok();
        assert!(is_json && !line.starts_with("X-Injected"), "{line}");
    }
}

#[test]
fn case_9_raw_control_characters_end_the_connection() {
    let server = Server::start();
    for target in [
        &b"/v2/a\0b/tags/list"[..],
        b"/v2/\x7f/tags/list",
        b"/v2/a\x01",
    ] {
        let mut connection = server.connect();
        let answer = connection.send(&Request::get(target));
        assert!(matches!(answer.status, 400 | 404), "{answer:?}");
    }
    server.connect().assert_usable();
}

#[test]
fn case_10_letters_that_only_look_right_are_refused() {
    let server = Server::start();
    let mut connection = server.connect();
    // A full-width a, a Cyrillic a, an emoji, a letter with a combining accent, its composed form.
    let names = ["ａpp", "\u{430}pp", "🐳", "cafe\u{301}", "caf\u{e9}"];
    for name in names {
        assert_name_is_invalid(&mut connection, &escaped(name));
        // Not escaped, the bytes are no valid request target, either.
        let answer = server.connect().get(format!("/v2/{name}/tags/list"));
        assert!(matches!(answer.status, 400 | 404), "{answer:?}");
    }
    let hex = "0".repeat(64);
    for digest in [format!("ｓha256:{hex}"), format!("sha256：{hex}")] {
        let target = format!("/v2/a/blobs/{}", escaped(&digest));
        refused(
            &mut connection,
            &Request::get(target),
            400,
            "DIGEST_INVALID",
        );
        let start = format!("/v2/a/blobs/uploads/?digest={}", escaped(&digest));
        let start = Request::post(start).body(random_bytes(4));
        refused(&mut connection, &start, 400, "DIGEST_INVALID");
    }
    let other_digits = escaped(&format!("sha256:{}", "٣".repeat(64)));
    let target = Request::get(format!("/v2/a/blobs/{other_digits}"));
    refused(&mut connection, &target, 400, "DIGEST_INVALID");
}

/// Escapes every byte.
fn escaped(text: &str) -> String {
    let hex = hex::encode_upper(text);
    hex.as_bytes()
        .chunks(2)
        .flat_map(|digits| ['%', digits[0].into(), digits[1].into()])
        .collect()
}

#[test]
fn case_11_paths_of_other_versions_and_extensions_are_unknown() {
    let server = Server::start();
    let mut connection = server.connect();
    connection.push_manifest("a", "x", &empty_index("case 11"));
    for target in [
        "/V2/",
        "/v1/_ping",
        "/v1/search",
        "/v2/_catalog/",
        "/v2/_oci/x",
        "/v2/_oci/ext/discover",
        "/v2/a/_oci/ext/discover",
        "/v22",
        "/v2a",
        "/",
        "/favicon.ico",
        "/token",
    ] {
        refused_with_any(&mut connection, &Request::get(target), &[404]);
    }
}
