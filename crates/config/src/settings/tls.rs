//! The rows of `tls`.

use super::Setting;
use crate::range::Range;
use crate::value::SettingValue;
use crate::{CertificateIdentity, TlsVersion};
use std::path::PathBuf;

pub(super) const ROWS: &[Setting] = &[
    row!(
        "tls.certificate", tls.certificate: Option<PathBuf>, Range::Any,
        "A PEM file with the server's certificate and those between it and its authority; with it and `tls.key`, `listen` speaks TLS. Read again when it changes."
    ),
    row!(
        "tls.key", tls.key: Option<PathBuf>, Range::Any,
        "A PEM file with the private key of `tls.certificate`; read again when it changes."
    ),
    row!(
        "tls.minimum_version", tls.minimum_version: TlsVersion, Range::Any,
        "The oldest version of TLS that clients may speak."
    ),
    row!(
        "tls.client_certificates.ca", tls.client_certificates.ca: Option<PathBuf>, Range::Any,
        "A PEM file with the authorities that sign certificates of clients; with it, clients are asked for one. Read again when it changes."
    ),
    row!(
        "tls.client_certificates.required", tls.client_certificates.required: bool, Range::Any,
        "Refuses clients that show no certificate, and, where `tls.client_certificates.identities` are listed, those whose certificate is nobody's."
    ),
    row!(
        "tls.client_certificates.identities", tls.client_certificates.identities: Vec<CertificateIdentity>, Range::Any,
        "Whom certificates stand for, as docs/operations.md tells. In the environment, the same list as YAML on one line."
    ),
];
