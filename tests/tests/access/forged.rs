//! Tokens with a good signature and wrong contents, with right contents and no good signature, and
//! tokens at the end of their time.

use crate::fixture::{Guarded, PASSWORD, assert_challenged, basic, bearer};
use crate::forge::{Forge, claims_of, good_claims, seconds_from_now, sign_with};
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use roadstead_tests::content::sha256;
use roadstead_tests::http::Request;
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::{Duration, Instant};

/// How much clocks may differ, in seconds.
const LEEWAY: i64 = 60;
/// The longest that a token may outlive what it was made for, the leeway included, in seconds.
const MOST_AFTERLIFE: i64 = 15 * 60 + LEEWAY;

fn ping(guarded: &Guarded, token: &str) -> u16 {
    let ping = Request::get("/v2/");
    guarded.send(&bearer(token), ping).status
}

#[track_caller]
fn assert_invalid(guarded: &Guarded, token: &str) {
    let answer = guarded.send(&bearer(token), Request::get("/v2/"));
    assert_challenged(&answer, None, Some("invalid_token"));
}

fn changed(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    let members = claims.as_object_mut().expect("claims are an object");
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
    claims
}

#[test]
fn case_85_a_signature_by_another_algorithm_or_key_is_none() {
    let mut guarded = Guarded::start();
    let forge = Forge::of(&mut guarded);
    let claims = good_claims(&guarded);
    assert_eq!(ping(&guarded, &forge.token(&claims)), 200);
    let with_algorithm = |name: &str| {
        let mut header = forge.header();
        header["alg"] = json!(name);
        header
    };
    // The public key as a shared secret, in the forms in which attackers find it.
    let public = forge.public();
    for secret in [public.to_vec(), hex::encode(public).into_bytes()] {
        let mac = |signed: &[u8]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(&secret).expect("takes any key");
            mac.update(signed);
            mac.finalize().into_bytes().to_vec()
        };
        for algorithm in ["HS256", "EdDSA"] {
            let token = sign_with(&with_algorithm(algorithm), &claims, mac);
            assert_invalid(&guarded, &token);
        }
    }
    // A good signature does not help an algorithm that is not that of the key.
    for algorithm in ["none", "HS256", "RS256", "ES256", "Ed25519", "eddsa", ""] {
        assert_invalid(&guarded, &forge.sign(&with_algorithm(algorithm), &claims));
    }
    // Somebody else's key under our name for ours.
    let foreign = SigningKey::from_bytes(&[7; 32]);
    let sign = |signed: &[u8]| foreign.sign(signed).to_bytes().to_vec();
    assert_invalid(&guarded, &sign_with(&forge.header(), &claims, sign));
    for length in [0, 32, 63, 65] {
        let token = sign_with(&forge.header(), &claims, |_| vec![0; length]);
        assert_invalid(&guarded, &token);
    }
}

#[test]
fn case_86_a_key_is_named_by_its_own_name_and_by_nothing_else() {
    let mut guarded = Guarded::start();
    let forge = Forge::of(&mut guarded);
    let claims = good_claims(&guarded);
    let name = forge.header()["kid"].clone();
    let id = name.as_str().expect("is text").to_owned();
    for kid in [
        json!(null),
        json!(""),
        json!(id.to_ascii_uppercase()),
        json!(format!("{id}\0")),
        json!(format!(" {id}")),
        json!(format!("./{id}")),
        json!(format!("auth/signing-keys/{id}")),
        json!("0".repeat(32)),
        json!("f".repeat(10_000)),
        json!([id]),
        json!({"$ne": ""}),
        json!(0),
    ] {
        let mut header = forge.header();
        header["kid"] = kid;
        assert_invalid(&guarded, &forge.sign(&header, &claims));
    }
    // Members that point to keys make a token of ours a token of nobody.
    for (member, value) in [
        ("jku", json!("http://127.0.0.1:1/keys")),
        ("jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": ""})),
        ("x5u", json!("http://127.0.0.1:1/chain")),
        ("x5c", json!([])),
        ("crit", json!(["exp"])),
        ("zip", json!("DEF")),
    ] {
        let mut header = forge.header();
        header[member] = value;
        assert_invalid(&guarded, &forge.sign(&header, &claims));
    }
}

