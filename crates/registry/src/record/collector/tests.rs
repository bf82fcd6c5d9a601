//! The stored bytes of what collectors keep, and lists of references that come back as they were.

use super::*;
use crate::RegistryError;
use crate::record::Encoded;
use proptest::prelude::*;

fn record(header: &str) -> Bytes {
    let mut bytes = vec![1];
    bytes.extend(u32::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.into()
}

#[test]
fn lease_state_and_lists_keep_their_bytes() {
    let holder = Nonce::parse("fedcba9876543210fedcba9876543210").unwrap();
    let lease = LeaseRecord { holder };
    let written = record(r#"{"holder":"fedcba9876543210fedcba9876543210"}"#);
    assert_eq!(lease.encode(), written);
    assert_eq!(LeaseRecord::decode("key", &written).unwrap(), lease);

    let entry = |wait_millis| CondemnedEntry {
        key: "blob/sha256/ab".to_owned(),
        bytes: 70_000,
        wait_millis,
    };
    let condemned = CondemnedRecord {
        at: Timestamp::from_millis(1_700_000_000_123),
        entries: vec![entry(0), entry(60_000)],
    };
    let written = record(concat!(
        r#"{"at":1700000000123,"entries":[{"key":"blob/sha256/ab","bytes":70000},"#,
        r#"{"key":"blob/sha256/ab","bytes":70000,"wait_millis":60000}]}"#
    ));
    assert_eq!(condemned.encode(), written);
    assert_eq!(CondemnedRecord::decode("key", &written).unwrap(), condemned);

    let state = CollectorRecord {
        started: Timestamp::from_millis(5),
        chores: Timestamp::from_millis(4),
        references: 3,
        unfinished: Some(2),
        report: None,
    };
    let written = record(r#"{"started":5,"chores":4,"references":3,"unfinished":2}"#);
    assert_eq!(state.encode(), written);
    assert_eq!(CollectorRecord::decode("key", &written).unwrap(), state);
}

fn digests() -> impl Strategy<Value = Digest> {
    // Few, so that lists share them.
    (any::<bool>(), 0..6_u8).prop_map(|(is_long, seed)| {
        let algorithm = if is_long {
            Algorithm::Sha512
        } else {
            Algorithm::Sha256
        };
        Digest::of(algorithm, &[seed])
    })
}

fn manifests() -> impl Strategy<Value = ManifestReferences> {
    let names = || prop::collection::vec(digests(), 0..5);
    let subject = prop::option::of(digests());
    let written = (any::<u64>(), any::<bool>());
    (digests(), written, subject, names(), names()).prop_map(
        |(digest, (modified, is_settled), subject, blobs, children)| ManifestReferences {
            digest,
            modified: Timestamp::from_millis(modified),
            is_settled,
            subject,
            blobs,
            children,
        },
    )
}

proptest! {
    #[test]
    fn a_chunk_of_references_comes_back_as_it_was(
        manifests in prop::collection::vec(manifests(), 0..8),
    ) {
        let chunk = ReferencesRecord { manifests };
        prop_assert_eq!(&ReferencesRecord::decode("key", &chunk.encode()).unwrap(), &chunk);
    }

    #[test]
    fn a_chunk_that_is_cut_is_an_error_or_shorter_and_never_a_panic(
        manifests in prop::collection::vec(manifests(), 1..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let chunk = ReferencesRecord { manifests };
        let whole = chunk.encode();
        let cut = cut.index(whole.len());
        match ReferencesRecord::decode("key", &whole.slice(..cut)) {
            Ok(shorter) => prop_assert!(chunk.manifests.starts_with(&shorter.manifests)),
            Err(RegistryError::RecordUnreadable { .. }) => {}
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

#[test]
fn a_chunk_of_another_reading_counts_as_empty() {
    let written = record(r#"{"reading":7}"#);
    let chunk = ReferencesRecord::decode("key", &written).unwrap();
    assert_eq!(chunk, ReferencesRecord::default());
}
