//! The known hostile cases about credentials, by their numbers.

use crate::fixture::{Guarded, PASSWORD, assert_challenged, basic, bearer};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use roadstead_tests::http::Request;
use serde_json::json;

const SCOPE: &str = "repository:team-a/app:pull,push";

fn ops_token(guarded: &Guarded) -> String {
    guarded.token(Some(&basic("ops", PASSWORD)), &[SCOPE])
}

/// Sends a token that must be found wrong.
#[track_caller]
fn assert_invalid(guarded: &Guarded, token: &str) {
    let answer = guarded.send(&bearer(token), Request::get("/v2/"));
    assert_challenged(&answer, None, Some("invalid_token"));
}

/// Returns a token with another header and the rest of this one.
fn with_header(token: &str, header: &str) -> String {
    let (_, rest) = token.split_once('.').expect("has a header");
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
}

#[test]
fn case_83_the_catalog_is_not_for_everybody() {
    let guarded = Guarded::start();
    let scope = Some("registry:catalog:*");
    assert_challenged(&guarded.connect().get("/v2/_catalog"), scope, None);
    let token = bearer(&ops_token(&guarded));
    let answer = guarded.send(&token, Request::get("/v2/_catalog"));
    assert_challenged(&answer, scope, Some("insufficient_scope"));
}

#[test]
fn case_84_to_86_a_token_names_no_algorithm_and_no_key_of_its_own() {
    let guarded = Guarded::start();
    let token = ops_token(&guarded);
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().expect("has a header"));
    let header = String::from_utf8(header.expect("is base64")).expect("is text");
    for (old, new) in [
        ("EdDSA", "none"),
        ("EdDSA", "None"),
        ("EdDSA", "HS256"),
        ("EdDSA", "RS256"),
        ("\"kid\":\"", "\"kid\":\"../"),
        ("\"kid\":\"", "\"kid\":\"' or 1=1 --"),
        ("{", "{\"jku\":\"http://127.0.0.1:1/\","),
        ("{", "{\"jwk\":{\"kty\":\"OKP\"},"),
        ("{", "{\"x5c\":[],"),
    ] {
        assert_invalid(
            &guarded,
            &with_header(&token, &header.replacen(old, new, 1)),
        );
    }
    let (unsigned, _) = token.rsplit_once('.').expect("is signed");
    assert_invalid(&guarded, &format!("{unsigned}."));
}

#[test]
fn case_88_and_89_a_token_is_good_for_the_names_in_it_alone() {
    let guarded = Guarded::start();
    let token = bearer(&ops_token(&guarded));
    for name in ["team-a/ap", "team-a/app/x", "team-a/other"] {
        let scope = format!("repository:{name}:pull,push");
        let answer = guarded.push(&token, name, "1", "x");
        assert_challenged(&answer, Some(&scope), Some("insufficient_scope"));
    }
    let patterns = ["repository:team-a/*:push", "repository:TEAM-A/app:push"];
    let token = bearer(&guarded.token(Some(&basic("ops", PASSWORD)), &patterns));
    guarded
        .push(&token, "team-a/app", "1", "x")
        .expect_status(401);
    let delete = Request::delete("/v2/team-a/app/manifests/1");
    let answer = guarded.send(&bearer(&ops_token(&guarded)), delete);
    let scope = Some("repository:team-a/app:delete");
    assert_challenged(&answer, scope, Some("insufficient_scope"));
}

#[test]
fn case_90_a_token_of_another_deployment_is_worth_nothing() {
    let (here, there) = (Guarded::start(), Guarded::start());
    assert_invalid(&here, &ops_token(&there));
}

#[test]
fn case_91_a_token_that_was_tampered_with_is_refused() {
    let guarded = Guarded::start();
    let token = ops_token(&guarded);
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = *parts else {
        panic!("a token has three parts");
    };
    let changed = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).expect("is base64"));
    let changed = changed
        .expect("is text")
        .replace("team-a/app", "secret/app");
    let changed = URL_SAFE_NO_PAD.encode(changed);
    for wrong in [
        format!("{header}.{changed}.{signature}"),
        format!("{header}.{claims}.{signature}.{signature}.{signature}"),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.!{signature}"),
        token.to_ascii_uppercase(),
        "a".to_owned(),
    ] {
        assert_invalid(&guarded, &wrong);
    }
}

