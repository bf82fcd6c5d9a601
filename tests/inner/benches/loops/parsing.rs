//! Parsers: all that a request brings goes through some of these.

use criterion::{Criterion, Throughput};
use roadstead_inner_loops::{digest, image, index, repository, tag};
use roadstead_oci::{
    ByteRanges, ContentRange, Digest, Manifest, Reference, RepositoryName, Route, Tag,
    parse_page_size,
};
use std::hint::black_box;

pub(crate) fn measure(criterion: &mut Criterion) {
    values(criterion);
    routes(criterion);
    headers(criterion);
    documents(criterion);
}

fn values(criterion: &mut Criterion) {
    let (name, tag, digest) = (repository(), tag(), digest(1));
    let digest_text = digest.to_string();
    let long = format!("sha512:{}", "0f".repeat(64));

    let mut group = criterion.benchmark_group("parse");
    group.bench_function("repository name", |bencher| {
        bencher.iter(|| RepositoryName::parse(black_box(name.as_str())));
    });
    group.bench_function("tag", |bencher| {
        bencher.iter(|| Tag::parse(black_box(tag.as_str())));
    });
    group.bench_function("digest sha256", |bencher| {
        bencher.iter(|| Digest::parse(black_box(&digest_text)));
    });
    group.bench_function("digest sha512", |bencher| {
        bencher.iter(|| Digest::parse(black_box(&long)));
    });
    group.bench_function("reference, a digest", |bencher| {
        bencher.iter(|| Reference::parse(black_box(&digest_text)));
    });
    group.finish();

    let mut group = criterion.benchmark_group("write");
    group.bench_function("digest", |bencher| {
        bencher.iter(|| black_box(&digest).to_string());
    });
    group.bench_function("digest, hex alone", |bencher| {
        bencher.iter(|| black_box(&digest).hex());
    });
    group.finish();
}

fn routes(criterion: &mut Criterion) {
    let name = repository();
    let digest = digest(1);
    let mut group = criterion.benchmark_group("parse route");
    for (what, path) in [
        ("ping", "/v2/".to_owned()),
        ("manifest by tag", format!("/v2/{name}/manifests/{}", tag())),
        (
            "manifest by digest",
            format!("/v2/{name}/manifests/{digest}"),
        ),
        ("blob", format!("/v2/{name}/blobs/{digest}")),
        (
            "blob, escaped colon",
            format!("/v2/{name}/blobs/sha256%3A{}", digest.hex()),
        ),
        (
            "upload",
            format!("/v2/{name}/blobs/uploads/{}", "0a".repeat(16)),
        ),
    ] {
        group.bench_function(what, |bencher| {
            bencher.iter(|| Route::parse(black_box(&path)));
        });
    }
    group.finish();
}

fn headers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse header");
    for (what, header) in [
        ("range, one", "bytes=1048576-2097151"),
        ("range, a suffix", "bytes=-65536"),
        (
            "range, eight",
            "bytes=0-9,20-29,40-49,60-69,80-89,100-109,120-129,140-149",
        ),
    ] {
        group.bench_function(what, |bencher| {
            bencher.iter(|| ByteRanges::parse(black_box(header), 1 << 30));
        });
    }
    group.bench_function("content range", |bencher| {
        bencher.iter(|| ContentRange::parse(black_box("1048576-2097151")));
    });
    group.bench_function("page size", |bencher| {
        bencher.iter(|| parse_page_size(black_box("100")));
    });
    group.finish();
}

fn documents(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse manifest");
    for (what, document) in [
        ("image of 1 layer", image(1)),
        ("image of 20 layers", image(20)),
        ("image of 127 layers", image(127)),
        ("index of 8 platforms", index(8)),
    ] {
        group.throughput(Throughput::Bytes(document.len() as u64));
        group.bench_function(what, |bencher| {
            bencher.iter(|| Manifest::parse(black_box(document.as_bytes()), None));
        });
    }
    group.finish();
}
