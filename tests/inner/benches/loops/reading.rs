//! Data as a pull reads it: as a stream, and as the open file that the kernel sends.

use crate::local_data::write;
use crate::runtime;
use bytes::Bytes;
use criterion::{Criterion, Throughput};
use futures::TryStreamExt;
use roadstead_inner_loops::{KIB, MIB, noise};
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::local::{LocalSettings, LocalStore};
use roadstead_storage::{DataKey, DataStore};
use std::hint::black_box;
use std::sync::Arc;

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let settings = LocalSettings::new(folder.path());
    let store = LocalStore::open(&settings, Arc::new(MachineClock::new()))
        .expect("an empty folder can be opened");
    let data = &store.data();

    let mut group = criterion.benchmark_group("local data, stream");
    for length in [64 * KIB, MIB, 16 * MIB] {
        let object = runtime.block_on(write(data, &Bytes::from(noise(length))));
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(format!("{} KiB", length / KIB), |bencher| {
            bencher
                .to_async(&runtime)
                .iter(|| read(data, &object.key, length as u64));
        });
    }
    group.finish();

    let object = runtime.block_on(write(data, &Bytes::from(noise(MIB))));
    let mut group = criterion.benchmark_group("local data, file");
    group.bench_function("open", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let file = data.open(black_box(&object.key), object.length).await;
            file.expect("it is there").expect("it is a file")
        });
    });
    let file = runtime.block_on(data.open(&object.key, object.length));
    let file = file.expect("it is there").expect("it is a file");
    group.bench_function("is 1 MiB cached", |bencher| {
        bencher.iter(|| file.is_cached(black_box(&(0..MIB as u64))));
    });
    group.finish();
}

/// Takes a stream to its end and returns how many bytes came.
pub(crate) async fn read(data: &impl DataStore, key: &DataKey, length: u64) -> usize {
    let stream = data.read(key, 0..length).await.expect("it is there");
    let count = stream.try_fold(0, |sum, bytes| async move { Ok(sum + bytes.len()) });
    count.await.expect("it can be read")
}
