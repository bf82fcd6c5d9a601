//! TLS on the registry's listener: the handshake, and what is told to who speaks without.
//!
//! Which certificates and versions there are is the caller's business; they can be exchanged while
//! connections are open, which go on with what they began with.

use crate::transport::Transport;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// The content type of the record that a client begins with (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;
/// What the listener speaks, in the order of its preference.
const PROTOCOLS: [&[u8]; 2] = [HTTP_2, b"http/1.1"];
const HTTP_2: &[u8] = b"h2";

/// The answer to a request without TLS. There is nothing that could be told from the request: it is
/// not read, so that no credentials in it are taken for good.
const PLAIN_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: application/json\r\n\
    content-length: 116\r\n\
    docker-distribution-api-version: registry/2.0\r\n\
    x-content-type-options: nosniff\r\n\
    connection: close\r\n\
    \r\n\
    {\"errors\":[{\"code\":\"UNSUPPORTED\",\"message\":\"this port speaks TLS: begin the address with \
    https://\",\"detail\":null}]}\n";

/// What connections are secured with. Clones share it.
#[derive(Clone)]
pub struct Tls(Arc<RwLock<TlsAcceptor>>);

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Tls")
    }
}

impl Tls {
    /// Begins with certificates. What protocols are offered is seen to here.
    #[must_use]
    pub fn new(config: ServerConfig) -> Self {
        Self(Arc::new(RwLock::new(acceptor(config))))
    }

    /// Takes others for the connections that come from now on.
    pub fn replace(&self, config: ServerConfig) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = acceptor(config);
    }

    /// Makes the handshake, and tells whether HTTP/2 was agreed on. Takes as long as the client
    /// takes: call it within a time limit.
    ///
    /// # Errors
    /// What went wrong with the handshake. Who spoke HTTP without TLS was told so.
    pub(crate) async fn accept(&self, mut stream: TcpStream) -> io::Result<(Transport, bool)> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE {
            refuse_plain(&mut stream, first[0]).await?;
            let reason = "client does not speak TLS";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        let acceptor = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let stream = acceptor.accept(stream).await?;
        let is_http_2 = stream.get_ref().1.alpn_protocol() == Some(HTTP_2);
        Ok((Transport::Tls(Box::new(stream)), is_http_2))
    }
}

fn acceptor(mut config: ServerConfig) -> TlsAcceptor {
    config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// Tells a client that speaks HTTP without TLS what to do. What is no HTTP gets no answer.
async fn refuse_plain(stream: &mut TcpStream, first: u8) -> io::Result<()> {
    if !first.is_ascii_uppercase() {
        return Ok(());
    }
    stream.write_all(PLAIN_ANSWER).await?;
    stream.shutdown().await?;
    // Closed with bytes unread, the connection would be reset and the answer might be lost.
    let mut buffer = vec![0; 4096];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_plain_http_has_the_length_that_it_names() {
        let text = std::str::from_utf8(PLAIN_ANSWER).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let length = format!("content-length: {}\r\n", body.len());
        assert!(head.contains(&length), "{length}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["errors"][0]["code"], "UNSUPPORTED");
    }
}
