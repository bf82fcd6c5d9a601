//! The certificates that connections are secured with: read at the start, and again when the files
//! change. What cannot be used then is told of, and what was in use stays.

use anyhow::Context as _;
use roadstead_api::Tls;
use roadstead_config::{Config, ConfigErrors, TlsVersion};
use roadstead_registry::Background;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::signal::unix::{SignalKind, signal};

/// How often the files are looked at. They are small, and a replacement may keep times and lengths.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// No chain of certificates is larger than this; a wrong path may name anything.
const FILE_LIMIT_BYTES: u64 = 1024 * 1024;

/// Certificate and key in use, and where they come from.
pub(crate) struct Certificates {
    sources: Sources,
    files: Files,
    tls: Tls,
}

/// What the configuration says of them.
struct Sources {
    certificate: PathBuf,
    key: PathBuf,
    minimum_version: TlsVersion,
    authorities: Option<PathBuf>,
    requires_certificate: bool,
}

/// What the files hold.
#[derive(PartialEq, Eq)]
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
    authorities: Option<Vec<u8>>,
}

impl Certificates {
    /// Reads the files that the configuration names; `None` without TLS. What is wrong with them is a
    /// mistake of the configuration.
    pub(crate) async fn open(config: &Config) -> Result<Option<Self>, ConfigErrors> {
        let (Some(certificate), Some(key)) = (&config.tls.certificate, &config.tls.key) else {
            return Ok(None);
        };
        let clients = &config.tls.client_certificates;
        let sources = Sources {
            certificate: certificate.clone(),
            key: key.clone(),
            minimum_version: config.tls.minimum_version,
            authorities: clients.ca.clone(),
            requires_certificate: clients.required,
        };
        let files = sources.read().await.map_err(Problem::into_mistake)?;
        let server = sources.secure(&files).map_err(Problem::into_mistake)?;
        Ok(Some(Self {
            sources,
            files,
            tls: Tls::new(server),
        }))
    }

    /// Returns what connections are secured with, now and after a change.
    pub(crate) fn tls(&self) -> Tls {
        self.tls.clone()
    }

    /// Begins to look at the files now and then, and at once on SIGHUP, until the background ends.
    pub(crate) fn start_watching(self, background: &Background) -> anyhow::Result<()> {
        let mut hang_up = signal(SignalKind::hangup()).context("cannot watch for SIGHUP")?;
        let stop = background.stop();
        let mut watch = Watch {
            certificates: self,
            told: None,
        };
        background.spawn(async move {
            let mut due = tokio::time::interval(LOOK_EVERY);
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = due.tick() => {}
                    _ = hang_up.recv() => watch.told = None,
                }
                watch.look().await;
            }
        });
        Ok(())
    }
}

/// Looks at the files.
struct Watch {
    certificates: Certificates,
    /// What was wrong the last time, so that it is said once.
    told: Option<String>,
}

impl Watch {
    async fn look(&mut self) {
        match self.load().await {
            Ok(is_new) => {
                self.told = None;
                if is_new {
                    let path = self.certificates.sources.certificate.display();
                    tracing::info!("new connections get the certificate that {path} holds now");
                }
            }
            Err(problem) => {
                let problem = format!("{}: {}", problem.key, problem.message);
                if self.told.as_ref() != Some(&problem) {
                    tracing::warn!(
                        error = problem,
                        "failed to read the certificate again; the one in use stays"
                    );
                    self.told = Some(problem);
                }
            }
        }
    }

    /// Takes what the files hold; tells whether that is anything new.
    async fn load(&mut self) -> Result<bool, Problem> {
        let Certificates {
            sources,
            files,
            tls,
        } = &mut self.certificates;
        let found = sources.read().await?;
        if found == *files {
            return Ok(false);
        }
        tls.replace(sources.secure(&found)?);
        *files = found;
        Ok(true)
    }
}