#[test]
fn case_87_claims_must_be_of_this_registry_and_of_this_time() {
    let mut guarded = Guarded::start();
    let forge = Forge::of(&mut guarded);
    let claims = good_claims(&guarded);
    for (name, value) in [
        ("iss", json!("somebody")),
        ("iss", json!(null)),
        ("aud", json!("registry.example.com")),
        ("aud", json!("")),
        ("aud", json!(null)),
        ("exp", json!(null)),
        ("exp", json!("never")),
        ("exp", json!(-1)),
        ("exp", json!(seconds_from_now(-LEEWAY - 1))),
        ("nbf", json!(seconds_from_now(LEEWAY + 30))),
        ("nbf", json!(null)),
        ("sub", json!(null)),
        ("sub", json!("../root")),
        ("access", json!("repository:team-a/app:*")),
    ] {
        let wrong = changed(&claims, name, value);
        assert_invalid(&guarded, &forge.token(&wrong));
    }
    // Clocks that differ by less than the leeway are no reason.
    for (name, value) in [
        ("exp", json!(seconds_from_now(-LEEWAY + 20))),
        ("nbf", json!(seconds_from_now(LEEWAY - 5))),
    ] {
        let near = changed(&claims, name, value);
        assert_eq!(ping(&guarded, &forge.token(&near)), 200, "{name}");
    }
}

#[test]
fn case_97_a_token_outlives_its_user_by_its_own_rest_and_no_more() {
    let mut guarded = Guarded::start();
    let forge = Forge::of(&mut guarded);
    let claims = good_claims(&guarded);
    let second = |name: &str| claims[name].as_i64().expect("is a number");
    let afterlife = second("exp") - second("iat") + LEEWAY;
    assert!(afterlife <= MOST_AFTERLIFE, "{afterlife} s");
    let token = bearer(&forge.token(&claims));
    guarded
        .push(&token, "team-a/app", "1", "x")
        .expect_status(201);
    guarded.run(&["user", "rm", "ops"]);
    // What logs in ends at once, and so nothing new is made.
    let ops = basic("ops", PASSWORD);
    guarded.pull(&ops, "team-a/app", "1").expect_status(401);
    guarded.ask_for_token(Some(&ops), &[]).expect_status(401);
    // The replay works as long as the token lives.
    guarded.pull(&token, "team-a/app", "1").expect_status(200);
    let aged = changed(&claims, "exp", json!(seconds_from_now(-LEEWAY - 1)));
    let aged = bearer(&forge.token(&aged));
    let answer = guarded.pull(&aged, "team-a/app", "1");
    let scope = Some("repository:team-a/app:pull");
    assert_challenged(&answer, scope, Some("invalid_token"));
    // Whoever cannot wait drops the key.
    guarded.run(&["access", "rotate-keys", "--drop-old"]);
    guarded.pull(&token, "team-a/app", "1").expect_status(401);
}

#[test]
fn case_100_a_request_outlives_its_token_and_the_next_one_does_not() {
    let mut guarded = Guarded::start();
    let forge = Forge::of(&mut guarded);
    let claims = good_claims(&guarded);
    let start = Request::post("/v2/team-a/app/blobs/uploads/");
    let started = guarded.send(&bearer(&forge.token(&claims)), start);
    started.expect_status(202);
    let location = started.expect_header("location").to_owned();
    // Three seconds are left of it and its leeway.
    let brief = changed(&claims, "exp", json!(seconds_from_now(3 - LEEWAY)));
    let brief = forge.token(&brief);
    let (first, second) = (b"before ", b"and after");
    let mut sending = guarded.connect();
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nHost: registry.test\r\nAuthorization: Bearer {brief}\r\n\
         Content-Length: {}\r\n\r\n",
        first.len() + second.len()
    );
    sending.write(head.as_bytes());
    sending.write(first);
    let deadline = Instant::now() + Duration::from_secs(20);
    while ping(&guarded, &brief) == 200 {
        assert!(Instant::now() < deadline, "the token does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
    sending.write(second);
    sending.read_answer(false).expect_status(202);
    let content = [&first[..], &second[..]].concat();
    let close = || Request::put(format!("{location}?digest={}", sha256(&content)));
    let refused = guarded.send(&bearer(&brief), close());
    let scope = Some("repository:team-a/app:pull,push");
    assert_challenged(&refused, scope, Some("invalid_token"));
    // The session is still there for a token that lives.
    guarded
        .send(&bearer(&forge.token(&claims)), close())
        .expect_status(201);
}

#[test]
fn a_token_of_another_service_is_refused_though_its_key_is_right() {
    let mut guarded = Guarded::start();
    let forge = Forge::of(&mut guarded);
    let claims = good_claims(&guarded);
    let other = changed(&claims, "aud", json!("other"));
    assert_invalid(&guarded, &forge.token(&other));
    let many = changed(&claims, "aud", json!(["other", "roadstead"]));
    assert_invalid(&guarded, &forge.token(&many));
    // And nobody is given one: the service that is asked for is not that of the answer.
    let target = "/token?service=other&service=evil";
    let answer = guarded.send(&basic("ops", PASSWORD), Request::get(target));
    let body = answer.json();
    let made = claims_of(body["token"].as_str().expect("is text"));
    assert_eq!(made["aud"], "roadstead");
}
