//! Names and passwords as they come: colons, letters of many bytes, secrets in the wrong place.

use crate::fixture::{Guarded, PASSWORD, assert_challenged, basic, bearer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roadstead_tests::http::Request;

fn ping(guarded: &Guarded, authorization: &str) -> u16 {
    guarded.send(authorization, Request::get("/v2/")).status
}

fn set_password(guarded: &Guarded, user: &str, password: &str) {
    let arguments = ["user", "passwd", user, "--password-stdin"];
    let output = guarded.run_with(&arguments, &format!("{password}\n"));
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_password_may_hold_colons_and_letters_of_many_bytes() {
    let guarded = Guarded::start();
    for password in [
        ":",
        "::a:",
        "häfen ⚓ 港",
        "a b\tc",
        "\"quoted\", realm=\"x\"",
    ] {
        set_password(&guarded, "ops", password);
        assert_eq!(ping(&guarded, &basic("ops", password)), 200, "{password}");
        let token = guarded.token(Some(&basic("ops", password)), &[]);
        assert_eq!(ping(&guarded, &bearer(&token)), 200, "{password}");
    }
}

#[test]
fn nothing_but_the_whole_password_is_the_password() {
    let guarded = Guarded::start();
    set_password(&guarded, "ops", "a:é");
    // The letter is not taken for its other composition, nor for its form in Latin-1.
    for (name, password) in [("ops", "a"), ("ops", ""), ("ops", "é"), ("", "a:é")] {
        assert_eq!(ping(&guarded, &basic(name, password)), 401, "{name}");
    }
    assert_eq!(ping(&guarded, &basic("ops", "a:e\u{301}")), 401);
    let latin = format!("Basic {}", STANDARD.encode(b"ops:a:\xe9"));
    assert_eq!(ping(&guarded, &latin), 401);
    assert_eq!(ping(&guarded, &basic("ops", "a:é")), 200);
}

#[test]
fn a_wrong_name_is_nobodys_whatever_it_holds() {
    let guarded = Guarded::start();
    for name in [
        "OPS",
        "ops ",
        "ops\0",
        "ops\r\nX-User: root",
        "robot+ops",
        "robot+",
        "group:team-a",
        "../user/ops",
        "*",
        "anonymous",
    ] {
        let answer = guarded.send(&basic(name, PASSWORD), Request::get("/v2/"));
        answer.expect_error(401, "UNAUTHORIZED");
    }
}

#[test]
fn case_90_each_secret_is_good_in_its_own_place_alone() {
    let guarded = Guarded::start();
    let scopes = ["--repositories", "team-a/**", "--actions", "pull"];
    let robot = guarded.run(&[&["robot", "create", "ci"], &scopes[..]].concat());
    let made = guarded.run(&[&["token", "create", "--user", "ops"], &scopes[..]].concat());
    let (robot, made) = (robot.trim(), made.trim());
    let token = guarded.token(Some(&basic("ops", PASSWORD)), &[]);
    for wrong in [robot, made] {
        let answer = guarded.send(&bearer(wrong), Request::get("/v2/"));
        assert_challenged(&answer, None, Some("invalid_token"));
    }
    for (name, wrong) in [
        ("ops", token.as_str()),
        ("root", made),
        ("robot+ci", made),
        ("ops", robot),
        ("ci", robot),
    ] {
        let answer = guarded.send(&basic(name, wrong), Request::get("/v2/"));
        assert_challenged(&answer, None, None);
    }
    // A token does not make another one, neither by header nor as a refresh token.
    let again = guarded.ask_for_token(Some(&bearer(&token)), &[]);
    assert_ne!(again.status, 200, "{again:?}");
    let form = Request::post("/token")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(format!("grant_type=refresh_token&refresh_token={token}"));
    let answer = guarded.connect().send(&form);
    answer.expect_error(400, "UNSUPPORTED");
    assert_eq!(answer.json()["error"], "unsupported_grant_type");
}

#[test]
fn case_104_a_body_is_not_asked_for_with_credentials_that_are_wrong() {
    let guarded = Guarded::start();
    for wrong in ["Bearer a.b.c", &basic("ops", "wrong")] {
        let mut connection = guarded.connect();
        let head = format!(
            "POST /v2/team-a/app/blobs/uploads/?digest=sha256:{} HTTP/1.1\r\n\
             Host: registry.test\r\nAuthorization: {wrong}\r\nContent-Length: 1000000\r\n\
             Expect: 100-continue\r\n\r\n",
            "0".repeat(64)
        );
        connection.write(head.as_bytes());
        // No byte of the body is sent, and none has to be. That somebody may send one is said before
        // it is known who they are, which is not wrong.
        let answer = connection.read_answer(false);
        if answer.status != 100 {
            answer.expect_error(401, "UNAUTHORIZED");
            continue;
        }
        connection
            .read_answer(false)
            .expect_error(401, "UNAUTHORIZED");
    }
}
