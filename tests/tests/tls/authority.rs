//! Authorities and the certificates that they sign.

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The name that the server's certificates are for.
pub(crate) const SERVER_NAME: &str = "registry.test";

/// Signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Certificate,
}

/// A certificate and its key.
pub(crate) struct Issued {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = "authority of the tests";
        parameters.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = parameters.self_signed(&key).expect("can be signed");
        Self {
            issuer: Issuer::new(parameters, key),
            certificate,
        }
    }

    /// Returns the authority's own certificate.
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    /// Returns the authority's own certificate as a file holds it.
    pub(crate) fn certificate_pem(&self) -> String {
        self.certificate.pem()
    }

    /// Signs a certificate for the server.
    pub(crate) fn for_server(&self) -> Issued {
        let names = vec![SERVER_NAME.to_owned()];
        self.sign(&CertificateParams::new(names).expect("is a name"))
    }

    pub(crate) fn sign(&self, parameters: &CertificateParams) -> Issued {
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = parameters.signed_by(&key, &self.issuer);
        Issued {
            certificate: certificate.expect("can be signed"),
            key,
        }
    }
}

impl Issued {
    pub(crate) fn certificate_pem(&self) -> String {
        self.certificate.pem()
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.der().clone()]
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).expect("is a key")
    }
}
