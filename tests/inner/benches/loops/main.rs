//! How long the inner loops take, each alone: `make benches`, or some of them, `make benches BENCH=tag`.
//!
//! Outside of `cargo bench` every loop runs once, which is how the test command keeps them working.

mod access;
mod encoding;
mod hashing;
mod keys;
mod local_data;
mod local_records;
mod parsing;
mod reading;
mod s3_parts;

use criterion::Criterion;
use std::time::Duration;
use tokio::runtime::Runtime;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    hashing::measure(&mut criterion);
    parsing::measure(&mut criterion);
    keys::measure(&mut criterion);
    encoding::measure(&mut criterion);
    access::measure(&mut criterion);
    local_records::measure(&mut criterion);
    local_data::measure(&mut criterion);
    reading::measure(&mut criterion);
    s3_parts::measure(&mut criterion);
    criterion.final_summary();
}

/// Starts a runtime as the server has one.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the machine has room for two threads")
}
