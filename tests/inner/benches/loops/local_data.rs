//! Data on the disk of one machine: what a push writes, until it is on stable storage.

use crate::runtime;
use bytes::Bytes;
use criterion::{Criterion, Throughput};
use roadstead_inner_loops::{KIB, MIB, noise};
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::local::{LocalSettings, LocalStore};
use roadstead_storage::{DataRef, DataStore, UploadHint};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The pieces that a body comes in.
const PIECE: usize = 64 * KIB;

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let settings = LocalSettings::new(folder.path());
    let store = LocalStore::open(&settings, Arc::new(MachineClock::new()))
        .expect("an empty folder can be opened");
    let data = &store.data();

    let mut group = criterion.benchmark_group("local data, write and finish");
    group.sample_size(20);
    for length in [64 * KIB, MIB, 16 * MIB] {
        let content = Bytes::from(noise(length));
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(format!("{} KiB", length / KIB), |bencher| {
            bencher
                .to_async(&runtime)
                .iter_custom(|rounds| time_writes(data, &content, rounds));
        });
    }
    group.finish();
}

/// Writes objects, and deletes each behind the clock's back.
pub(crate) async fn time_writes(data: &impl DataStore, content: &Bytes, rounds: u64) -> Duration {
    let mut taken = Duration::ZERO;
    for _ in 0..rounds {
        let begun = Instant::now();
        let object = write(data, content).await;
        taken += begun.elapsed();
        data.delete(&object.key).await.expect("it can be deleted");
    }
    taken
}

/// Writes one object as a push does.
pub(crate) async fn write(data: &impl DataStore, content: &Bytes) -> DataRef {
    let hint = UploadHint {
        length: Some(content.len() as u64),
    };
    let mut upload = data.begin(hint).await.expect("an upload can begin");
    data.reserve(&mut upload);
    let mut rest = content.clone();
    while !rest.is_empty() {
        let piece = rest.split_to(rest.len().min(PIECE));
        let appended = data.append(&mut upload, piece).await;
        appended.expect("the store takes it");
    }
    data.finish(upload).await.expect("the upload can end")
}
