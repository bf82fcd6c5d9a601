//! One request and its answer over a connection, whatever it runs over.

use super::Answered;
use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use roadstead_api::administration::ADMINISTRATION_PATH;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// The longest answer, in bytes: a page of the longest rules is far below.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// How long a request and its answer may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Makes a request for a path of administration.
pub(super) fn request(
    method: &str,
    path: &str,
    host: &str,
    body: Bytes,
) -> anyhow::Result<Request<Full<Bytes>>> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{ADMINISTRATION_PATH}{path}"))
        .header(HOST, host);
    if !body.is_empty() || method == "POST" {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    request
        .body(Full::new(body))
        .context("this cannot be asked of a server")
}

/// Sends a request on a new connection and reads its answer to the end.
pub(super) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<Answered> {
    let exchange = async {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let asking = async move {
            let response = sender.send_request(request).await?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
                .collect()
                .await
                .map_err(anyhow::Error::from_boxed)?
                .to_bytes();
            anyhow::Ok(Answered { status, body })
        };
        // The connection ends once the sender is gone; what it says then is said to the sender, too.
        let (answered, _) = tokio::join!(asking, connection);
        answered
    };
    tokio::time::timeout(PATIENCE, exchange)
        .await
        .context("the server does not answer")?
        .context("the server broke off")
}
