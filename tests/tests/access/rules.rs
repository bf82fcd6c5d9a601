//! What rules do to the catalog, to mounts and to tags.

use crate::fixture::{Guarded, PASSWORD, assert_challenged, basic, bearer};
use roadstead_tests::http::Request;
use serde_json::json;

#[test]
fn the_catalog_shows_what_the_caller_may_pull() {
    let guarded = Guarded::start();
    let (root, ops) = (basic("root", PASSWORD), basic("ops", PASSWORD));
    for name in ["public/app", "secret/app", "team-a/app", "team-a/other"] {
        guarded.push(&root, name, "1", name).expect_status(201);
    }
    let list = |credentials: &str, query: &str| {
        guarded.send(credentials, Request::get(format!("/v2/_catalog{query}")))
    };
    assert_eq!(
        list(&ops, "").json(),
        json!({"repositories": ["public/app", "team-a/app", "team-a/other"]})
    );
    let page = list(&ops, "?n=1");
    assert_eq!(page.json(), json!({"repositories": ["public/app"]}));
    assert!(!page.expect_header("link").contains("secret"));
    let page = list(&ops, "?n=2&last=public/app");
    assert_eq!(
        page.json(),
        json!({"repositories": ["team-a/app", "team-a/other"]})
    );
    assert_eq!(page.header("link"), None);
    let token = bearer(&guarded.token(Some(&ops), &["registry:catalog:*"]));
    assert_eq!(list(&token, "").json(), list(&ops, "").json());
    assert_challenged(
        &guarded.connect().get("/v2/_catalog"),
        Some("registry:catalog:*"),
        None,
    );
}

#[test]
fn a_blob_is_mounted_only_from_where_the_caller_may_pull() {
    let guarded = Guarded::start();
    let (root, ops) = (basic("root", PASSWORD), basic("ops", PASSWORD));
    let content = b"shared layer";
    let digest = roadstead_tests::content::sha256(content);
    for name in ["secret/app", "team-a/base"] {
        let push = Request::post(format!("/v2/{name}/blobs/uploads/?digest={digest}"));
        guarded.send(&root, push.body(content)).expect_status(201);
    }
    let mount = |credentials: &str, from: &str| {
        let target = format!("/v2/team-a/app/blobs/uploads/?mount={digest}{from}");
        guarded.send(credentials, Request::post(target))
    };
    // The same answer as for a repository that is not there.
    mount(&ops, "&from=secret/app").expect_status(202);
    mount(&ops, "&from=nothing/there").expect_status(202);
    let push = "repository:team-a/app:pull,push";
    let pull = "repository:team-a/base:pull";
    let narrow = bearer(&guarded.token(Some(&ops), &[push]));
    assert_challenged(
        &mount(&narrow, "&from=team-a/base"),
        Some(&format!("{push} {pull}")),
        Some("insufficient_scope"),
    );
    mount(&narrow, "&from=secret/app").expect_status(202);
    let wide = bearer(&guarded.token(Some(&ops), &[push, pull]));
    mount(&wide, "&from=team-a/base").expect_status(201);
}

#[test]
fn a_tag_that_a_rule_keeps_is_made_and_not_changed() {
    let guarded = Guarded::start();
    let (root, ops) = (basic("root", PASSWORD), basic("ops", PASSWORD));
    guarded
        .push(&ops, "team-a/app", "v1", "first")
        .expect_status(201);
    guarded
        .push(&ops, "team-a/app", "v1", "first")
        .expect_status(201);
    guarded
        .push(&ops, "team-a/app", "v1", "second")
        .expect_error(403, "DENIED");
    guarded
        .push(&ops, "team-a/app", "latest", "first")
        .expect_status(201);
    guarded
        .push(&ops, "team-a/app", "latest", "second")
        .expect_status(201);
    guarded
        .push(&root, "team-a/app", "v1", "second")
        .expect_status(201);
}

#[test]
fn a_repository_that_is_not_there_and_one_that_is_not_ones_own_look_the_same() {
    let guarded = Guarded::start();
    let root = basic("root", PASSWORD);
    guarded
        .push(&root, "secret/app", "1", "x")
        .expect_status(201);
    let ops = basic("ops", PASSWORD);
    let shape = |answer: roadstead_tests::http::Answer, name: &str| {
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        (answer.status, challenge.replace(name, "NAME"), answer.body)
    };
    for path in ["manifests/1", "tags/list"] {
        let mut connection = guarded.connect();
        let mut anonymous = |name: &str| connection.get(format!("/v2/{name}/{path}"));
        let there = shape(anonymous("secret/app"), "secret/app");
        assert_eq!(there, shape(anonymous("nothing/there"), "nothing/there"));
        let known = |name: &str| guarded.send(&ops, Request::get(format!("/v2/{name}/{path}")));
        let there = shape(known("secret/app"), "secret/app");
        assert_eq!(there.0, 403);
        assert_eq!(there, shape(known("nothing/there"), "nothing/there"));
    }
}