#[test]
fn case_92_odd_headers_are_refused_and_lower_case_is_accepted() {
    let guarded = Guarded::start();
    let token = ops_token(&guarded);
    for good in [format!("bearer {token}"), format!("Bearer    {token}")] {
        guarded.send(&good, Request::get("/v2/")).expect_status(200);
    }
    let twice = Request::get("/v2/").header("Authorization", bearer(&token));
    assert_challenged(
        &guarded.send(&bearer(&token), twice),
        None,
        Some("invalid_token"),
    );
    for bad in [
        "Basic bm8gY29sb24=",
        "Basic b3BzOv/+",
        "Digest x",
        "Bearer",
        "Basic !",
    ] {
        guarded
            .send(bad, Request::get("/v2/"))
            .expect_error(401, "UNAUTHORIZED");
    }
}

#[test]
fn case_93_a_wrong_name_and_a_wrong_password_look_the_same_and_are_slowed() {
    let guarded = Guarded::start();
    let try_as = |name: &str| guarded.send(&basic(name, "wrong"), Request::get("/v2/"));
    let (known, unknown) = (try_as("ops"), try_as("nobody"));
    assert_eq!((known.status, &known.body), (401, &unknown.body));
    let slowed = (0..10)
        .map(|_| try_as("ops"))
        .find(|answer| answer.status == 429);
    let slowed = slowed.expect("guessing is slowed");
    slowed.expect_error(429, "TOOMANYREQUESTS");
    assert!(slowed.expect_header("retry-after").parse::<u64>().is_ok());
    // Another account of the same network is not.
    guarded
        .send(&basic("root", PASSWORD), Request::get("/v2/"))
        .expect_status(200);
}

#[test]
fn case_94_and_95_scopes_are_narrowed_dropped_or_too_many() {
    let guarded = Guarded::start();
    let ops = basic("ops", PASSWORD);
    let claims = |scopes: &[&str]| {
        let token = guarded.token(Some(&ops), scopes);
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("has claims"));
        let claims: serde_json::Value =
            serde_json::from_slice(&claims.expect("is base64")).expect("is JSON");
        claims["access"].clone()
    };
    let own = json!([{"type": "repository", "name": "team-a/app", "actions": ["pull", "push"]}]);
    assert_eq!(claims(&["repository:team-a/app:*"]), own);
    for dropped in [
        "plugin:a:pull",
        "nonsense",
        "repository:secret/app:pull",
        "repository:a:fly",
    ] {
        assert_eq!(claims(&[dropped]), json!([]), "{dropped}");
    }
    let many = vec!["repository:a:pull"; 500];
    let answer = guarded.ask_for_token(Some(&ops), &many);
    answer.expect_error(400, "UNSUPPORTED");
    assert_eq!(answer.json()["error"], "invalid_scope");
}

#[test]
fn case_96_a_form_that_is_none_is_told_in_the_words_of_oauth() {
    let guarded = Guarded::start();
    let send = |media_type: &str, body: &str| {
        let request = Request::post("/token")
            .header("Content-Type", media_type)
            .body(body);
        let answer = guarded.connect().send(&request);
        answer.expect_error(400, "UNSUPPORTED");
        answer.json()["error"].as_str().expect("is text").to_owned()
    };
    let form = "application/x-www-form-urlencoded";
    assert_eq!(
        send(form, "grant_type=refresh_token&refresh_token=x"),
        "unsupported_grant_type"
    );
    assert_eq!(
        send(form, "grant_type=password&username=ops"),
        "invalid_request"
    );
    assert_eq!(send(form, ""), "invalid_request");
    assert_eq!(send("application/json", "{}"), "invalid_request");
    let in_query = format!("/token?grant_type=password&username=ops&password={PASSWORD}");
    let answer = guarded.connect().get(in_query.replace(' ', "+"));
    answer.expect_status(200);
    assert!(!guarded.0.log().lines().concat().contains("horse"));
}

#[test]
fn case_98_a_token_is_for_this_service_whatever_is_asked_for() {
    let guarded = Guarded::start();
    let target = "/token?service=evil.example.com";
    let answer = guarded.send(&basic("ops", PASSWORD), Request::get(target));
    let body = answer.json();
    let token = body["token"].as_str().expect("is text");
    guarded
        .send(&bearer(token), Request::get("/v2/"))
        .expect_status(200);
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("has claims"));
    assert!(!String::from_utf8_lossy(&claims.expect("is base64")).contains("evil"));
}

#[test]
fn a_host_that_is_none_does_not_come_back_in_the_challenge() {
    let guarded = Guarded::start();
    let mut connection = guarded.connect();
    let bytes = b"GET /v2/ HTTP/1.1\r\nHost: a\",realm=\"evil\r\n\r\n";
    let answer = connection.exchange(bytes, false);
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert!(!challenge.contains("evil"), "{challenge}");
}
