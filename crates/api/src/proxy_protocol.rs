//! The PROXY protocol: what a load balancer that passes bytes on says of its client, before the first
//! of them.

mod header;

use header::{Malformed, REST_OF_SECOND, SECOND, START_BYTES};
use std::io;
use std::net::SocketAddr;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// Reads the header and nothing behind it; returns where the client is, `None` when that is the
/// balancer itself or not told. Takes as long as the peer takes: call it within a time limit.
///
/// # Errors
/// `InvalidData` for a header that is none, and what the system says.
pub(crate) async fn read(stream: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut bytes = vec![0; START_BYTES];
    stream.read_exact(&mut bytes).await?;
    if bytes == SECOND {
        bytes.resize(START_BYTES + REST_OF_SECOND, 0);
        stream.read_exact(&mut bytes[START_BYTES..]).await?;
        let length = header::second_length(&bytes).map_err(malformed)?;
        bytes.resize(length, 0);
        stream
            .read_exact(&mut bytes[START_BYTES + REST_OF_SECOND..])
            .await?;
    } else {
        // What stands behind the line is not ours to take, so it is read byte by byte.
        while header::wants_more(&bytes) {
            bytes.push(stream.read_u8().await?);
        }
    }
    header::parse(&bytes).map_err(malformed)
}

fn malformed(problem: Malformed) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.to_string())
}

#[cfg(test)]
mod tests;
