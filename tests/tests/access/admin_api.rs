//! The administration API over the registry's listener: each operation does what it says.

use crate::fixture::{Guarded, PASSWORD, basic};
use roadstead_tests::http::{Answer, Request};
use serde_json::{Value, json};

/// Sends a request to administration as `root`, and holds its status against what it should be.
#[track_caller]
pub(crate) fn admin(
    guarded: &Guarded,
    method: &str,
    path: &str,
    body: Option<Value>,
    status: u16,
) -> Answer {
    let answer = ask(guarded, &basic("root", PASSWORD), method, path, body);
    assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    answer
}

/// Sends a request to administration with credentials.
pub(crate) fn ask(
    guarded: &Guarded,
    credentials: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let mut request = Request::new(method, format!("/api/v1{path}"));
    if body.is_some() || method == "POST" {
        request = request.header("Content-Type", "application/json");
    }
    if let Some(body) = body {
        request = request.body(body.to_string());
    }
    guarded.send(credentials, request)
}

fn names(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().expect("a page has items");
    let name = |item: &'_ Value| item["name"].as_str().is_some();
    assert!(items.iter().all(name), "{page}");
    items
        .iter()
        .filter_map(|item| item["name"].as_str())
        .collect()
}

#[test]
fn users_and_groups_are_resources() {
    let guarded = Guarded::start();
    let new = json!({"name": "new", "groups": ["team-a"]});
    let made = admin(&guarded, "POST", "/users", Some(new.clone()), 201).json();
    let password = made["password"].as_str().expect("one is made").to_owned();
    let push = |password: &str| {
        let credentials = basic("new", password);
        guarded.push(&credentials, "team-a/app", "1", "x").status
    };
    assert_eq!(push(&password), 201);
    let twice = admin(&guarded, "POST", "/users", Some(new), 409);
    assert_eq!(twice.code(), "EXISTS");

    let shown = admin(&guarded, "GET", "/users/new", None, 200).json();
    assert_eq!(shown["groups"], json!(["team-a"]));
    assert!(!shown.to_string().contains("argon2"), "{shown}");
    let groups = admin(&guarded, "GET", "/groups", None, 200).json();
    assert_eq!(
        groups["items"],
        json!([{"name": "team-a", "members": ["new", "ops"]}])
    );
    admin(&guarded, "DELETE", "/groups/team-a/members/new", None, 204);
    admin(&guarded, "DELETE", "/groups/team-a/members/new", None, 404);
    assert_eq!(push(&password), 403);
    admin(&guarded, "PUT", "/groups/team-a/members/new", None, 204);
    assert_eq!(push(&password), 201);

    let other = json!({"password": "other"});
    let set = admin(&guarded, "PUT", "/users/new/password", Some(other), 200);
    assert_eq!(set.json(), json!({"name": "new"}));
    assert_eq!((push(&password), push("other")), (401, 201));
    admin(&guarded, "DELETE", "/users/new", None, 204);
    assert_eq!(push("other"), 401);
    assert_eq!(
        admin(&guarded, "GET", "/users/new", None, 404).code(),
        "NOT_FOUND"
    );
}

#[test]
fn robots_and_access_tokens_show_their_secret_once() {
    let guarded = Guarded::start();
    let grants = json!([{"repositories": ["team-b/**"], "actions": ["pull", "push"]}]);
    let robot = json!({"name": "ci", "grants": grants, "expires_in_secs": 3600});
    let made = admin(&guarded, "POST", "/robots", Some(robot), 201);
    assert_eq!(made.expect_header("cache-control"), "no-store");
    let made = made.json();
    let secret = made["secret"].as_str().expect("is shown").to_owned();
    let push = |name: &str, secret: &str, repository: &str| {
        let credentials = basic(name, secret);
        guarded.push(&credentials, repository, "1", "x").status
    };
    assert_eq!(push("robot+ci", &secret, "team-b/app"), 201);
    let drop = json!({"keep_old_secs": 0});
    let rotated = admin(&guarded, "POST", "/robots/ci/rotate", Some(drop), 200).json();
    let second = rotated["secret"].as_str().expect("is shown").to_owned();
    assert_eq!(push("robot+ci", &secret, "team-b/app"), 401);
    assert_eq!(push("robot+ci", &second, "team-b/app"), 201);
    let listed = admin(&guarded, "GET", "/robots", None, 200).json();
    let robot = &listed["items"][0];
    assert_eq!(robot["login"], "robot+ci");
    assert!(robot["last_used"].is_string(), "{robot}");
    assert!(!listed.to_string().contains(&second), "{listed}");
    admin(&guarded, "DELETE", "/robots/ci", None, 204);
    assert_eq!(push("robot+ci", &second, "team-b/app"), 401);
    admin(&guarded, "POST", "/robots/ci/rotate", None, 404);

    let grants = json!([{"repositories": ["team-a/**"], "actions": ["pull", "push"]}]);
    let token = json!({"label": "laptop", "grants": grants});
    let made = admin(
        &guarded,
        "POST",
        "/users/ops/tokens",
        Some(token.clone()),
        201,
    )
    .json();
    let secret = made["secret"].as_str().expect("is shown").to_owned();
    assert_eq!(push("ops", &secret, "team-a/app"), 201);
    assert_eq!(push("ops", &secret, "ops/app"), 403);
    let listed = admin(&guarded, "GET", "/users/ops/tokens", None, 200).json();
    let id = made["id"].as_str().expect("has an id");
    assert_eq!(listed["items"][0]["id"], id);
    assert_eq!(listed["items"][0]["label"], "laptop");
    assert!(!listed.to_string().contains(&secret), "{listed}");
    admin(
        &guarded,
        "DELETE",
        &format!("/users/ops/tokens/{id}"),
        None,
        204,
    );
    admin(
        &guarded,
        "DELETE",
        &format!("/users/ops/tokens/{id}"),
        None,
        404,
    );
    assert_eq!(push("ops", &secret, "team-a/app"), 401);
    admin(&guarded, "POST", "/users/nobody/tokens", Some(token), 404);
}

