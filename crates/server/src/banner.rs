//! What the server says once it serves: where it is, where the data is, what to try.

use crate::telemetry::Form;
use roadstead_config::Storage;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What there is to say.
#[derive(Debug)]
pub(crate) struct Banner<'a> {
    /// Where the registry listens.
    pub(crate) listen: SocketAddr,
    /// Where operators find metrics and health.
    pub(crate) admin: Option<SocketAddr>,
    /// Where the data is.
    pub(crate) storage: &'a Storage,
    /// Whether everybody may do everything.
    pub(crate) is_open: bool,
    /// Whether clients speak TLS with the registry itself.
    pub(crate) is_secure: bool,
}

impl Banner<'_> {
    /// Says it: to people on the standard output, to programs as a log line.
    pub(crate) fn show(&self, form: Form) {
        match form {
            Form::Human => {
                // A closed standard output is no reason not to serve.
                let _ = std::io::stdout().lock().write_all(self.text().as_bytes());
            }
            Form::Json => tracing::info!(
                version = env!("CARGO_PKG_VERSION"),
                listen = %self.listen,
                admin = self.admin.map(tracing::field::display),
                data = self.data(),
                open = self.is_open,
                tls = self.is_secure,
                "serving"
            ),
        }
    }

    fn text(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let host = reachable(self.listen);
        let data = self.data();
        let admin = self.admin.map_or_else(String::new, |admin| {
            format!("Metrics and health are on http://{}.\n", reachable(admin))
        });
        let access = if self.is_open {
            "It is open: everybody who reaches it may pull, push and delete. See `access` in \
             docs/configuration.md.\n"
        } else {
            ""
        };
        let scheme = if self.is_secure { "https" } else { "http" };
        let unverified = if self.is_secure {
            ""
        } else {
            " --dest-tls-verify=false"
        };
        format!(
            "\
Roadstead {version} listens on {scheme}://{host} and keeps its data in {data}.
{access}{admin}Try it:
  docker pull alpine && docker tag alpine {host}/alpine && docker push {host}/alpine
  skopeo copy{unverified} docker://docker.io/library/alpine docker://{host}/alpine
  curl {scheme}://{host}/v2/_catalog
Ctrl-C stops it.
"
        )
    }

    fn data(&self) -> String {
        match self.storage {
            Storage::Local(local) => {
                // The full path tells more; without it the one that was given does.
                let full = std::fs::canonicalize(&local.path);
                full.as_deref().unwrap_or(&local.path).display().to_string()
            }
            Storage::S3(s3) if s3.prefix.is_empty() => format!("the bucket {}", s3.bucket),
            Storage::S3(s3) => format!("the bucket {} under {}", s3.bucket, s3.prefix),
            Storage::Azure(azure) if azure.prefix.is_empty() => {
                format!("the container {}", azure.container)
            }
            Storage::Azure(azure) => {
                format!("the container {} under {}", azure.container, azure.prefix)
            }
            Storage::Memory => "memory, until it stops".to_owned(),
        }
    }
}

/// Returns an address that this machine can connect to: nobody connects to `0.0.0.0`.
pub(crate) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_where_it_listens_and_where_the_data_is() {
        let banner = Banner {
            listen: SocketAddr::from(([0, 0, 0, 0], 5000)),
            admin: None,
            storage: &Storage::Memory,
            is_open: true,
            is_secure: false,
        };
        let text = banner.text();
        let first = text.lines().next().expect("has lines");
        assert!(
            first.contains("listens on http://127.0.0.1:5000"),
            "{first}"
        );
        assert!(first.contains("keeps its data in memory"), "{first}");
        assert!(text.contains("It is open: everybody"), "{text}");
        assert!(text.contains("docker push 127.0.0.1:5000/alpine"), "{text}");
    }
}
