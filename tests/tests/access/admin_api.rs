//! The administration API over the registry's listener: each operation, and who may not.

use crate::fixture::{Guarded, PASSWORD, basic};
use roadstead_tests::http::{Answer, Request};
use serde_json::{Value, json};

/// Sends a request to administration as `root`, and holds its status against what it should be.
#[track_caller]
fn admin(guarded: &Guarded, method: &str, path: &str, body: Option<Value>, status: u16) -> Answer {
    let answer = ask(guarded, &basic("root", PASSWORD), method, path, body);
    assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    answer
}

fn ask(
    guarded: &Guarded,
    credentials: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let mut request = Request::new(method, format!("/api/v1{path}"));
    if let Some(body) = body {
        request = request
            .header("Content-Type", "application/json")
            .body(body.to_string());
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

/// Holds an answer against its schema: what must be there is, of the kind that it should be, and
/// nothing else.
fn assert_shape(document: &Value, schema: &Value, value: &Value) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().expect("has a name");
        return assert_shape(document, &document["components"]["schemas"][name], value);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        // Each part has members of its own: nothing can be said of others.
        for part in parts {
            let known = part["properties"].as_object().or_else(|| {
                let name = part["$ref"].as_str()?.rsplit('/').next()?;
                document["components"]["schemas"][name]["properties"].as_object()
            });
            let known = known.expect("a part has members");
            let own: Value = value
                .as_object()
                .expect("is an object")
                .iter()
                .filter(|(member, _)| known.contains_key(*member))
                .map(|(member, value)| (member.clone(), value.clone()))
                .collect::<serde_json::Map<_, _>>()
                .into();
            assert_shape(document, part, &own);
        }
        return;
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let real = choices.iter().find(|choice| choice["type"] != "null");
        if !value.is_null() {
            assert_shape(document, real.expect("one is no null"), value);
        }
        return;
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        kind => vec![kind.clone()],
    };
    let kind = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "integer",
        Value::Bool(_) => "boolean",
        Value::Null => "null",
    };
    assert!(kinds.contains(&json!(kind)), "{schema} is not {value}");
    if let Value::Array(items) = value {
        for item in items {
            assert_shape(document, &schema["items"], item);
        }
    }
    if let Value::Object(members) = value {
        for (member, value) in members {
            let known = &schema["properties"][member];
            assert!(known.is_object(), "{member} is not in {schema}");
            assert_shape(document, known, value);
        }
        for needed in schema["required"].as_array().into_iter().flatten() {
            let needed = needed.as_str().expect("is a name");
            assert!(
                members.contains_key(needed),
                "{needed} is missing of {schema}"
            );
        }
    }
}

#[test]
fn answers_are_as_the_document_says() {
    let guarded = Guarded::start();
    let root = basic("root", PASSWORD);
    for text in ["one", "two"] {
        guarded.push(&root, "a/app", "1", text).expect_status(201);
    }
    let upload = Request::post("/v2/a/app/blobs/uploads/");
    guarded.send(&root, upload).expect_status(202);
    let grants = json!([{"repositories": ["a/**"], "actions": ["pull"]}]);
    let robot = json!({"name": "ci", "grants": grants, "expires_in_secs": 60});
    admin(&guarded, "POST", "/robots", Some(robot), 201);
    let token = json!({"grants": grants});
    admin(&guarded, "POST", "/users/ops/tokens", Some(token), 201);

    let document = admin(&guarded, "GET", "/openapi.json", None, 200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let printed: Value = serde_json::from_str(&guarded.run_plain(&["access", "openapi"]))
        .expect("the document is JSON");
    assert_eq!(document, printed);
    for (template, path) in [
        ("/users", "/users"),
        ("/users/{user}", "/users/ops"),
        ("/users/{user}/tokens", "/users/ops/tokens"),
        ("/groups", "/groups"),
        ("/robots", "/robots"),
        ("/robots/{robot}", "/robots/ci"),
        ("/rules", "/rules"),
        (
            "/explain",
            "/explain?as=ops&action=push&repository=team-a/x",
        ),
        ("/repositories", "/repositories"),
        ("/tags", "/tags?repository=a/app"),
        ("/tags/history", "/tags/history?repository=a/app&tag=1"),
        ("/uploads", "/uploads"),
    ] {
        let answer = admin(&guarded, "GET", path, None, 200).json();
        if let Some(items) = answer["items"].as_array() {
            assert!(!items.is_empty(), "{path}");
        }
        let responses = &document["paths"][template]["get"]["responses"];
        let schema = &responses["200"]["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{template}");
        assert_shape(&document, schema, &answer);
        let failure = &responses["default"]["content"]["application/json"]["schema"];
        let refused = ask(&guarded, &basic("ops", PASSWORD), "GET", path, None);
        assert_shape(&document, failure, &refused.json());
    }
}
