//! TLS on the registry's listener: the section `tls`.

use crate::value::{SettingValue, Shown};
use std::path::PathBuf;

/// TLS on the registry's listener; without a certificate there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The chain of certificates, the server's own first, as PEM.
    pub certificate: Option<PathBuf>,
    /// The private key of the first, as PEM.
    pub key: Option<PathBuf>,
    /// The oldest version that clients may speak.
    pub minimum_version: TlsVersion,
    /// The certificates that clients may or must show.
    pub client_certificates: ClientCertificates,
}

/// The certificates that clients may or must show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientCertificates {
    /// The authorities that sign them, as PEM; without it nobody is asked for one.
    pub ca: Option<PathBuf>,
    /// Whether a client without one is refused.
    pub required: bool,
    /// Whom they stand for; the first that fits counts.
    pub identities: Vec<CertificateIdentity>,
}

/// Whom certificates with some name stand for. What the texts may be is the business of who decides
/// by them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateIdentity {
    /// The kind of name.
    pub name: CertificateName,
    /// What the name must look like.
    pub pattern: String,
    /// Who it is.
    pub subject: String,
}

impl CertificateIdentity {
    /// Returns the keys and texts, as YAML has them.
    pub(crate) fn members(&self) -> [(&'static str, &str); 2] {
        [(self.name.key(), &self.pattern), ("subject", &self.subject)]
    }
}

/// The kinds of names in a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateName {
    /// A host, of the alternative names.
    Dns,
    /// A URI, of the alternative names.
    Uri,
    /// An address of electronic mail, of the alternative names.
    Email,
    /// The common name of the subject.
    CommonName,
}

impl CertificateName {
    const ALL: [Self; 4] = [Self::Dns, Self::Uri, Self::Email, Self::CommonName];

    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Uri => "uri",
            Self::Email => "email",
            Self::CommonName => "common_name",
        }
    }

    pub(crate) fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.key() == key)
    }
}

impl Tls {
    /// Tells whether clients speak TLS with the registry itself.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.certificate.is_some() && self.key.is_some()
    }
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2, which all clients of the last ten years speak.
    #[default]
    V1_2,
    /// TLS 1.3.
    V1_3,
}

impl SettingValue for TlsVersion {
    const KIND: &'static str = "`1.2` or `1.3`";

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "1.2" => Ok(Self::V1_2),
            "1.3" => Ok(Self::V1_3),
            _ => Err("is no version of TLS that is spoken here; write 1.2 or 1.3".to_owned()),
        }
    }

    fn shown(&self) -> Shown {
        let text = match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        };
        Shown::Text(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_nobody_should_speak_are_refused() {
        for text in ["1.0", "1.1", "SSLv3", "2", ""] {
            assert!(TlsVersion::parse(text).is_err(), "{text}");
        }
        assert_eq!(TlsVersion::parse("1.3"), Ok(TlsVersion::V1_3));
    }
}
