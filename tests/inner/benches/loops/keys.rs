//! Keys of records: built for every storage call, and read back from listings.

use criterion::Criterion;
use roadstead_inner_loops::{digest, repository, tag};
use roadstead_registry::{Nonce, RandomIds, Timestamp, UploadId, layout};
use std::hint::black_box;

pub(crate) fn measure(criterion: &mut Criterion) {
    let (name, tag, digest) = (&repository(), &tag(), &digest(1));
    let nonce = Nonce::draw(&RandomIds);
    let session = UploadId::draw(&RandomIds);
    let at = Timestamp::from_millis(1_700_000_000_000);

    let mut group = criterion.benchmark_group("key of");
    group.bench_function("blob", |bencher| {
        bencher.iter(|| layout::blob(black_box(digest)));
    });
    group.bench_function("link", |bencher| {
        bencher.iter(|| layout::link(black_box(name), black_box(digest)));
    });
    group.bench_function("manifest", |bencher| {
        bencher.iter(|| layout::manifest(black_box(name), black_box(digest)));
    });
    group.bench_function("tag", |bencher| {
        bencher.iter(|| layout::tag(black_box(name), black_box(tag)));
    });
    group.bench_function("reverse entry", |bencher| {
        bencher.iter(|| layout::tagged(black_box(name), black_box(digest), black_box(tag)));
    });
    group.bench_function("history entry", |bencher| {
        bencher.iter(|| layout::history(black_box(name), black_box(tag), at, nonce));
    });
    group.bench_function("referrer", |bencher| {
        bencher.iter(|| layout::referrer(black_box(name), black_box(digest), digest));
    });
    group.bench_function("upload", |bencher| {
        bencher.iter(|| layout::upload(black_box(&session)));
    });
    group.finish();

    let blob = layout::blob(digest);
    let link = layout::link(name, digest);
    let mut group = criterion.benchmark_group("read key of");
    group.bench_function("blob", |bencher| {
        bencher.iter(|| layout::digest_at_end(black_box(&blob)));
    });
    group.bench_function("link, its repository", |bencher| {
        bencher.iter(|| layout::repository_of_link(black_box(&link)));
    });
    group.finish();
}
