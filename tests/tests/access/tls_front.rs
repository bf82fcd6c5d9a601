//! TLS in front of a server, with a certificate of an authority of its own: what a proxy does.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// It ends with the test.
pub(crate) struct TlsFront {
    port: u16,
    folder: TempDir,
    _runtime: Runtime,
}

impl TlsFront {
    /// Starts it before a server, under the name `localhost`.
    pub(crate) fn start(server: SocketAddr) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let authority = CertifiedIssuer::self_signed(params, key).expect("is an authority");
        let own_key = KeyPair::generate().expect("a key can be made");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("is a name");
        let certificate = params
            .signed_by(&own_key, &authority)
            .expect("a certificate can be made");
        let folder = tempfile::tempdir().expect("there is room for a folder");
        roadstead_tests::server::write_file(
            &folder.path().join("authority.pem"),
            authority.pem().as_bytes(),
        );
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider speaks TLS")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(own_key.serialize_der().into()),
            )
            .expect("key and certificate fit");
        let runtime = Runtime::new().expect("a runtime can be started");
        let listener = runtime
            .block_on(TcpListener::bind("0.0.0.0:0"))
            .expect("a port is free");
        let port = listener.local_addr().expect("has an address").port();
        runtime.spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), server));
        Self {
            port,
            folder,
            _runtime: runtime,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the file of the authority's certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }
}

/// Carries connections one after the other; a client that trusts nobody ends its own.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor, server: SocketAddr) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        if let Ok(mut outer) = acceptor.accept(stream).await {
            let mut inner = TcpStream::connect(server)
                .await
                .expect("the server is there");
            // How it ends is the client's matter.
            let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
        }
    }
}
