//! A server at an address: by TLS, or by plain HTTP on this machine.

use super::{Answered, exchange};
use anyhow::{Context, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::Uri;
use hyper::header::{AUTHORIZATION, HeaderValue};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a connection may take to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// Where a server is, and how it is known.
#[derive(Debug)]
pub(crate) struct RemoteOptions {
    /// Scheme, host and port.
    pub(crate) server: String,
    /// A file of certificates to trust in place of those of the system.
    pub(crate) ca_file: Option<PathBuf>,
    /// Whether plain HTTP to another machine is meant.
    pub(crate) is_plain_http_allowed: bool,
    /// Who asks.
    pub(crate) login: Login,
}

/// A name and what proves it. `Debug` hides the latter.
pub(crate) struct Login {
    pub(crate) name: String,
    pub(crate) password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Login({:?})", self.name)
    }
}

/// A server at an address.
pub(super) struct Remote {
    host: String,
    port: u16,
    authority: String,
    authorization: HeaderValue,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Remote {
    pub(super) fn new(options: &RemoteOptions) -> anyhow::Result<Self> {
        let address = Address::parse(&options.server)?;
        if !address.is_https && !address.is_loopback() && !options.is_plain_http_allowed {
            bail!(
                "{} is plain HTTP to another machine, where anybody in between reads the password; \
                 use https://, or say --allow-plain-http",
                options.server
            );
        }
        let tls = if address.is_https {
            let name = ServerName::try_from(address.host.clone())
                .with_context(|| format!("{} has no certificate", address.host))?;
            let config = client_config(options.ca_file.as_deref())?;
            Some((TlsConnector::from(Arc::new(config)), name))
        } else {
            None
        };
        let Login { name, password } = &options.login;
        let basic = STANDARD.encode(format!("{name}:{password}"));
        let mut authorization = HeaderValue::try_from(format!("Basic {basic}"))
            .context("the password cannot be sent")?;
        authorization.set_sensitive(true);
        Ok(Self {
            host: address.host,
            port: address.port,
            authority: address.authority,
            authorization,
            tls,
        })
    }

    pub(super) async fn exchange(
        &self,
        method: &str,
        path: &str,
        body: Bytes,
    ) -> anyhow::Result<Answered> {
        let mut request = exchange::request(method, path, &self.authority, body)?;
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        let connecting = TcpStream::connect((&*self.host, self.port));
        let stream = within(connecting, &self.authority).await?;
        match &self.tls {
            None => exchange::exchange(stream, request).await,
            Some((connector, name)) => {
                let shaking = connector.connect(name.clone(), stream);
                let stream = within(shaking, &self.authority).await?;
                exchange::exchange(stream, request).await
            }
        }
    }
}

async fn within<T>(
    connecting: impl Future<Output = std::io::Result<T>>,
    authority: &str,
) -> anyhow::Result<T> {
    let connected = tokio::time::timeout(CONNECT_WITHIN, connecting).await;
    connected
        .map_err(|_| anyhow!("it does not answer"))
        .and_then(|connected| Ok(connected?))
        .with_context(|| format!("cannot connect to {authority}"))
}

/// A server's address, taken apart.
struct Address {
    is_https: bool,
    host: String,
    port: u16,
    authority: String,
}

impl Address {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let wrong =
            || format!("{text:?} is no server; write one like https://registry.example.com");
        let uri: Uri = text.trim().parse().with_context(wrong)?;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => bail!(wrong()),
        };
        let authority = uri.authority().with_context(wrong)?;
        if authority.as_str().contains('@') {
            bail!("no password stands in the address of a server; use --login");
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            bail!(wrong());
        }
        let host = authority.host();
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        if host.is_empty() {
            bail!(wrong());
        }
        let default_port = if is_https { 443 } else { 80 };
        Ok(Self {
            is_https,
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(default_port),
            authority: authority.to_string(),
        })
    }

    fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        address.map_or(self.host == "localhost", |address| address.is_loopback())
    }
}

fn client_config(ca_file: Option<&Path>) -> anyhow::Result<ClientConfig> {
    let mut trusted = RootCertStore::empty();
    if let Some(path) = ca_file {
        let cannot = || format!("cannot read certificates from {}", path.display());
        let certificates = CertificateDer::pem_file_iter(path).with_context(cannot)?;
        for certificate in certificates {
            trusted
                .add(certificate.with_context(cannot)?)
                .with_context(cannot)?;
        }
        if trusted.is_empty() {
            bail!("there is no certificate in {}", path.display());
        }
    } else {
        let found = rustls_native_certs::load_native_certs();
        trusted.add_parsable_certificates(found.certs);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("cannot speak TLS")?
        .with_root_certificates(trusted)
        .with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(server: &str) -> RemoteOptions {
        RemoteOptions {
            server: server.to_owned(),
            ca_file: None,
            is_plain_http_allowed: false,
            login: Login {
                name: "root".to_owned(),
                password: "hunter2".to_owned(),
            },
        }
    }

    #[test]
    fn plain_http_leaves_this_machine_only_when_it_is_said() {
        for server in [
            "http://127.0.0.1:5000",
            "http://localhost",
            "http://[::1]:80",
        ] {
            assert!(Remote::new(&options(server)).is_ok(), "{server}");
        }
        for server in [
            "http://192.0.2.1",
            "http://localhost.example.com",
            "http://127.0.0.1.x",
        ] {
            assert!(Remote::new(&options(server)).is_err(), "{server}");
        }
        let said = RemoteOptions {
            is_plain_http_allowed: true,
            ..options("http://192.0.2.1")
        };
        assert!(Remote::new(&said).is_ok());
        assert!(Remote::new(&options("https://registry.example.com")).is_ok());
    }

    #[test]
    fn only_scheme_host_and_port_are_an_address() {
        let address = Address::parse("https://[2001:db8::1]/").expect("is an address");
        assert_eq!((&*address.host, address.port), ("2001:db8::1", 443));
        for text in [
            "",
            "registry.example.com",
            "ftp://a",
            "https://",
            "https://a/b",
            "https://a?b=c",
            "https://user:secret@a",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_password_is_shown() {
        let shown = format!("{:?}", options("https://a"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
