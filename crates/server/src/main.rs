//! The `roadstead` binary: command line, wiring, signals, telemetry. What a registry means is in
//! the libraries.

mod access;
mod access_metrics;
mod administration;
mod alone;
mod audit;
mod azure_store;
mod banner;
mod client;
mod commands;
mod exit;
mod listen;
mod s3_store;
mod scrub_metrics;
mod serve;
mod signals;
mod storage_metrics;
mod stores;
mod telemetry;
mod tls;
mod wiring;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match commands::run(commands::CommandLine::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}
