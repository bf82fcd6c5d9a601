//! Digests: by the size of the pieces that a body comes in, and what it costs to stop and go on.

use criterion::{BenchmarkId, Criterion, Throughput};
use roadstead_inner_loops::{KIB, MIB, noise};
use roadstead_oci::{Algorithm, Digest, Hasher};
use std::hint::black_box;

pub(crate) fn measure(criterion: &mut Criterion) {
    let content = noise(MIB);
    for algorithm in Algorithm::ALL {
        let mut group = criterion.benchmark_group(format!("hash 1 MiB {algorithm}, pieces of"));
        group.throughput(Throughput::Bytes(MIB as u64));
        for piece in [4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB] {
            let id = BenchmarkId::from_parameter(format!("{} KiB", piece / KIB));
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    let mut hasher = Hasher::new(algorithm);
                    for bytes in black_box(&content).chunks(piece) {
                        hasher.update(bytes);
                    }
                    hasher.finish()
                });
            });
        }
        group.finish();
    }

    let mut group = criterion.benchmark_group("hash small");
    for length in [32, KIB, 8 * KIB] {
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(format!("{length} bytes"), |bencher| {
            bencher.iter(|| Digest::of(Algorithm::Sha256, black_box(&content[..length])));
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("midstate");
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(&content);
    let midstate = hasher.midstate();
    group.bench_function("seal", |bencher| bencher.iter(|| hasher.midstate()));
    group.bench_function("resume", |bencher| {
        bencher.iter(|| Hasher::resume(black_box(&midstate)).expect("it was just sealed"));
    });
    group.finish();
}
