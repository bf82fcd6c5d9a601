//! The document that describes the administration API, held against what a server answers.

use crate::admin_api::{admin, ask};
use crate::fixture::{Guarded, PASSWORD, basic};
use roadstead_tests::http::Request;
use serde_json::{Value, json};

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
    let account = json!({"name": "ci", "grants": grants, "expires_in_secs": 60});
    admin(&guarded, "POST", "/robots", Some(account), 201);
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