#[test]
fn a_stored_rule_holds_at_once_and_a_denial_wins() {
    let guarded = Guarded::start();
    let ops = basic("ops", PASSWORD);
    let push = || guarded.push(&ops, "team-c/app", "1", "x").status;
    assert_eq!(push(), 403);
    let allow = json!({
        "subjects": ["user:ops"], "repositories": ["team-c/**"], "actions": ["push"]
    });
    let made = admin(&guarded, "POST", "/rules", Some(allow.clone()), 201).json();
    assert_eq!(made["number"], 6);
    assert_eq!(push(), 201);
    assert_eq!(
        admin(&guarded, "POST", "/rules", Some(allow), 409).code(),
        "EXISTS"
    );
    let deny = json!({
        "subjects": ["*"], "repositories": ["team-c/**"], "actions": ["push"], "effect": "deny"
    });
    let denied = admin(&guarded, "POST", "/rules", Some(deny), 201).json();
    assert_eq!(push(), 403);
    let question = "/explain?as=ops&action=push&repository=team-c/app&tag=1";
    let told = admin(&guarded, "GET", question, None, 200).json();
    assert_eq!(told["allowed"], false);
    assert_eq!(told["reason"], "denied by rule 7");
    assert_eq!(told["rule"]["effect"], "deny");

    let listed = admin(&guarded, "GET", "/rules?n=6", None, 200).json();
    assert_eq!(listed["next"], "6");
    assert_eq!(listed["items"][0]["id"], Value::Null);
    let listed = admin(&guarded, "GET", "/rules?n=6&last=6", None, 200).json();
    assert_eq!(listed["items"][0]["id"], denied["id"]);
    assert_eq!(listed["next"], Value::Null);
    for rule in [&denied, &made] {
        let path = format!("/rules/{}", rule["id"].as_str().expect("has an id"));
        admin(&guarded, "DELETE", &path, None, 204);
        admin(&guarded, "DELETE", &path, None, 404);
    }
    assert_eq!(push(), 403);
}

