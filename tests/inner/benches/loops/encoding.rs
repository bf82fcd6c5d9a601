//! Records: written for every change and read for every request.

use bytes::Bytes;
use criterion::Criterion;
use roadstead_inner_loops::{digest, image, repository};
use roadstead_oci::{Algorithm, Hasher, ManifestMediaType, OCI_IMAGE_MANIFEST};
use roadstead_registry::record::{
    BlobRecord, BlobState, Content, Encoded, LinkRecord, LinkState, ManifestRecord, ManifestState,
    SessionRecord, SessionState, Staged, TagRecord,
};
use roadstead_registry::{Generation, Nonce, RandomIds, Timestamp};
use roadstead_storage::{DataKey, DataRef};
use std::hint::black_box;

const AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub(crate) fn measure(criterion: &mut Criterion) {
    let data = Content::Data(DataRef {
        key: DataKey::new("00112233445566778899aabbccddeeff"),
        length: 1 << 20,
    });
    let blob = BlobRecord {
        state: BlobState::Live,
        generation: Generation::draw(&RandomIds),
        content: data.clone(),
        nonce: Nonce::draw(&RandomIds),
    };
    let link = LinkRecord {
        state: LinkState::Live,
        content: data,
        nonce: Nonce::draw(&RandomIds),
    };
    measure_record(criterion, "blob", &blob);
    measure_record(criterion, "link", &link);
    measure_record(criterion, "tag", &tag_record());
    measure_record(criterion, "manifest of 1 layer", &manifest_record(1));
    measure_record(criterion, "manifest of 20 layers", &manifest_record(20));
    measure_record(criterion, "session", &session_record());
}

fn measure_record<R: Encoded>(criterion: &mut Criterion, what: &str, record: &R) {
    let bytes = record.encode();
    let mut group = criterion.benchmark_group(format!("record of {what}"));
    group.bench_function("encode", |bencher| {
        bencher.iter(|| black_box(record).encode());
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| R::decode("key", black_box(&bytes)).expect("it was just encoded"));
    });
    group.finish();
}

fn tag_record() -> TagRecord {
    TagRecord {
        digest: digest(1),
        generation: Generation::draw(&RandomIds),
        media_type: OCI_IMAGE_MANIFEST.to_owned(),
        size: 1234,
        at: AT,
        by: "user:somebody".to_owned(),
        nonce: Nonce::draw(&RandomIds),
    }
}

fn manifest_record(layers: usize) -> ManifestRecord {
    ManifestRecord {
        state: ManifestState::Live,
        generation: Generation::draw(&RandomIds),
        nonce: Nonce::draw(&RandomIds),
        media_type: ManifestMediaType::parse(OCI_IMAGE_MANIFEST).expect("the type is a literal"),
        subject: None,
        artifact_type: None,
        at: AT,
        by: "user:somebody".to_owned(),
        locations: Vec::new(),
        is_damaged: false,
        content: Content::Inline(Bytes::from(image(layers))),
    }
}

fn session_record() -> SessionRecord {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(b"some bytes");
    SessionRecord {
        repository: repository(),
        owner: "user:somebody".to_owned(),
        algorithm: Algorithm::Sha256,
        epoch: 3,
        state: SessionState::Open,
        staged: Staged {
            head: Bytes::new(),
            upload: None,
            midstate: Some(hasher.midstate()),
        },
        created: AT,
        nonce: Nonce::draw(&RandomIds),
    }
}
