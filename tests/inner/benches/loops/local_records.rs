//! The record store of one machine: reads, and durable writes alone and in company.

use crate::runtime;
use bytes::Bytes;
use criterion::{Criterion, Throughput};
use futures::future::join_all;
use roadstead_inner_loops::noise;
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::local::{LocalRecords, LocalSettings, LocalStore};
use roadstead_storage::{Condition, Outcome, RecordStore, Version};
use std::hint::black_box;
use std::sync::Arc;

/// Keys that are there before anything is measured.
const RECORDS: usize = 2_000;
/// As many as push at once on a busy machine.
const WRITERS: usize = 16;
/// The length of a usual record.
const RECORD_BYTES: usize = 400;

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let settings = LocalSettings::new(folder.path());
    let store = LocalStore::open(&settings, Arc::new(MachineClock::new()))
        .expect("an empty folder can be opened");
    let records = &store.records();
    let bytes = Bytes::from(noise(RECORD_BYTES));
    let fill = (0..RECORDS).map(|number| put(records, key(number), &bytes, Condition::Any));
    runtime.block_on(join_all(fill));

    let mut group = criterion.benchmark_group("local records");
    let mut number = 0;
    let mut next_key = || {
        number = (number + 7) % RECORDS;
        key(number)
    };
    group.bench_function("get", |bencher| {
        bencher.to_async(&runtime).iter(|| {
            let key = next_key();
            async move { records.get(black_box(&key)).await.expect("it is there") }
        });
    });
    group.bench_function("get, absent", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let read = records.get(black_box("record/none")).await;
            read.expect("absence can be read")
        });
    });
    group.bench_function("list 100", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let page = records.list("record/", Some("record/000900"), 100).await;
            page.expect("the records can be listed")
        });
    });
    group.bench_function("put, alone", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| put(records, next_key(), &bytes, Condition::Any));
    });
    group.bench_function("get and put what was read, alone", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| change(records, next_key(), &bytes));
    });
    group.throughput(Throughput::Elements(WRITERS as u64));
    group.bench_function("put, 16 writers", |bencher| {
        bencher.to_async(&runtime).iter(|| {
            let puts = (0..WRITERS).map(|_| put(records, next_key(), &bytes, Condition::Any));
            join_all(puts.collect::<Vec<_>>())
        });
    });
    group.bench_function("get and put what was read, 16 writers", |bencher| {
        bencher.to_async(&runtime).iter(|| {
            let changes = (0..WRITERS).map(|_| change(records, next_key(), &bytes));
            join_all(changes.collect::<Vec<_>>())
        });
    });
    group.finish();
    runtime
        .block_on(store.shutdown())
        .expect("the store can be closed");
}

fn key(number: usize) -> String {
    format!("record/{number:06}")
}

async fn put(records: &LocalRecords, key: String, bytes: &Bytes, condition: Condition) -> Version {
    let outcome = records.put(&key, bytes.clone(), condition).await;
    match outcome.expect("the disk takes it") {
        Outcome::Applied(version) => version,
        other => panic!("{key}: {other:?}"),
    }
}

async fn change(records: &LocalRecords, key: String, bytes: &Bytes) -> Version {
    let read = records.get(&key).await.expect("it is there");
    put(records, key, bytes, Condition::Matches(read.version)).await
}