#[test]
fn repositories_and_tags_are_listed_by_pages_and_a_tag_is_removed() {
    let guarded = Guarded::start();
    let root = basic("root", PASSWORD);
    for (name, tag, text) in [
        ("a/app", "1", "one"),
        ("a/app", "1", "two"),
        ("a/app", "2", "two"),
        ("b/app", "1", "one"),
        ("c/app", "1", "one"),
    ] {
        guarded.push(&root, name, tag, text).expect_status(201);
    }
    let page = admin(&guarded, "GET", "/repositories?n=2", None, 200).json();
    assert_eq!(names(&page), ["a/app", "b/app"]);
    assert_eq!(page["next"], "b/app");
    let page = admin(&guarded, "GET", "/repositories?n=2&last=b/app", None, 200).json();
    assert_eq!(names(&page), ["c/app"]);
    assert_eq!(page["next"], Value::Null);

    let page = admin(&guarded, "GET", "/tags?repository=a/app&n=1", None, 200).json();
    assert_eq!(names(&page), ["1"]);
    assert_eq!(page["items"][0]["set_by"], "root");
    let two = page["items"][0]["digest"].clone();
    let page = admin(
        &guarded,
        "GET",
        "/tags?repository=a/app&n=1&last=1",
        None,
        200,
    )
    .json();
    assert_eq!(names(&page), ["2"]);
    assert_eq!(page["items"][0]["digest"], two);
    admin(&guarded, "GET", "/tags?repository=no/thing", None, 404);

    admin(
        &guarded,
        "DELETE",
        "/tags?repository=a/app&tag=1",
        None,
        204,
    );
    admin(
        &guarded,
        "DELETE",
        "/tags?repository=a/app&tag=1",
        None,
        404,
    );
    guarded.pull(&root, "a/app", "1").expect_status(404);
    guarded.pull(&root, "a/app", "2").expect_status(200);
    let history = "/tags/history?repository=a/app&tag=1";
    let page = admin(&guarded, "GET", history, None, 200).json();
    let items = page["items"].as_array().expect("is a list");
    assert_eq!(items.len(), 2, "{page}");
    assert_eq!(items[0]["digest"], two);
    assert_ne!(items[1]["digest"], two);
    let page = admin(&guarded, "GET", &format!("{history}&n=1"), None, 200).json();
    let next = page["next"].as_str().expect("one more is there");
    let page = admin(
        &guarded,
        "GET",
        &format!("{history}&n=1&last={next}"),
        None,
        200,
    )
    .json();
    assert_eq!(page["items"][0]["digest"], items[1]["digest"]);
    let history = "/tags/history?repository=a/app&tag=nothing";
    admin(&guarded, "GET", history, None, 404);
}

#[test]
fn open_uploads_are_listed_and_aborted() {
    let guarded = Guarded::start();
    let root = basic("root", PASSWORD);
    let start = || {
        let answer = guarded.send(&root, Request::post("/v2/a/app/blobs/uploads/"));
        answer.expect_status(202);
        answer.expect_header("location").to_owned()
    };
    let locations = [start(), start()];
    let append = Request::patch(&locations[0]).body("four");
    guarded.send(&root, append).expect_status(202);
    let listed = admin(&guarded, "GET", "/uploads", None, 200).json();
    let items = listed["items"].as_array().expect("is a list").clone();
    assert_eq!(items.len(), 2);
    let sizes: u64 = items
        .iter()
        .filter_map(|item| item["size_bytes"].as_u64())
        .sum();
    assert_eq!(sizes, 4);
    assert!(
        items
            .iter()
            .all(|item| item["owner"] == "root" && item["repository"] == "a/app")
    );
    let page = admin(&guarded, "GET", "/uploads?n=1", None, 200).json();
    assert_eq!(page["next"], items[0]["id"]);
    for item in &items {
        let path = format!("/uploads/{}", item["id"].as_str().expect("has an id"));
        admin(&guarded, "DELETE", &path, None, 204);
        admin(&guarded, "DELETE", &path, None, 404);
    }
    for location in &locations {
        guarded
            .send(&root, Request::get(location))
            .expect_status(404);
    }
    let listed = admin(&guarded, "GET", "/uploads", None, 200).json();
    assert_eq!(listed["items"], json!([]));
}

#[test]
fn keys_are_rotated() {
    let guarded = Guarded::start();
    let ops = basic("ops", PASSWORD);
    let token = guarded.token(Some(&ops), &["repository:team-a/app:pull,push"]);
    let token = format!("Bearer {token}");
    let push = || guarded.push(&token, "team-a/app", "1", "x").status;
    admin(&guarded, "POST", "/keys/rotate", None, 204);
    assert_eq!(push(), 201);
    let drop = json!({"drop_old": true});
    admin(&guarded, "POST", "/keys/rotate", Some(drop), 204);
    assert_eq!(push(), 401);
}

#[test]
fn lists_have_pages_to_their_end() {
    let guarded = Guarded::start();
    for index in 0..5 {
        let grants = json!([{"repositories": ["a/**"], "actions": ["pull"]}]);
        let robot = json!({"name": format!("r{index}"), "grants": grants});
        admin(&guarded, "POST", "/robots", Some(robot), 201);
    }
    for (path, expected) in [("/robots", 5), ("/users", 2), ("/groups", 1)] {
        let mut seen = Vec::new();
        let mut last = String::new();
        loop {
            let page = admin(&guarded, "GET", &format!("{path}?n=2{last}"), None, 200).json();
            let found = names(&page);
            assert!(found.len() <= 2);
            seen.extend(found.iter().map(|&name| name.to_owned()));
            match page["next"].as_str() {
                Some(next) => last = format!("&last={next}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), expected, "{path}: {seen:?}");
        assert!(seen.is_sorted(), "{seen:?}");
    }
}
