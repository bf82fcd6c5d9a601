//! `roadstead health`: asks the server of this machine whether it is ready, for supervisors of
//! containers, which can only run a program of the image.

use super::{ConfigOptions, print};
use crate::banner::reachable;
use anyhow::{Context, bail};
use clap::Args;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The server answers within five seconds, whatever its storage does.
const PATIENCE: Duration = Duration::from_secs(6);
/// More than the answer has.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

#[derive(Debug, Args)]
pub(super) struct HealthOptions {
    #[command(flatten)]
    config: ConfigOptions,
}

pub(super) fn run(options: &HealthOptions) -> anyhow::Result<()> {
    let config = options.config.load(Vec::new())?.config;
    let admin = config.admin.listen;
    let admin = admin.context("the setting admin.listen is off, and nothing else tells")?;
    let address = reachable(admin);
    let answer = ask(address).with_context(|| format!("no answer from http://{address}/readyz"))?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    if answer.split(' ').nth(1) == Some("200") {
        return print(body);
    }
    bail!("not ready: {}", body.trim_end());
}

/// Asks by HTTP/1.0, whose answer ends with the connection.
fn ask(address: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}
