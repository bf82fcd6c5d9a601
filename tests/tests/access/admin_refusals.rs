//! The administration API refuses: who may not, what is no request, and what a rule forbids.

use crate::admin_api::{admin, ask};
use crate::fixture::{Guarded, PASSWORD, basic};
use roadstead_tests::http::Request;
use serde_json::{Value, json};

#[test]
fn a_rule_that_denies_a_deletion_holds_for_administrators_too() {
    let guarded = Guarded::start();
    let root = basic("root", PASSWORD);
    guarded
        .push(&root, "a/release", "v1", "x")
        .expect_status(201);
    let deny = json!({
        "subjects": ["*"], "repositories": ["*/release"], "tags": ["v*"], "actions": ["delete"],
        "effect": "deny"
    });
    admin(&guarded, "POST", "/rules", Some(deny), 201);
    let answer = admin(
        &guarded,
        "DELETE",
        "/tags?repository=a/release&tag=v1",
        None,
        403,
    );
    assert_eq!(answer.code(), "DENIED");
    guarded.pull(&root, "a/release", "v1").expect_status(200);
}

#[test]
fn without_the_right_nothing_is_told_whatever_is_asked() {
    let guarded = Guarded::start();
    let ops = basic("ops", PASSWORD);
    let token = guarded.token(Some(&basic("root", PASSWORD)), &["registry:catalog:*"]);
    let paths = [
        ("GET", "/users/root"),
        ("GET", "/users/nobody"),
        ("GET", "/nothing/there"),
        ("GET", "/openapi.json"),
        ("PUT", "/users"),
        ("DELETE", "/tags?repository=no/thing&tag=1"),
        ("POST", "/users"),
    ];
    let mut seen = Vec::new();
    for (method, path) in paths {
        let answer = ask(&guarded, &ops, method, path, None);
        answer.expect_error(403, "DENIED");
        seen.push(answer.body.clone());
        let path = format!("/api/v1{path}");
        let nobody = guarded.connect().send(&Request::new(method, path));
        nobody.expect_error(401, "UNAUTHORIZED");
        let challenge = nobody.expect_header("www-authenticate");
        assert!(challenge.starts_with("Basic "), "{challenge}");
    }
    assert!(seen.windows(2).all(|two| two[0] == two[1]), "{seen:?}");
    let wrong = basic("root", "wrong");
    ask(&guarded, &wrong, "GET", "/users", None).expect_error(401, "UNAUTHORIZED");
    // No signed token administers: it may lie in the cache of a client.
    let bearer = format!("Bearer {token}");
    ask(&guarded, &bearer, "GET", "/users", None).expect_error(401, "UNAUTHORIZED");
}

#[test]
fn an_access_token_administers_only_when_it_is_made_for_it() {
    let guarded = Guarded::start();
    let make = |actions: &[&str], repositories: &str| {
        let token = json!({"grants": [{"repositories": [repositories], "actions": actions}]});
        let made = admin(&guarded, "POST", "/users/root/tokens", Some(token), 201).json();
        basic("root", made["secret"].as_str().expect("is shown"))
    };
    for (actions, repositories, status) in [
        (&["admin"][..], "**", 200),
        (&["pull", "push"], "**", 403),
        (&["admin"], "a/**", 403),
    ] {
        let credentials = make(actions, repositories);
        let answer = ask(&guarded, &credentials, "GET", "/users", None);
        assert_eq!(answer.status, status, "{actions:?} {repositories}");
    }
}

#[test]
fn an_open_registry_is_not_administered_over_the_network() {
    let server = roadstead_tests::server::Server::start();
    let mut connection = server.connect();
    for path in [
        "/api/v1/users",
        "/api/v1/openapi.json",
        "/api/v1/",
        "/api/v2/users",
    ] {
        connection.get(path).expect_status(404);
    }
}

#[test]
fn hostile_bodies_and_parameters_change_nothing() {
    let guarded = Guarded::start();
    let root = basic("root", PASSWORD);
    let post = |content_type: &str, body: &str| {
        let request = Request::post("/api/v1/users").header("Content-Type", content_type);
        guarded.send(&root, request.body(body))
    };
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        "",
        "{",
        "null",
        "[]",
        "{}",
        &deep,
        r#"{"name": "x", "groups": "a"}"#,
        r#"{"name": "x", "is_disabled": true}"#,
        r#"{"name": "x", "name": "y"}"#,
        r#"{"name": "../root"}"#,
        r#"{"name": "a b"}"#,
        r#"{"name": ""}"#,
        r#"{"name": "x", "password": ""}"#,
        r#"{"name": "x", "groups": ["a:b"]}"#,
        "{\"name\": \"x\u{0}\"}",
    ] {
        let answer = post("application/json", body);
        assert_eq!(
            (answer.status, answer.code()),
            (400, "INVALID".to_owned()),
            "{body:.60}"
        );
    }
    let form = post("application/x-www-form-urlencoded", r#"{"name": "x"}"#);
    assert_eq!((form.status, form.code()), (415, "UNSUPPORTED".to_owned()));
    let long = format!("{{\"name\": \"{}\"}}", "x".repeat(300 * 1024));
    let answer = post("application/json", &long);
    assert_eq!(
        (answer.status, answer.code()),
        (413, "TOO_LARGE".to_owned())
    );
    let password = json!({"name": "x", "password": "p".repeat(10_000)}).to_string();
    let answer = post("application/json", &password);
    assert_eq!(answer.status, 400, "{answer:?}");

    for path in [
        "/users?n=x",
        "/users?n=1&n=2",
        "/users?last=a/b",
        "/users?last=%zz",
        "/rules?last=x",
        "/tags",
        "/tags?repository=A",
        "/tags?repository=../a",
        "/tags/history?repository=a",
        "/tags/history?repository=a&tag=..%2F",
        "/explain?as=ops&action=read&repository=a",
        "/explain?as=a%20b&action=pull&repository=a",
    ] {
        admin(&guarded, "GET", path, None, 400);
    }
    for path in [
        "/users/a%2fb",
        "/users/",
        "/users/../users",
        "/uploads",
        "/nothing",
    ] {
        let answer = ask(&guarded, &root, "DELETE", path, None);
        assert!(matches!(answer.status, 404 | 405), "{path}: {answer:?}");
    }
    for path in [
        "/users/ops/tokens/..",
        "/users/ops/tokens/%2e%2e",
        "/uploads/..",
        "/rules/x",
    ] {
        admin(&guarded, "DELETE", path, None, 404);
    }
    let answer = admin(&guarded, "POST", "/robots/ci", None, 405);
    assert_eq!(answer.expect_header("allow"), "HEAD, GET, DELETE");
    let rule = |rule: Value| admin(&guarded, "POST", "/rules", Some(rule), 400);
    rule(json!({"subjects": [], "actions": ["pull"]}));
    rule(json!({"subjects": ["ops"], "repositories": ["**"], "actions": ["pull"]}));
    rule(json!({"subjects": ["*"], "repositories": ["**"], "actions": ["read"]}));
    rule(json!({"subjects": ["*"], "repositories": ["**"], "actions": ["pull"], "effect": "no"}));
    assert_eq!(guarded.columns(&["user", "ls"], 1), ["ops", "root"]);
}

#[test]
fn a_page_of_another_site_cannot_have_a_browser_post_without_a_body() {
    let guarded = Guarded::start();
    let rotate = Request::new("POST", "/api/v1/keys/rotate");
    let without_type = guarded.send(&basic("root", PASSWORD), rotate);
    assert_eq!(
        (without_type.status, without_type.code()),
        (415, "UNSUPPORTED".to_owned())
    );
}
