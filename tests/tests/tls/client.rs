//! A server with TLS, and clients of it.

use crate::authority::{Authority, Issued, SERVER_NAME};
use roadstead_tests::http::{Answer, Request};
use roadstead_tests::server::Server;
use roadstead_tests::waiting::PATIENCE;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use std::io::{self, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

pub(crate) const CERTIFICATE: &str = "server.crt";
pub(crate) const KEY: &str = "server.key";
/// The settings of a server with TLS.
pub(crate) const TLS: &str = "tls: {certificate: server.crt, key: server.key}\n";

/// A server with TLS and the authority of its certificate.
pub(crate) struct Secured {
    pub(crate) server: Server,
    pub(crate) authority: Authority,
}

impl Secured {
    /// Starts a server whose settings begin with [`TLS`].
    pub(crate) fn start() -> Self {
        Self::start_with(TLS, &[])
    }

    /// Starts a server with its certificate, key and other files in its folder.
    pub(crate) fn start_with(yaml: &str, files: &[(&str, &str)]) -> Self {
        let authority = Authority::new();
        let issued = authority.for_server();
        let (certificate, key) = (issued.certificate_pem(), issued.key_pem());
        let own = [(CERTIFICATE, &*certificate), (KEY, &*key)];
        let files = [&own, files].concat();
        Self {
            server: Server::start_with_files(yaml, &files),
            authority,
        }
    }

    /// Connects as most clients do.
    pub(crate) fn connect(&self) -> TlsConnection {
        self.connect_with(&Trust::in_authority(&self.authority))
            .expect("the handshake succeeds")
    }

    /// Connects in a way of one's own.
    pub(crate) fn connect_with(&self, trust: &Trust) -> io::Result<TlsConnection> {
        TlsConnection::open(self.server.address(), trust.config())
    }
}

/// What a client speaks, and whom it trusts.
pub(crate) struct Trust {
    pub(crate) authority: CertificateDer<'static>,
    pub(crate) versions: Vec<&'static SupportedProtocolVersion>,
    pub(crate) protocols: Vec<Vec<u8>>,
}

impl Trust {
    pub(crate) fn in_authority(authority: &Authority) -> Self {
        Self {
            authority: authority.der(),
            versions: vec![&TLS13, &TLS12],
            protocols: Vec::new(),
        }
    }

    pub(crate) fn speaking(mut self, protocols: &[&str]) -> Self {
        self.protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        self
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        self.config_as(None)
    }

    /// Returns the configuration of a client that shows a certificate.
    pub(crate) fn config_as(&self, own: Option<&Issued>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).expect("is an authority");
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&self.versions)
            .expect("the versions are known")
            .with_root_certificates(roots);
        let mut config = match own {
            Some(own) => builder
                .with_client_auth_cert(own.chain(), own.key())
                .expect("certificate and key are a pair"),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols.clone_from(&self.protocols);
        Arc::new(config)
    }
}

/// A connection that speaks HTTP/1.1 over TLS.
pub(crate) struct TlsConnection(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl TlsConnection {
    /// Connects and makes the handshake.
    pub(crate) fn open(server: SocketAddr, config: Arc<ClientConfig>) -> io::Result<Self> {
        let stream = TcpStream::connect(server)?;
        Self::over(stream, config)
    }

    /// Makes the handshake on a connection.
    pub(crate) fn over(mut stream: TcpStream, config: Arc<ClientConfig>) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from(SERVER_NAME).expect("is a name");
        let mut session = ClientConnection::new(config, name).map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        Ok(Self(BufReader::new(StreamOwned::new(session, stream))))
    }

    pub(crate) fn session(&self) -> &ClientConnection {
        &self.0.get_ref().conn
    }

    /// Sends a request and reads its answer.
    pub(crate) fn send(&mut self, request: &Request) -> Answer {
        self.try_send(request)
            .expect("the server answers")
            .expect("the server answers before it closes the connection")
    }

    /// Sends a request and reads its answer; `None` when the server closes the connection first.
    pub(crate) fn try_send(&mut self, request: &Request) -> io::Result<Option<Answer>> {
        self.0.get_mut().write_all(&request.to_bytes())?;
        match Answer::read(&mut self.0, request.is_head()) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(None),
            other => other,
        }
    }

    /// Sends a `GET` and reads its answer.
    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.send(&Request::get(target))
    }

    /// Returns the certificate that the server showed.
    pub(crate) fn server_certificate(&self) -> CertificateDer<'static> {
        let chain = self.session().peer_certificates();
        chain.expect("the handshake is over")[0]
            .clone()
            .into_owned()
    }
}

impl TlsConnection {
    /// Tells whether the server ends the connection by itself, whatever it says before.
    pub(crate) fn ends(&mut self) -> bool {
        let mut rest = Vec::new();
        match io::Read::read_to_end(&mut self.0, &mut rest) {
            Ok(_) => true,
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    }
}
