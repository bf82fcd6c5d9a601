//! Tests of the digest grammar.

use proptest::prelude::*;

use super::*;

const EMPTY_SHA256: &str =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn unsupported(name: &str) -> Result<Digest, DigestError> {
    Err(DigestError::UnsupportedAlgorithm(name.to_owned()))
}

#[test]
fn known_digests_are_computed() {
    assert_eq!(Digest::of(Algorithm::Sha256, b"").to_string(), EMPTY_SHA256);
    assert_eq!(
        Digest::of(Algorithm::Sha256, b"{}").to_string(),
        "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    );
    assert!(
        Digest::of(Algorithm::Sha512, b"abc")
            .hex()
            .starts_with("ddaf35a193617aba")
    );
}

#[test]
fn both_algorithms_are_read() {
    let sha512 = format!("sha512:{}", "0a".repeat(64));

    assert_eq!(
        Digest::parse(EMPTY_SHA256).unwrap().algorithm(),
        Algorithm::Sha256
    );
    assert_eq!(Digest::parse(&sha512).unwrap().to_string(), sha512);
    assert_eq!(Digest::parse(&sha512).unwrap().as_bytes(), [0x0a; 64]);
}

#[test]
fn wrong_encoded_parts_are_malformed() {
    let hex = "a".repeat(64);
    for text in [
        String::new(),
        ":".to_owned(),
        "sha256".to_owned(),
        "sha256:".to_owned(),
        "sha256:abc".to_owned(),
        format!("sha256:{}", &hex[1..]),
        format!("sha256:{hex}a"),
        format!("sha512:{hex}"),
        format!("sha256:{}", hex.to_uppercase()),
        format!("sha256:{}g", &hex[1..]),
        format!("sha256:{}é", &hex[2..]),
        format!("sha256:sha256:{hex}"),
        format!("sha256:{}/../", &hex[4..]),
        format!("sha256:{}%2F", &hex[3..]),
        format!("sha256 :{hex}"),
        format!(" sha256:{hex}"),
        format!("sha256:{hex}\n"),
        format!(":{hex}"),
    ] {
        assert_eq!(
            Digest::parse(&text),
            Err(DigestError::Malformed),
            "{text:?}"
        );
    }
}

#[test]
fn other_algorithms_are_unsupported() {
    for name in [
        "md5",
        "sha1",
        "sha384",
        "blake3",
        "foo+bar",
        "a.b_c-d+e",
        "sha256-2",
    ] {
        assert_eq!(
            Digest::parse(&format!("{name}:{}", "a".repeat(64))),
            unsupported(name)
        );
    }
}

#[test]
fn algorithm_names_outside_the_grammar_are_malformed() {
    let long = "a".repeat(MAX_ALGORITHM_BYTES + 1);
    for name in [
        "SHA256",
        "Sha256",
        "ｓha256",
        "foo++bar",
        "+foo",
        "foo.",
        "",
        "sha/256",
        long.as_str(),
    ] {
        let text = format!("{name}:{}", "a".repeat(64));
        assert_eq!(
            Digest::parse(&text),
            Err(DigestError::Malformed),
            "{text:?}"
        );
    }
}

#[test]
fn raw_bytes_must_have_the_algorithms_length() {
    assert!(Digest::from_bytes(Algorithm::Sha256, &[1; 32]).is_ok());
    assert_eq!(
        Digest::from_bytes(Algorithm::Sha256, &[1; 64]),
        Err(DigestError::Malformed)
    );
    assert_eq!(
        Digest::from_bytes(Algorithm::Sha512, &[1; 32]),
        Err(DigestError::Malformed)
    );
    assert_eq!(
        Digest::from_bytes(Algorithm::Sha512, &[]),
        Err(DigestError::Malformed)
    );
}

#[test]
fn json_form_is_the_text() {
    let digest = Digest::parse(EMPTY_SHA256).unwrap();

    assert_eq!(
        serde_json::to_string(&digest).unwrap(),
        format!("{EMPTY_SHA256:?}")
    );
    assert_eq!(
        serde_json::from_str::<Digest>(&format!("{EMPTY_SHA256:?}")).unwrap(),
        digest
    );
    assert!(serde_json::from_str::<Digest>("\"sha256:00\"").is_err());
    assert!(serde_json::from_str::<Digest>("7").is_err());
}

#[test]
fn digests_order_as_their_text() {
    let mut digests: Vec<Digest> = (0..20_u8)
        .flat_map(|seed| Algorithm::ALL.map(|algorithm| Digest::of(algorithm, &[seed])))
        .collect();
    digests.sort();

    let texts: Vec<String> = digests.iter().map(ToString::to_string).collect();
    assert!(texts.is_sorted());
}

proptest! {
    #[test]
    fn every_digest_survives_its_text(content in proptest::collection::vec(any::<u8>(), 0..200)) {
        for algorithm in Algorithm::ALL {
            let digest = Digest::of(algorithm, &content);
            prop_assert_eq!(Digest::parse(&digest.to_string()), Ok(digest.clone()));
            prop_assert_eq!(Digest::from_bytes(algorithm, digest.as_bytes()), Ok(digest.clone()));
            prop_assert_eq!(digest.hex().len(), algorithm.hex_len());
        }
    }

    #[test]
    fn an_accepted_text_is_the_digests_own(text in "(sha256|sha512|md5|SHA256):[0-9a-fA-F]{62,66}|\\PC{0,80}") {
        if let Ok(digest) = Digest::parse(&text) {
            prop_assert_eq!(digest.to_string(), text);
        }
    }
}
