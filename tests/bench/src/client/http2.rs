//! HTTP/2 over TLS on one connection, one request at a time, for pulls: no request has a body.

use super::socket::{connect, shake_hands};
use super::{Answer, Request, SERVER_NAME, Take};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use rustls::ClientConfig;
use std::sync::Arc;
use tokio::task::JoinSet;

/// What a client in Go offers, as docker and containerd are.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 30;

/// An open session.
pub(super) struct Http2 {
    sender: SendRequest<Bytes>,
    authorization: Option<String>,
    /// Moves the bytes; ends with the session.
    _driver: JoinSet<()>,
}

impl Http2 {
    pub(super) async fn connect(
        address: &str,
        config: &Arc<ClientConfig>,
        authorization: Option<String>,
    ) -> Result<Self> {
        let stream = shake_hands(connect(address).await?, config).await?;
        ensure!(
            stream.get_ref().1.alpn_protocol() == Some(b"h2"),
            "the server does not speak HTTP/2"
        );
        let (sender, connection) = Builder::new()
            .initial_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .handshake(stream)
            .await
            .context("HTTP/2 does not begin")?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // Whoever waits for an answer is told of the error.
            let _ = connection.await;
        });
        Ok(Self {
            sender,
            authorization,
            _driver: driver,
        })
    }

    pub(super) async fn exchange(&mut self, request: Request<'_>) -> Result<Answer> {
        ensure!(request.body.len() == 0, "pushes go over HTTP/1.1");
        let mut head = http::Request::builder()
            .method(request.method)
            .uri(format!("https://{SERVER_NAME}{}", request.target));
        for line in request.headers.lines() {
            let (name, value) = line.split_once(": ").context("a header without a value")?;
            head = head.header(name, value);
        }
        if let Some(authorization) = &self.authorization {
            head = head.header("authorization", authorization);
        }
        let head = head.body(()).context("the request is malformed")?;
        let mut sender = self.sender.clone().ready().await?;
        let (response, _) = sender.send_request(head, true)?;
        let (parts, mut body) = response.await?.into_parts();
        let text = |name: &str| -> Option<String> {
            Some(parts.headers.get(name)?.to_str().ok()?.to_owned())
        };
        let mut answer = Answer {
            status: parts.status.as_u16(),
            location: text("location"),
            challenge: text("www-authenticate"),
            digest: text("docker-content-digest"),
            length: text("content-length").and_then(|length| length.parse().ok()),
            ..Answer::default()
        };
        while let Some(data) = body.data().await {
            let data = data?;
            body.flow_control().release_capacity(data.len())?;
            answer.body_bytes += data.len() as u64;
            if request.take == Take::Keep {
                answer.body.extend_from_slice(&data);
            }
        }
        if let Some(length) = answer.length.filter(|_| request.method != "HEAD") {
            ensure!(
                length == answer.body_bytes,
                "the body has {} of {length} bytes",
                answer.body_bytes
            );
        }
        Ok(answer)
    }
}
