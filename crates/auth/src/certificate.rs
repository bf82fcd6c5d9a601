//! Client certificates: the names in one that was verified, and whom they stand for.
//!
//! Whether an authority signed it and whether it is still valid is decided in the handshake.

mod pattern;
mod rules;

pub use pattern::NamePatternError;
pub use rules::{CertificateRule, CertificateRuleError, CertificateRules, Claim, NameKind};

use x509_cert::Certificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::Decode as _;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::{DirectoryString, GeneralName};

/// `commonName` (RFC 4519, section 2.3).
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
/// The most names that are taken from one certificate.
const MAX_NAMES: usize = 100;

/// Why a certificate has no names to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("certificate cannot be read")]
pub struct CertificateError(#[source] x509_cert::der::Error);

/// The names in a certificate, in its order. The address of a machine is none: it says where, not who.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CertificateNames(Vec<(NameKind, String)>);

impl CertificateNames {
    /// Reads a certificate in DER that was verified before.
    pub fn read(der: &[u8]) -> Result<Self, CertificateError> {
        let certificate = Certificate::from_der(der).map_err(CertificateError)?;
        let certificate = certificate.tbs_certificate();
        let mut names = Vec::new();
        let alternatives = certificate
            .get_extension::<SubjectAltName>()
            .map_err(CertificateError)?;
        let alternatives = alternatives.map(|(_, names)| names.0);
        names.extend(
            alternatives
                .unwrap_or_default()
                .iter()
                .filter_map(alternative),
        );
        names.extend(certificate.subject().iter().filter_map(common_name));
        names.truncate(MAX_NAMES);
        Ok(Self(names))
    }

    /// Returns the names of one kind.
    fn of(&self, kind: NameKind) -> impl Iterator<Item = &str> {
        let names = self.0.iter().filter(move |(other, _)| *other == kind);
        names.map(|(_, name)| name.as_str())
    }
}

fn alternative(name: &GeneralName) -> Option<(NameKind, String)> {
    match name {
        // Names of hosts are the same in any case (RFC 4343).
        GeneralName::DnsName(name) => Some((NameKind::Dns, name.as_str().to_ascii_lowercase())),
        GeneralName::UniformResourceIdentifier(name) => {
            Some((NameKind::Uri, name.as_str().to_owned()))
        }
        GeneralName::Rfc822Name(name) => Some((NameKind::Email, name.as_str().to_owned())),
        _ => None,
    }
}

fn common_name(attribute: &AttributeTypeAndValue) -> Option<(NameKind, String)> {
    if attribute.oid != COMMON_NAME {
        return None;
    }
    let text = DirectoryString::try_from(&attribute.value).ok()?;
    Some((NameKind::CommonName, text.value().into_owned()))
}

#[cfg(test)]
mod tests;
