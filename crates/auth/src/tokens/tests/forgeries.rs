//! Forgeries and broken tokens, after the cases of the list of bad input.

use super::*;
use hmac::{Hmac, KeyInit as _, Mac as _};

#[tokio::test]
async fn case_84_no_signature_is_no_token() {
    let here = deployment().await;
    let claims = here.claims();
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let mut header = here.header();
        header["alg"] = json!(algorithm);
        let unsigned = format!("{}.{}.", part(&header), part(&claims));
        assert_eq!(
            here.error(&unsigned).await,
            TokenError::Algorithm.to_string()
        );
        let signed = here.signed(&header, &claims);
        assert_eq!(here.error(&signed).await, TokenError::Algorithm.to_string());
    }
    let token = here.token();
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert_eq!(
        here.error(&format!("{signed}.")).await,
        TokenError::Signature.to_string()
    );
    assert_eq!(here.error(signed).await, TokenError::Malformed.to_string());
}

#[tokio::test]
async fn case_85_no_other_algorithm_is_taken_whatever_signed() {
    let here = deployment().await;
    let claims = part(&here.claims());
    for algorithm in [
        "HS256", "HS512", "RS256", "ES256", "PS256", "Ed25519", "eddsa", "EdDSA ",
    ] {
        let mut header = here.header();
        header["alg"] = json!(algorithm);
        let signed = format!("{}.{claims}", part(&header));
        // The public key, known to all, as the secret of a keyed hash.
        let public = here.keys.current().signing().verifying.to_bytes();
        let mut keyed = Hmac::<Sha256>::new_from_slice(&public).unwrap();
        keyed.update(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(keyed.finalize().into_bytes());
        let error = here.error(&format!("{signed}.{signature}")).await;
        assert_eq!(error, TokenError::Algorithm.to_string(), "{algorithm}");
    }
}

#[tokio::test]
async fn case_86_keys_come_from_nowhere_but_the_store() {
    let here = deployment().await;
    let claims = here.claims();
    for (member, value) in [
        ("jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"})),
        ("jku", json!("http://127.0.0.1:1/keys")),
        ("x5c", json!(["MIIB"])),
        ("x5u", json!("http://127.0.0.1:1/keys")),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        let mut header = here.header();
        header[member] = value;
        let token = here.signed(&header, &claims);
        assert_eq!(
            here.error(&token).await,
            TokenError::Malformed.to_string(),
            "{member}"
        );
    }
    for kid in [
        "../../etc/passwd",
        "' OR 1=1 --",
        "",
        "\u{0}",
        &"0".repeat(32),
    ] {
        let mut header = here.header();
        header["kid"] = json!(kid);
        let token = here.signed(&header, &claims);
        assert_eq!(
            here.error(&token).await,
            TokenError::UnknownKey.to_string(),
            "{kid:?}"
        );
    }
    let mut header = here.header();
    header.as_object_mut().unwrap().remove("kid");
    assert_eq!(
        here.error(&here.signed(&header, &claims)).await,
        TokenError::Malformed.to_string()
    );
    // The same member twice: whoever reads the first and whoever reads the last must not differ.
    let twice = here
        .header()
        .to_string()
        .replacen('{', r#"{"alg":"none","#, 1);
    let token = format!("{}.{}.", URL_SAFE_NO_PAD.encode(twice), part(&claims));
    assert_eq!(here.error(&token).await, TokenError::Malformed.to_string());
}

#[tokio::test]
async fn case_87_issuer_audience_and_times_are_checked() {
    let here = deployment().await;
    for (token, error) in [
        (
            here.with(|claims| claims["iss"] = json!("evil.example")),
            TokenError::Issuer,
        ),
        (
            here.with(|claims| claims["aud"] = json!("other.example")),
            TokenError::Audience,
        ),
        (
            here.with(|claims| claims["aud"] = json!("")),
            TokenError::Audience,
        ),
        (
            here.with(|claims| claims["exp"] = json!(START_SECS - 60)),
            TokenError::Expired,
        ),
        (
            here.with(|claims| claims["exp"] = json!(0)),
            TokenError::Expired,
        ),
        (
            here.with(|claims| claims["nbf"] = json!(START_SECS + 61)),
            TokenError::NotYet,
        ),
        (
            here.with(|claims| claims["nbf"] = json!(u64::MAX)),
            TokenError::NotYet,
        ),
        (
            here.with(|claims| claims["exp"] = json!(-1)),
            TokenError::Malformed,
        ),
        (
            here.with(|claims| claims["exp"] = json!("never")),
            TokenError::Malformed,
        ),
        (
            here.with(|claims| claims["exp"] = json!(1e300)),
            TokenError::Malformed,
        ),
    ] {
        assert_eq!(here.error(&token).await, error.to_string());
    }
    for member in ["iss", "sub", "aud", "exp", "nbf", "access"] {
        let token = here.with(|claims| {
            claims.as_object_mut().unwrap().remove(member);
        });
        assert_eq!(
            here.error(&token).await,
            TokenError::Malformed.to_string(),
            "{member}"
        );
    }
}

