//! The strict S3 fake as a server of its own, for client scripts and measurements.
//!
//! Prints its endpoint, then serves until it is killed. With `--control ADDRESS` a second listener
//! answers `GET /counts` (requests by operation since the last look, and connections ever opened)
//! and takes `POST /latency?fixed_ms=20&tail_ms=0&tail_per_mille=0`.

use anyhow::Context;
use bytes::Bytes;
use clap::Parser;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use roadstead_tests::s3_fake::{FakeOptions, Latency, S3Fake};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;

/// A strict S3 server for tests: everything in memory and nameless files, gone at its end.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where to answer for counts and to take the latency.
    #[arg(long)]
    control: Option<SocketAddr>,
    /// The access key that is let in.
    #[arg(long, default_value = "fake-access-key")]
    access_key: String,
    /// Its secret key.
    #[arg(long, default_value = "fake-secret-key")]
    secret_key: String,
    /// A bucket that is there; give it as often as needed.
    #[arg(long = "bucket", default_value = "images")]
    buckets: Vec<String>,
    /// Ignores `If-Match` on DELETE, as MinIO does.
    #[arg(long)]
    no_conditional_delete: bool,
    /// Ignores `If-Match` and `If-None-Match` on PUT.
    #[arg(long)]
    no_conditional_put: bool,
    /// Takes parts of different lengths, as AWS does.
    #[arg(long)]
    unequal_parts: bool,
    /// Milliseconds that every request waits.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let options = FakeOptions {
        listen: arguments.listen,
        access_key: arguments.access_key,
        secret_key: arguments.secret_key,
        buckets: arguments.buckets,
        has_conditional_put: !arguments.no_conditional_put,
        has_conditional_delete: !arguments.no_conditional_delete,
        wants_equal_parts: !arguments.unequal_parts,
    };
    let fake = S3Fake::start(options).await;
    let fake = fake.context("cannot listen for S3 requests")?;
    fake.faults().set_latency(Latency {
        fixed: Duration::from_millis(arguments.latency_ms),
        ..Latency::default()
    });
    print_line(&fake.endpoint())?;
    match arguments.control {
        Some(address) => control(address, &fake).await,
        None => std::future::pending().await,
    }
}

fn print_line(line: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}").context("cannot print the endpoint")?;
    output.flush().context("cannot print the endpoint")
}

/// Answers one connection after the other: nobody asks in a hurry.
async fn control(address: SocketAddr, fake: &S3Fake) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.context("cannot listen for control requests")?;
    loop {
        let (socket, _) = listener
            .accept()
            .await
            .context("cannot take a connection")?;
        let answer = service_fn(async |request| Ok::<_, Infallible>(answer(fake, &request)));
        let mut http = hyper::server::conn::http1::Builder::new();
        // Whoever asks may hang up before the answer.
        let _ = http
            .keep_alive(false)
            .serve_connection(TokioIo::new(socket), answer)
            .await;
    }
}

fn answer(fake: &S3Fake, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let text = match (request.method(), request.uri().path()) {
        (&Method::GET, "/counts") => counts(fake),
        (&Method::POST, "/latency") => latency(fake, request.uri().query().unwrap_or_default()),
        _ => None,
    };
    let status = if text.is_some() {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    };
    let mut response = Response::new(Full::from(text.unwrap_or_default()));
    *response.status_mut() = status;
    response
}

fn counts(fake: &S3Fake) -> Option<String> {
    let taken = fake.counts().take();
    let total: u64 = taken.values().sum();
    let named = taken
        .into_iter()
        .map(|(operation, count)| (format!("{operation:?}"), count));
    let mut shown: BTreeMap<String, u64> = named.collect();
    shown.insert("total".to_owned(), total);
    shown.insert("connections".to_owned(), fake.counts().connections());
    serde_json::to_string(&shown).ok()
}

fn latency(fake: &S3Fake, query: &str) -> Option<String> {
    let mut latency = Latency::default();
    for parameter in query.split('&') {
        let (name, value) = parameter.split_once('=')?;
        match name {
            "fixed_ms" => latency.fixed = Duration::from_millis(value.parse().ok()?),
            "tail_ms" => latency.tail = Duration::from_millis(value.parse().ok()?),
            "tail_per_mille" => latency.tail_per_mille = value.parse().ok()?,
            _ => return None,
        }
    }
    fake.faults().set_latency(latency);
    Some(format!("{latency:?}\n"))
}
