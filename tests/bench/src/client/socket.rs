//! A connection to a server, with TLS or without.

use super::{Endpoint, Protocol, SERVER_NAME};
use anyhow::{Context, Result, bail};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// An open connection.
pub(crate) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    pub(crate) async fn connect(endpoint: &Endpoint) -> Result<Self> {
        let stream = connect(&endpoint.address).await?;
        match &endpoint.protocol {
            Protocol::Plain => Ok(Self::Plain(stream)),
            Protocol::Http1(config) => Ok(Self::Tls(Box::new(shake_hands(stream, config).await?))),
            Protocol::Http2(_) => bail!("HTTP/2 has no socket of its own"),
        }
    }

    /// Reads what is there; 0 at the end.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = match self {
            Self::Plain(stream) => stream.read(buffer).await,
            Self::Tls(stream) => stream.read(buffer).await,
        };
        count.context("cannot read")
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes).await.context("cannot write"),
            Self::Tls(stream) => {
                stream.write_all(bytes).await.context("cannot write")?;
                stream.flush().await.context("cannot write")
            }
        }
    }
}

/// Opens a connection that sends at once.
pub(super) async fn connect(address: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await;
    let stream = stream.with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true).context("cannot set TCP_NODELAY")?;
    Ok(stream)
}

pub(super) async fn shake_hands(
    stream: TcpStream,
    config: &Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(SERVER_NAME).context("the server's name is none")?;
    let connector = TlsConnector::from(Arc::clone(config));
    let stream = connector.connect(name, stream).await;
    stream.context("the TLS handshake failed")
}
