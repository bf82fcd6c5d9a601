//! Uploads in parts and reads by ranges over the fake bucket, whose own work in this process is in
//! the figures: they tell whether the driver got slower, not how fast a store is.

use crate::local_data::{time_writes, write};
use crate::reading::read;
use crate::runtime;
use bytes::Bytes;
use criterion::{Criterion, Throughput};
use roadstead_inner_loops::{KIB, MIB, noise};
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::s3::{S3Credentials, S3Settings, S3Store, Secret};
use roadstead_tests::s3_fake::{FakeOptions, S3Fake};
use std::sync::Arc;

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = runtime();
    let fake = runtime.block_on(S3Fake::start(FakeOptions::default()));
    let fake = fake.expect("a port is free");
    let store = runtime.block_on(S3Store::open(
        settings(&fake),
        Arc::new(MachineClock::new()),
    ));
    let store = store.expect("the settings are in order");
    let data = &store.data();

    for length in [64 * KIB, MIB, 32 * MIB] {
        let content = Bytes::from(noise(length));
        let mut group = criterion.benchmark_group("S3 data");
        group.sample_size(10);
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(
            format!("write and finish {} KiB", length / KIB),
            |bencher| {
                bencher
                    .to_async(&runtime)
                    .iter_custom(|rounds| time_writes(data, &content, rounds));
            },
        );
        let object = runtime.block_on(write(data, &content));
        group.bench_function(format!("stream {} KiB", length / KIB), |bencher| {
            bencher
                .to_async(&runtime)
                .iter(|| read(data, &object.key, object.length));
        });
        group.finish();
    }
    runtime.block_on(store.settled());
}

fn settings(fake: &S3Fake) -> S3Settings {
    let options = fake.options();
    S3Settings {
        endpoint: Some(fake.endpoint()),
        path_style: true,
        credentials: S3Credentials::Keys {
            access_key: options.access_key.clone(),
            secret_key: Secret::new(&options.secret_key),
            session_token: None,
        },
        ..S3Settings::new(&options.buckets[0])
    }
}
