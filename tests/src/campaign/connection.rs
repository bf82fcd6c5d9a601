//! The HTTP/1.1 connections of a client that wants to know how far it came: one to each server,
//! used in turn.

use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No request here takes longer with a server that works.
const PATIENCE: Duration = Duration::from_mins(1);
/// How much of a body is sent at a time.
const PIECE_BYTES: usize = 64 * 1024;
const MOST_HEAD_BYTES: usize = 64 * 1024;

/// How a body is framed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body<'a> {
    /// With its length.
    Sized(&'a [u8]),
    /// In chunks, the length untold.
    Chunked(&'a [u8]),
}

impl Body<'_> {
    pub(crate) const EMPTY: Body<'static> = Body::Sized(&[]);
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Answer {
    /// Returns the value of a header, whose name is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Describes the answer for a report.
    pub(crate) fn summary(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let text: String = text.chars().take(300).collect();
        format!("status {} {text}", self.status)
    }
}

/// Where the servers listen. Clones are one; a server that is started again has another address.
#[derive(Clone, Debug, Default)]
pub struct Servers(Arc<Mutex<Vec<SocketAddr>>>);

impl Servers {
    /// Knows these servers.
    #[must_use]
    pub fn new(addresses: Vec<SocketAddr>) -> Self {
        Self(Arc::new(Mutex::new(addresses)))
    }

    /// Notes that a server listens elsewhere now.
    pub fn moved(&self, server: usize, address: SocketAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[server] = address;
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Connections that are made when they are needed. Each request goes to the next server.
#[derive(Debug)]
pub(crate) struct Connection {
    servers: Servers,
    next: usize,
    /// By server, with the address it had.
    open: Vec<Option<(SocketAddr, TcpStream)>>,
    sent_bytes: usize,
}

impl Connection {
    /// Connects to nobody yet; the first request goes to the server with the number `first`,
    /// the numbers going round.
    #[must_use]
    pub(crate) fn new(servers: &Servers, first: usize) -> Self {
        Self {
            servers: servers.clone(),
            next: first,
            open: Vec::new(),
            sent_bytes: 0,
        }
    }

    /// Returns how many bytes of the last request's body the server may have got.
    pub(crate) fn sent_bytes(&self) -> usize {
        self.sent_bytes
    }

    /// Sends a request to the next server and reads the whole answer. `headers` are whole lines.
    ///
    /// # Errors
    /// No answer came, or no whole one.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: Body<'_>,
    ) -> anyhow::Result<Answer> {
        self.sent_bytes = 0;
        let exchange = self.exchange(method, path, headers, body);
        let answer = match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(anyhow::anyhow!("no answer in {} s", PATIENCE.as_secs())),
        };
        answer.with_context(|| format!("{method} {path}"))
    }

    /// Connects to the next server that takes connections, as a load balancer does. Nothing was
    /// sent to those that do not.
    async fn connect(&mut self) -> anyhow::Result<(usize, SocketAddr, TcpStream)> {
        let addresses = self.servers.addresses();
        self.open.resize_with(addresses.len(), || None);
        let mut refused = None;
        for _ in 0..addresses.len() {
            let server = self.next % addresses.len();
            self.next = self.next.wrapping_add(1);
            let address = addresses[server];
            match self.open[server].take() {
                Some((known, stream)) if known == address => return Ok((server, address, stream)),
                _ => {}
            }
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok((server, address, stream));
                }
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.map_or_else(|| anyhow::anyhow!("there is no server"), Into::into))
    }

    async fn exchange(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: Body<'_>,
    ) -> anyhow::Result<Answer> {
        let (server, host, mut stream) = self.connect().await?;
        let framing = match body {
            Body::Sized(bytes) if bytes.is_empty() && matches!(method, "GET" | "HEAD") => {
                String::new()
            }
            Body::Sized(bytes) => format!("content-length: {}\r\n", bytes.len()),
            Body::Chunked(_) => "transfer-encoding: chunked\r\n".to_owned(),
        };
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{framing}{headers}\r\n");
        stream.write_all(head.as_bytes()).await?;
        self.send_body(&mut stream, body).await?;
        let (answer, closes) = read_answer(&mut stream, method).await?;
        if !closes {
            self.open[server] = Some((host, stream));
        }
        Ok(answer)
    }

    async fn send_body(&mut self, stream: &mut TcpStream, body: Body<'_>) -> anyhow::Result<()> {
        match body {
            Body::Sized(bytes) => {
                for piece in bytes.chunks(PIECE_BYTES) {
                    self.sent_bytes += piece.len();
                    stream.write_all(piece).await?;
                }
            }
            Body::Chunked(bytes) => {
                for piece in bytes.chunks(PIECE_BYTES) {
                    self.sent_bytes += piece.len();
                    let size = format!("{:x}\r\n", piece.len());
                    stream.write_all(size.as_bytes()).await?;
                    stream.write_all(piece).await?;
                    stream.write_all(b"\r\n").await?;
                }
                stream.write_all(b"0\r\n\r\n").await?;
            }
        }
        Ok(())
    }
}

/// Reads an answer. The second value tells whether the server closes the connection after it.
async fn read_answer(stream: &mut TcpStream, method: &str) -> anyhow::Result<(Answer, bool)> {
    let mut received = Vec::with_capacity(4096);
    let head_length = loop {
        if let Some(at) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if received.len() > MOST_HEAD_BYTES {
            bail!("the head of the answer does not end");
        }
        if stream.read_buf(&mut received).await? == 0 {
            bail!("the connection ended before the answer");
        }
    };
    let body = received.split_off(head_length);
    let head = String::from_utf8(received).context("the head of the answer is not text")?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status: u16 = status.context("the answer has no status")?.parse()?;
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut answer = Answer {
        status,
        body,
        headers,
    };
    let closes = answer.header("connection") == Some("close");
    if method == "HEAD" || status == 204 {
        return Ok((answer, closes));
    }
    let length = answer.header("content-length");
    let length: usize = length.context("the answer has no length")?.parse()?;
    while answer.body.len() < length {
        let missing = length - answer.body.len();
        answer.body.reserve(missing);
        if stream.read_buf(&mut answer.body).await? == 0 {
            bail!("the answer broke off {missing} bytes before its end");
        }
    }
    if answer.body.len() > length {
        bail!("the answer is longer than its length");
    }
    Ok((answer, closes))
}
