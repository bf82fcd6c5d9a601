//! What a connection runs over: the socket itself, or TLS on it.

use crate::connection::SendFile;
use roadstead_auth::CertificateNames;
use roadstead_registry::DataFile;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tracing::debug;

/// A client's connection.
pub(crate) enum Transport {
    /// Bytes go as they are.
    Plain(TcpStream),
    /// Bytes go through TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// How a connection is secured, for its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// Not at all.
    Plain,
    /// By TLS, with the names in the client's certificate if it showed one.
    Tls(Option<Rc<CertificateNames>>),
}

impl Transport {
    /// Tells how it is secured.
    pub(crate) fn security(&self) -> Security {
        match self {
            Self::Plain(_) => Security::Plain,
            Self::Tls(stream) => {
                let chain = stream.get_ref().1.peer_certificates();
                let own = chain.and_then(<[_]>::first);
                Security::Tls(own.map(|certificate| Rc::new(names(certificate))))
            }
        }
    }
}

/// Returns the names in a certificate; one that cannot be read has none.
fn names(certificate: &[u8]) -> CertificateNames {
    CertificateNames::read(certificate).unwrap_or_else(|error| {
        debug!(%error, "certificate of a client counts as nobody's");
        CertificateNames::default()
    })
}

impl SendFile for Transport {
    /// The kernel knows nothing of the keys.
    fn can_send_files(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.can_send_files(),
            Self::Tls(_) => false,
        }
    }

    fn poll_send_file(
        &self,
        cx: &mut Context<'_>,
        file: &DataFile,
        range: Range<u64>,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => stream.poll_send_file(cx, file, range),
            Self::Tls(_) => Poll::Ready(Err(io::ErrorKind::Unsupported.into())),
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
