//! The stored bytes of every kind of record.
//!
//! The golden files hold what earlier builds wrote, and stores in the field with them. A test that
//! turns red here means: raise the version byte and keep reading the old one.

use super::{
    BlobRecord, BlobState, CatalogRecord, Content, Encoded, EndedBy, Ending, HistoryRecord,
    JobProgress, JobRecord, JobState, LinkRecord, LinkState, ManifestRecord, ManifestState,
    ReferrerRecord, RemovedRecord, ScrubPass, ScrubRecord, SessionRecord, SessionState, Staged,
    TagRecord, TaggedRecord, Target,
};
use crate::{Generation, Nonce, RegistryError};
use bytes::Bytes;
use roadstead_oci::{Algorithm, Digest, ManifestMediaType, Midstate, RepositoryName};
use roadstead_storage::{DataKey, DataRef, Timestamp, UploadState};
use std::fmt::Debug;

fn generation() -> Generation {
    Generation::parse("0123456789abcdef0123456789abcdef").unwrap()
}

fn nonce() -> Nonce {
    Nonce::parse("fedcba9876543210fedcba9876543210").unwrap()
}

fn digest() -> Digest {
    Digest::parse(&format!("sha256:{}", "ab".repeat(32))).unwrap()
}

fn inline() -> Content {
    Content::Inline(Bytes::from_static(b"hello"))
}

fn data() -> Content {
    Content::Data(DataRef {
        key: DataKey::new("0a/1b/2c"),
        length: 70_000,
    })
}

