//! A certificate for servers, and clients that trust it and speak TLS 1.3.

use crate::client::SERVER_NAME;
use crate::servers::write;
use anyhow::{Context, Result};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A certificate with its key, in files.
pub(crate) struct Certificate {
    pub(crate) files: (PathBuf, PathBuf),
    der: CertificateDer<'static>,
}

impl Certificate {
    /// Makes one that is its own authority, for the name that clients of this program ask for.
    pub(crate) fn make(folder: &Path) -> Result<Self> {
        let names = vec![SERVER_NAME.to_owned()];
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(names).context("cannot make a certificate")?;
        let files = (folder.join("server.crt"), folder.join("server.key"));
        write(&files.0, &cert.pem())?;
        write(&files.1, &signing_key.serialize_pem())?;
        let der = cert.der().clone();
        Ok(Self { files, der })
    }

    /// A client that offers a protocol above TLS: `http/1.1` or `h2`.
    pub(crate) fn client(&self, protocol: &str) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots
            .add(self.der.clone())
            .context("the certificate is none")?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13])
            .context("TLS 1.3 is known")?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        Ok(Arc::new(config))
    }
}
