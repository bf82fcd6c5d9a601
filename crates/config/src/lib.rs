//! Configuration: a YAML file, the environment and the command line become one valid [`Config`].
//!
//! [`Config`] is plain data and knows neither drivers nor sockets. Every setting is one row of
//! [`settings`]: its key, its type, its range, its meaning; the file's keys, the environment's
//! names, the effective configuration and the table in `docs/configuration.md` all come from there.
//! This is the only crate that reads the environment.

mod apply;
mod config;
mod effective;
mod environment;
mod error;
mod external_url;
mod identities;
mod load;
mod logging;
mod nearest;
mod networks;
mod options;
mod period;
mod range;
mod rules;
mod secret;
mod settings;
mod size;
mod substitute;
mod validate;
mod value;

pub use config::{
    Access, AccessRule, Admin, Audit, AuditTarget, AzureStorage, CertificateIdentity,
    CertificateName, ClientCertificates, Collector, Config, Limits, LocalStorage, Log, Manifests,
    Openness, Redirect, S3Encryption, S3Storage, Scrub, Storage, Timeouts, Tls, TlsVersion,
    Workers,
};
pub use environment::{CLIENT_VARIABLES, CONFIG_FILE_VARIABLE, Environment, VARIABLE_PREFIX};
pub use error::{ConfigError, ConfigErrors, Origin, Problem};
pub use external_url::ExternalUrl;
pub use logging::{LogFilter, LogFormat};
pub use networks::Networks;
pub use options::{LoadOptions, Loaded, Override};
pub use period::Period;
pub use range::Range;
pub use secret::SecretReference;
pub use settings::{Setting, settings};
pub use size::ByteSize;
