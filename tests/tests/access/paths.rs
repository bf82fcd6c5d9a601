//! Names that look as if they lay below a pattern, and scopes that look as if they were allowed.

use crate::fixture::{Guarded, PASSWORD, assert_challenged, basic, bearer};
use crate::forge::claims_of;
use roadstead_tests::http::Request;
use serde_json::json;

/// What the user `ops`, who may push to `team-a/**`, must not get anywhere with.
const OUTSIDE: &[&str] = &[
    "team-a/../secret/app",
    "team-a/./../secret/app",
    "team-a/%2e%2e/secret/app",
    "team-a/..%2fsecret/app",
    "team-a%2f..%2fsecret/app",
    "team-a%2fapp",
    "team-a//app",
    "/team-a/app",
    "team-a\\app",
    "team-a%5capp",
    "team-a%00/app",
    "TEAM-A/app",
    "team-a.b/app",
    "team-ab/app",
    "team-a-b/app",
    "team-a_/app",
    "team/a/app",
    "team-a",
    "x/team-a/app",
    "secret/team-a/app",
    "team-a/*",
    "team-a/**",
    "{user}/app",
];

#[test]
fn no_name_gets_out_of_its_pattern() {
    let guarded = Guarded::start();
    let ops = basic("ops", PASSWORD);
    for name in OUTSIDE {
        let pushed = guarded.push(&ops, name, "1", "x");
        assert!(
            matches!(pushed.status, 400 | 401 | 403 | 404),
            "{name}: {pushed:?}"
        );
        let start = Request::post(format!("/v2/{name}/blobs/uploads/"));
        let started = guarded.send(&ops, start);
        assert!(
            matches!(started.status, 400 | 401 | 403 | 404),
            "{name}: {started:?}"
        );
        let pulled = guarded.pull(&ops, name, "1");
        assert!(pulled.status >= 400, "{name}: {pulled:?}");
    }
    let root = basic("root", PASSWORD);
    let catalog = guarded.send(&root, Request::get("/v2/_catalog"));
    assert_eq!(catalog.json(), json!({"repositories": []}));
}

#[test]
fn a_token_asked_for_such_a_name_is_for_nothing() {
    let guarded = Guarded::start();
    let ops = basic("ops", PASSWORD);
    for name in OUTSIDE {
        let scope = format!("repository:{}:pull,push", name.replace('%', "%25"));
        let claims = claims_of(&guarded.token(Some(&ops), &[&scope]));
        assert_eq!(claims["access"], json!([]), "{name}");
    }
}

#[test]
fn a_scope_that_holds_another_gets_what_its_user_may_and_no_more() {
    let guarded = Guarded::start();
    let ops = basic("ops", PASSWORD);
    let own = json!([{"type": "repository", "name": "team-a/app", "actions": ["pull", "push"]}]);
    for (scope, access) in [
        // Several in one parameter, as clients send them.
        (
            "repository:team-a/app:pull,push+repository:secret/app:pull",
            own.clone(),
        ),
        (
            "repository:secret/app:pull%20repository:team-a/app:pull,push",
            own,
        ),
        // The last colon parts the actions off, so the name is no name.
        (
            "repository:team-a/app:pull:repository:secret/app:pull",
            json!([]),
        ),
        // Any white space parts scopes, and what is not allowed is left out.
        (
            "repository:team-a/app:pull%0arepository:secret/app:pull",
            json!([{"type": "repository", "name": "team-a/app", "actions": ["pull"]}]),
        ),
        (
            "repository:team-a/app:pull%22,%22name%22:%22secret/app",
            json!([]),
        ),
        ("repository:team-a/app%22:pull", json!([])),
        ("registry:catalog:*,delete", json!([])),
        ("registry:secret/app:pull", json!([])),
        ("repository::pull", json!([])),
        ("::", json!([])),
    ] {
        let claims = claims_of(&guarded.token(Some(&ops), &[scope]));
        let found = &claims["access"];
        // The catalog is what the rules grant every user of theirs; no action but that.
        let is_catalog =
            found == &json!([{"type": "registry", "name": "catalog", "actions": ["*"]}]);
        let may_be_catalog = scope.starts_with("registry:catalog:");
        assert!(
            found == &access || (is_catalog && may_be_catalog),
            "{scope}: {found}"
        );
    }
    // Whom the user claims to be beside the credentials changes nothing.
    let target = "/token?account=root&client_id=root&sub=root&scope=repository:secret/app:pull";
    let answer = guarded.send(&ops, Request::get(target));
    let claims = claims_of(answer.json()["token"].as_str().expect("is text"));
    assert_eq!(
        (&claims["sub"], &claims["access"]),
        (&json!("ops"), &json!([]))
    );
}

#[test]
fn case_89_a_token_names_repositories_and_no_patterns() {
    let guarded = Guarded::start();
    let root = basic("root", PASSWORD);
    for scope in [
        "repository:**:*",
        "repository:team-a/*:*",
        "repository:*:pull",
    ] {
        let claims = claims_of(&guarded.token(Some(&root), &[scope]));
        assert_eq!(claims["access"], json!([]), "{scope}");
    }
    let token = bearer(&guarded.token(Some(&root), &["repository:team-a/app:*"]));
    for name in ["team-a/app/more", "team-a/ap", "team-a", "team-b/app"] {
        let answer = guarded.pull(&token, name, "1");
        let scope = format!("repository:{name}:pull");
        assert_challenged(&answer, Some(&scope), Some("insufficient_scope"));
    }
}