#[tokio::test]
async fn case_87_a_minute_of_leeway_is_given_and_no_more() {
    let here = deployment().await;
    let token = here.token();
    here.fixture.clock.advance(Duration::from_secs(300 + 59));
    assert!(here.tokens.verify(&token).await.is_ok());
    here.fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(here.error(&token).await, TokenError::Expired.to_string());
    let ahead = here.with(|claims| claims["nbf"] = json!(START_SECS + 360 + 60));
    assert!(here.tokens.verify(&ahead).await.is_ok());
}

#[tokio::test]
async fn case_88_a_token_for_another_repository_or_for_less_covers_nothing_else() {
    let here = deployment().await;
    let caller = here.tokens.verify(&here.token()).await.unwrap();
    let made_for = caller.token_access().unwrap();
    let (app, other) = ("team/app", "team/other");
    let (app, other) = (
        RepositoryName::parse(app).unwrap(),
        RepositoryName::parse(other).unwrap(),
    );
    for request in [
        AccessRequest::pull(&other),
        AccessRequest::push(&app),
        AccessRequest::delete(&app),
        AccessRequest::Catalog,
        AccessRequest::Administration,
    ] {
        assert!(!made_for.covers(&request), "{request}");
    }
}

#[tokio::test]
async fn case_90_a_token_of_another_kind_or_deployment_is_refused() {
    let here = deployment().await;
    // Another deployment of the same name, with keys of its own.
    let foreign = deployment().await;
    assert_eq!(
        here.error(&foreign.token()).await,
        TokenError::UnknownKey.to_string()
    );
    // The same keys, another service.
    let sibling = Fixture {
        records: here.fixture.records.clone(),
        clock: here.fixture.clock.clone(),
    };
    let sibling = over(sibling, "sibling.example").await;
    assert_eq!(
        here.error(&sibling.token()).await,
        TokenError::Issuer.to_string()
    );
    let mut header = here.header();
    header["typ"] = json!("refresh+jwt");
    let refresh = here.signed(&header, &here.claims());
    assert_eq!(
        here.error(&refresh).await,
        TokenError::Malformed.to_string()
    );
    assert_eq!(
        here.error("rsp_0123456789").await,
        TokenError::Malformed.to_string()
    );
}

#[tokio::test]
async fn case_91_no_changed_byte_survives() {
    let here = deployment().await;
    let token = here.token();
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(here.tokens.verify(&changed).await.is_err(), "byte {at}");
    }
}

#[tokio::test]
async fn case_91_what_is_no_token_is_refused() {
    let here = deployment().await;
    let token = here.token();
    let long = "a".repeat(3_000_000);
    assert_eq!(here.error(&long).await, TokenError::TooLarge.to_string());
    for text in [
        "",
        ".",
        "..",
        "...",
        "....",
        "a.b.c",
        "a.b.c.d.e",
        "é.é.é",
        &format!("{token}."),
        &format!("{token}.x"),
        &format!(".{token}"),
        &format!("{token}="),
        &format!(" {token}"),
        &format!("{token}\n"),
        &token.replacen('.', "=.", 1),
        &"a".repeat(MAX_TOKEN_BYTES),
    ] {
        assert_eq!(
            here.error(text).await,
            TokenError::Malformed.to_string(),
            "{text:.40}"
        );
    }
    let claims = URL_SAFE_NO_PAD.encode(format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)));
    let signed = format!("{}.{claims}", part(&here.header()));
    let signature = here
        .keys
        .current()
        .signing()
        .signing
        .sign(signed.as_bytes());
    let deep = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
    assert_eq!(here.error(&deep).await, TokenError::Malformed.to_string());
}