/// What is wrong with a file, and the setting that names it.
struct Problem {
    key: &'static str,
    message: String,
}

impl Problem {
    fn new(key: &'static str, path: &Path, reason: impl std::fmt::Display) -> Self {
        let message = format!("`{}` {reason}", path.display());
        Self { key, message }
    }

    fn into_mistake(self) -> ConfigErrors {
        ConfigErrors::of(self.key, self.message)
    }
}

const CERTIFICATE: &str = "tls.certificate";
const KEY: &str = "tls.key";
const AUTHORITIES: &str = "tls.client_certificates.ca";

impl Sources {
    async fn read(&self) -> Result<Files, Problem> {
        Ok(Files {
            certificate: read(CERTIFICATE, &self.certificate).await?,
            key: read(KEY, &self.key).await?,
            authorities: match &self.authorities {
                Some(path) => Some(read(AUTHORITIES, path).await?),
                None => None,
            },
        })
    }

    /// Makes of the files what a server needs.
    fn secure(&self, files: &Files) -> Result<ServerConfig, Problem> {
        let chain = certificates(CERTIFICATE, &self.certificate, &files.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&files.key)
            .map_err(|error| Problem::new(KEY, &self.key, unreadable("private key", &error)))?;
        let versions: &[_] = match self.minimum_version {
            TlsVersion::V1_2 => &[&TLS13, &TLS12],
            TlsVersion::V1_3 => &[&TLS13],
        };
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .expect("ring has ciphers for both versions");
        let verifier = self.verifier(files)?;
        let asks_clients = verifier.is_some();
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| {
            let reason = format!("does not go with {}: {error}", self.certificate.display());
            Problem::new(KEY, &self.key, reason)
        })?;
        if asks_clients {
            // A resumed session is not verified again: it would outlive a certificate that ended.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(config)
    }

    /// Makes what verifies certificates of clients, if they are asked for one.
    fn verifier(&self, files: &Files) -> Result<Option<Arc<dyn ClientCertVerifier>>, Problem> {
        let (Some(path), Some(bytes)) = (&self.authorities, &files.authorities) else {
            return Ok(None);
        };
        let unusable = |error: &dyn std::fmt::Display| {
            let reason = format!("holds an authority that cannot be used: {error}");
            Problem::new(AUTHORITIES, path, reason)
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(AUTHORITIES, path, bytes)? {
            roots.add(certificate).map_err(|error| unusable(&error))?;
        }
        let provider = Arc::new(default_provider());
        let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        if !self.requires_certificate {
            builder = builder.allow_unauthenticated();
        }
        let verifier = builder.build().map_err(|error| unusable(&error))?;
        Ok(Some(verifier))
    }
}

/// Reads all certificates of a file.
fn certificates(
    setting: &'static str,
    path: &Path,
    bytes: &[u8],
) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let chain =
        chain.map_err(|error| Problem::new(setting, path, unreadable("certificate", &error)))?;
    if chain.is_empty() {
        let error = pem::Error::NoItemsFound;
        return Err(Problem::new(
            setting,
            path,
            unreadable("certificate", &error),
        ));
    }
    Ok(chain)
}

fn unreadable(what: &str, error: &pem::Error) -> String {
    match error {
        pem::Error::NoItemsFound => format!("holds no {what} in PEM"),
        error => format!("holds no {what} that can be read: {error}"),
    }
}

async fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, Problem> {
    let unreadable = |error| Problem::new(setting, path, format!("cannot be read: {error}"));
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let mut bytes = Vec::new();
    let mut limited = file.take(FILE_LIMIT_BYTES + 1);
    limited.read_to_end(&mut bytes).await.map_err(unreadable)?;
    if bytes.len() as u64 > FILE_LIMIT_BYTES {
        let reason = format!("has more than {FILE_LIMIT_BYTES} bytes");
        return Err(Problem::new(setting, path, reason));
    }
    Ok(bytes)
}
