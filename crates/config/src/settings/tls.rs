//! The rows of `tls`.

use super::Setting;
use crate::TlsVersion;
use crate::range::Range;
use crate::value::SettingValue;
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
];
