//! The bytes of every kind of record, pinned: a program of tomorrow must read what this one wrote.

use super::*;
use crate::{AccessToken, Robot, StoredRules, User, keys};

/// Reads a record written long ago and writes it again.
fn survives<T: Serialize + DeserializeOwned>(json: &str) {
    let bytes = [&[1], json.as_bytes()].concat();
    let stored: Stored<T> = decode("auth/x", &bytes).unwrap();
    let nonce = u128::from_str_radix(&stored.nonce, 16).unwrap();
    let written = encode(nonce, &stored.value);
    assert_eq!(std::str::from_utf8(&written[1..]).unwrap(), json);
    assert_eq!(written[0], 1);
}

#[test]
fn a_user() {
    survives::<User>(
        r#"{"nonce":"000000000000000000000000000000ab","value":{"id":"00ff","password":"$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA","groups":["team-a"],"is_disabled":false,"created":1700000000000}}"#,
    );
    survives::<User>(
        r#"{"nonce":"000000000000000000000000000000ab","value":{"id":"00ff","password":null,"groups":[],"is_disabled":true,"created":1700000000000}}"#,
    );
}

#[test]
fn a_robot() {
    survives::<Robot>(
        r#"{"nonce":"000000000000000000000000000000ab","value":{"grants":[{"repositories":["team-a/**"],"actions":["pull","push"]}],"expires":1700000000001,"is_disabled":false,"created":1700000000000,"secrets":[{"hash":"aa","created":1700000000000,"expires":null}]}}"#,
    );
}

#[test]
fn an_access_token() {
    survives::<AccessToken>(
        r#"{"nonce":"000000000000000000000000000000ab","value":{"owner_id":"00ff","label":"laptop","scopes":[{"repositories":["**"],"actions":["pull"]}],"created":1700000000000,"expires":null,"hash":"aa"}}"#,
    );
}

#[test]
fn the_signing_keys() {
    survives::<keys::KeyRing>(
        r#"{"nonce":"000000000000000000000000000000ab","value":{"keys":[{"id":"0f","algorithm":"EdDSA","seed":"AAAA","created":1700000000000,"retired":null}]}}"#,
    );
}

#[test]
fn the_rules() {
    survives::<StoredRules>(
        r#"{"nonce":"000000000000000000000000000000ab","value":{"revision":3,"rules":[{"subjects":["user:ops","*"],"repositories":["*/release"],"tags":["v*"],"actions":["tag-overwrite"],"effect":"deny"}]}}"#,
    );
}

#[test]
fn when_a_robot_was_seen() {
    survives::<Timestamp>(r#"{"nonce":"000000000000000000000000000000ab","value":1700000000000}"#);
}