fn manifest() -> ManifestRecord {
    ManifestRecord {
        state: ManifestState::Live,
        generation: generation(),
        nonce: nonce(),
        media_type: ManifestMediaType::OciManifest,
        subject: Some(Digest::parse(&format!("sha512:{}", "cd".repeat(64))).unwrap()),
        artifact_type: Some(r#"text/"x""#.to_owned()),
        at: Timestamp::from_millis(1_700_000_000_123),
        by: "alice".to_owned(),
        locations: Vec::new(),
        is_damaged: false,
        content: Content::Inline(Bytes::from_static(br#"{"schemaVersion":2}"#)),
    }
}

fn tag() -> TagRecord {
    TagRecord {
        digest: digest(),
        generation: generation(),
        media_type: "application/vnd.oci.image.index.v1+json".to_owned(),
        size: 19,
        at: Timestamp::from_millis(1_700_000_000_123),
        by: "alice".to_owned(),
        nonce: nonce(),
    }
}

fn history(how: Option<EndedBy>) -> HistoryRecord {
    HistoryRecord {
        was: tag(),
        ended: how.map(|how| Ending {
            how,
            at: Timestamp::from_millis(1_700_000_000_456),
            by: "bob".to_owned(),
        }),
    }
}

fn session(state: SessionState, head: &'static [u8]) -> SessionRecord {
    SessionRecord {
        repository: RepositoryName::parse("team/app").unwrap(),
        owner: String::new(),
        algorithm: Algorithm::Sha256,
        epoch: 1,
        state,
        staged: Staged {
            head: Bytes::from_static(head),
            ..Staged::default()
        },
        created: Timestamp::from_millis(1_700_000_000_123),
        nonce: nonce(),
    }
}

fn upload(length: u64, epoch: u64, driver: serde_json::Value) -> UploadState {
    UploadState {
        key: DataKey::new("0a/1b/2c"),
        length,
        epoch,
        driver,
    }
}

/// Asserts that a record is written as the golden bytes, and read back from them.
#[track_caller]
fn assert_golden<R: Encoded + PartialEq + Debug>(record: &R, golden: &'static [u8]) {
    let golden = Bytes::from_static(golden);
    let written = record.encode();
    assert_eq!(
        written.escape_ascii().to_string(),
        golden.escape_ascii().to_string()
    );
    assert_eq!(&R::decode("key", &golden).unwrap(), record);
}

macro_rules! golden {
    ($name:literal) => {
        include_bytes!(concat!("golden/", $name, ".bin"))
    };
}

#[test]
fn blob_records_keep_their_bytes() {
    let small = BlobRecord {
        state: BlobState::Live,
        generation: generation(),
        content: inline(),
        nonce: nonce(),
    };
    let large = BlobRecord {
        state: BlobState::Rotten,
        content: data(),
        ..small.clone()
    };
    assert_golden(&small, golden!("blob_inline"));
    assert_golden(&large, golden!("blob_data"));
}

#[test]
fn link_records_keep_their_bytes() {
    let small = LinkRecord {
        state: LinkState::Hidden,
        content: inline(),
        nonce: nonce(),
    };
    let large = LinkRecord {
        state: LinkState::Condemned,
        content: data(),
        nonce: nonce(),
    };
    assert_golden(&small, golden!("link_inline"));
    assert_golden(&large, golden!("link_data"));
}

#[test]
fn manifest_records_keep_their_bytes() {
    let small = manifest();
    let large = ManifestRecord {
        state: ManifestState::Deleting,
        media_type: ManifestMediaType::DockerList,
        subject: None,
        artifact_type: None,
        by: String::new(),
        content: data(),
        ..manifest()
    };
    assert_golden(&small, golden!("manifest_inline"));
    assert_golden(&large, golden!("manifest_data"));
}

#[test]
fn removed_manifests_keep_their_bytes() {
    let image = RemovedRecord {
        media_type: ManifestMediaType::OciManifest,
        subject: manifest().subject,
        artifact_type: Some("a/b".to_owned()),
        at: Timestamp::from_millis(1_700_000_000_456),
        by: "bob".to_owned(),
        bytes: Bytes::from_static(br#"{"schemaVersion":2}"#),
    };
    let plain = RemovedRecord {
        media_type: ManifestMediaType::DockerList,
        subject: None,
        artifact_type: None,
        by: String::new(),
        ..image.clone()
    };
    assert_golden(&image, golden!("removed"));
    assert_golden(&plain, golden!("removed_plain"));
}

#[test]
fn referrer_entries_keep_their_bytes() {
    let descriptor = format!(r#"{{"mediaType":"a/b","digest":"{}","size":2}}"#, digest());
    let short = ReferrerRecord {
        generation: generation(),
        nonce: nonce(),
        artifact_type: Some("a/b".to_owned()),
        descriptor: descriptor.into(),
    };
    let long = ReferrerRecord {
        artifact_type: None,
        descriptor: Bytes::new(),
        ..short.clone()
    };
    assert_golden(&short, golden!("referrer"));
    assert_golden(&long, golden!("referrer_long"));
}

#[test]
fn tags_and_their_history_keep_their_bytes() {
    assert_golden(&tag(), golden!("tag"));
    assert_golden(&history(None), golden!("history"));
    let replaced = history(Some(EndedBy::Replaced));
    assert_golden(&replaced, golden!("history_replaced"));
    let deleted = history(Some(EndedBy::Deleted));
    assert_golden(&deleted, golden!("history_deleted"));
    assert_golden(&TaggedRecord { nonce: nonce() }, golden!("tagged"));
}

#[test]
fn catalog_entries_keep_their_bytes() {
    assert_golden(&CatalogRecord {}, golden!("catalog"));
}

#[test]
fn jobs_keep_their_bytes() {
    let job = JobRecord {
        kind: "fsck".to_owned(),
        options: serde_json::json!({"checksum": true}),
        by: "ops".to_owned(),
        state: JobState::Failed,
        started: Timestamp::from_millis(1_700_000_000_000),
        heartbeat: Timestamp::from_millis(1_700_000_001_000),
        progress: JobProgress {
            done: 7,
            total: Some(9),
            text: "records".to_owned(),
        },
        error: Some("no answer".to_owned()),
        report: Bytes::from_static(b"{}"),
    };
    assert_golden(&job, golden!("job"));
}

#[test]
fn the_record_of_the_scrub_keeps_its_bytes() {
    let scrub = ScrubRecord {
        holder: nonce(),
        until: Timestamp::from_millis(1_700_000_300_000),
        pass: ScrubPass {
            started: Timestamp::from_millis(1_700_000_000_000),
            ended: None,
            cursor: Some("blob/sha256/ab".to_owned()),
            checked: 7,
            bytes: 9000,
            damaged: 1,
        },
        before: Some(ScrubPass {
            started: Timestamp::from_millis(1_690_000_000_000),
            ended: Some(Timestamp::from_millis(1_699_000_000_000)),
            cursor: None,
            checked: 5,
            bytes: 8000,
            damaged: 0,
        }),
        nonce: nonce(),
    };
    assert_golden(&scrub, golden!("scrub"));
}

#[test]
fn a_damaged_manifest_says_so_and_others_keep_their_bytes() {
    let damaged = ManifestRecord {
        is_damaged: true,
        ..manifest()
    };
    let text = damaged.encode().escape_ascii().to_string();
    assert!(text.contains("\\\"damaged\\\":true"), "{text}");
    assert_eq!(
        ManifestRecord::decode("key", &damaged.encode()).unwrap(),
        damaged
    );
}

#[test]
fn upload_sessions_keep_their_bytes() {
    let open = SessionRecord {
        owner: "alice".to_owned(),
        algorithm: Algorithm::Sha512,
        epoch: 3,
        staged: Staged {
            head: Bytes::new(),
            upload: Some(upload(65_536, 3, serde_json::json!({"parts": ["x"]}))),
            midstate: Some(Midstate::from_bytes(&[0, 1, 2, 3, 4, 5, 6, 7])),
        },
        ..session(SessionState::Open, b"")
    };
    assert_golden(&open, golden!("session_open"));
    let small = session(SessionState::Open, b"hello");
    assert_golden(&small, golden!("session_small"));
    let blob = SessionState::Committing(Target::Blob(digest()));
    assert_golden(&session(blob, b"hello"), golden!("session_blob"));
    let mut manifest = session(SessionState::Committing(Target::Manifest(digest())), b"");
    manifest.staged.upload = Some(upload(70_000, 1, serde_json::Value::Null));
    assert_golden(&manifest, golden!("session_manifest"));
    let aborted = session(SessionState::Aborted, b"");
    assert_golden(&aborted, golden!("session_aborted"));
}

#[test]
fn every_state_has_a_name_of_its_own() {
    let blob = [
        BlobState::Live,
        BlobState::Condemned,
        BlobState::Dead,
        BlobState::Rotten,
    ];
    let link = [
        LinkState::Live,
        LinkState::Condemned,
        LinkState::Hidden,
        LinkState::Dead,
        LinkState::Rotten,
    ];
    let manifest = [
        ManifestState::Live,
        ManifestState::Condemned,
        ManifestState::Deleting,
        ManifestState::Dead,
    ];
    let names = (
        serde_json::to_string(&blob).unwrap(),
        serde_json::to_string(&link).unwrap(),
        serde_json::to_string(&manifest).unwrap(),
    );
    assert_eq!(names.0, r#"["live","condemned","dead","rotten"]"#);
    assert_eq!(names.1, r#"["live","condemned","hidden","dead","rotten"]"#);
    assert_eq!(names.2, r#"["live","condemned","deleting","dead"]"#);
}

/// Returns what is wrong with the bytes of a tag record.
#[track_caller]
fn reason(bytes: &[u8]) -> String {
    let decoded = TagRecord::decode("repo/a/_tag/b", &Bytes::copy_from_slice(bytes));
    match decoded {
        Err(RegistryError::RecordUnreadable { key, reason }) => {
            assert_eq!(key, "repo/a/_tag/b");
            reason
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_unknown_version_is_a_readable_error() {
    let mut bytes = tag().encode().to_vec();
    bytes[0] = 2;
    assert_eq!(
        reason(&bytes),
        "it has version 2, this program knows version 1"
    );
}

#[test]
fn content_placed_in_an_unknown_way_is_a_readable_error() {
    let written = manifest().encode();
    for (old, new) in [
        (r#""version":1"#, r#""version":2"#),
        (r#""kind":"inline""#, r#""kind":"folded""#),
        ("image.manifest", "image.unheard-"),
    ] {
        // Of the same length, so that the header's length stays true.
        let mut changed = written.to_vec();
        let at = changed
            .windows(old.len())
            .position(|window| window == old.as_bytes())
            .unwrap();
        changed.splice(at..at + old.len(), new.bytes());
        changed.resize(written.len(), b' ');
        let read = ManifestRecord::decode("key", &Bytes::from(changed));
        assert!(
            matches!(read, Err(RegistryError::RecordUnreadable { .. })),
            "{new}"
        );
    }
}

#[test]
fn a_record_cut_anywhere_in_its_header_is_a_readable_error() {
    let whole = tag().encode();
    for length in 0..whole.len() {
        assert!(!reason(&whole[..length]).is_empty());
    }
}

#[test]
fn members_of_a_later_build_are_no_error() {
    let header = r#"{"nonce":"fedcba9876543210fedcba9876543210","later":[1]}"#;
    let mut bytes = vec![1];
    bytes.extend(u32::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    let read = TaggedRecord::decode("key", &bytes.into()).unwrap();
    assert_eq!(read, TaggedRecord { nonce: nonce() });
}
