//! HTTP/1.1 on one connection: a request, then its whole answer.

use super::chunks::Chunks;
use super::head::{self, Framing};
use super::socket::Socket;
use super::{Answer, Endpoint, Request, Take};
use anyhow::{Result, bail, ensure};

/// A connection that is kept alive.
pub(crate) struct Http1 {
    socket: Socket,
    /// What every head has, beginning behind the request's line.
    standing: Vec<u8>,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Http1 {
    pub(crate) async fn connect(
        endpoint: &Endpoint,
        authorization: Option<String>,
        read_bytes: usize,
    ) -> Result<Self> {
        let mut standing = format!("Host: {}\r\n", endpoint.address);
        if let Some(authorization) = authorization {
            for part in ["Authorization: ", &authorization, "\r\n"] {
                standing += part;
            }
        }
        Ok(Self {
            socket: Socket::connect(endpoint).await?,
            standing: standing.into_bytes(),
            request: Vec::with_capacity(1024),
            buffer: vec![0; read_bytes],
        })
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn exchange(&mut self, request: Request<'_>) -> Result<Answer> {
        self.send_head(request).await?;
        if !request.body.tail.is_empty() {
            self.socket.write(request.body.tail).await?;
        }
        self.read_answer(request.method, request.take).await
    }

    /// Sends the head and the own bytes of the body.
    pub(crate) async fn send_head(&mut self, request: Request<'_>) -> Result<()> {
        let line = &mut self.request;
        line.clear();
        for part in [request.method, " ", request.target, " HTTP/1.1\r\n"] {
            line.extend_from_slice(part.as_bytes());
        }
        line.extend_from_slice(&self.standing);
        line.extend_from_slice(request.headers.as_bytes());
        if request.body.len() > 0 || matches!(request.method, "POST" | "PUT" | "PATCH") {
            line.extend_from_slice(
                format!("Content-Length: {}\r\n", request.body.len()).as_bytes(),
            );
        }
        line.extend_from_slice(b"\r\n");
        line.extend_from_slice(request.body.head);
        self.socket.write(&self.request).await
    }

    /// Gives the connection away, for whoever goes on with it in a way of his own.
    pub(crate) fn into_socket(self) -> Socket {
        self.socket
    }

    async fn read_answer(&mut self, method: &str, take: Take) -> Result<Answer> {
        let mut filled = 0;
        loop {
            ensure!(filled < self.buffer.len(), "the head is too long");
            let count = self.socket.read(&mut self.buffer[filled..]).await?;
            ensure!(count > 0, "the connection was closed before the answer");
            filled += count;
            while let Some((head_bytes, answer, framing)) =
                head::parse(&self.buffer[..filled], method)?
            {
                if answer.status >= 200 {
                    return self
                        .read_body(answer, framing, head_bytes..filled, take)
                        .await;
                }
                // An interim answer such as 100.
                self.buffer.copy_within(head_bytes..filled, 0);
                filled -= head_bytes;
            }
        }
    }

    async fn read_body(
        &mut self,
        mut answer: Answer,
        framing: Framing,
        first: std::ops::Range<usize>,
        take: Take,
    ) -> Result<Answer> {
        let begun = &self.buffer[first];
        match framing {
            Framing::None => ensure!(begun.is_empty(), "an answer without a body has one"),
            Framing::Length(length) => {
                let mut have = begun.len() as u64;
                keep(&mut answer, begun, take);
                while have < length {
                    let count = self.socket.read(&mut self.buffer).await?;
                    ensure!(count > 0, "the body was cut at {have} of {length} bytes");
                    have += count as u64;
                    keep(&mut answer, &self.buffer[..count], take);
                }
                ensure!(have == length, "the body is longer than {length} bytes");
                answer.body_bytes = have;
            }
            Framing::Chunks => {
                let mut chunks = Chunks::new();
                let mut sink = |data: &[u8]| {
                    answer.body_bytes += data.len() as u64;
                    if take == Take::Keep {
                        answer.body.extend_from_slice(data);
                    }
                };
                chunks.feed(begun, &mut sink)?;
                while !chunks.is_done() {
                    let count = self.socket.read(&mut self.buffer).await?;
                    if count == 0 {
                        bail!("the connection was closed within a body in chunks");
                    }
                    chunks.feed(&self.buffer[..count], &mut sink)?;
                }
            }
        }
        Ok(answer)
    }
}

fn keep(answer: &mut Answer, data: &[u8], take: Take) {
    if take == Take::Keep {
        answer.body.extend_from_slice(data);
    }
}
