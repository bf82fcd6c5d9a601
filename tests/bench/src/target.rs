//! A registry that is measured: where it is, who asks it, and which process it is.

use crate::client::{Client, Endpoint, Protocol, Request};
use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Who the clients are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credentials {
    Nobody,
    /// The header of Basic credentials, with every request.
    Basic(String),
    /// The same, for a token server alone, which is asked once a round by each worker.
    Token(String),
}

impl Credentials {
    pub(crate) fn basic(pair: &str) -> Self {
        Self::Basic(basic(pair))
    }

    pub(crate) fn token(pair: &str) -> Self {
        Self::Token(basic(pair))
    }
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

/// A registry under measurement.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// What is measured.
    pub(crate) endpoint: Endpoint,
    /// Where the content comes in that is then pulled.
    pub(crate) pushing: Endpoint,
    pub(crate) pid: Option<u32>,
    pub(crate) credentials: Credentials,
    /// What the names of all its repositories begin with.
    pub(crate) prefix: String,
    /// Where its store tells how many requests it had since it was asked last.
    pub(crate) store: Option<String>,
}

impl Target {
    /// A registry without TLS that lets everybody in.
    pub(crate) fn plain(name: &str, address: &str, pid: Option<u32>) -> Self {
        let endpoint = Endpoint {
            address: address.to_owned(),
            protocol: Protocol::Plain,
        };
        Self {
            name: name.to_owned(),
            pushing: endpoint.clone(),
            endpoint,
            pid,
            credentials: Credentials::Nobody,
            prefix: "bench/".to_owned(),
            store: None,
        }
    }

    /// Reads `NAME=HOST:PORT[,pid=N][,auth=USER:PASSWORD][,token=USER:PASSWORD][,prefix=NAMESPACE/]`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (name, rest) = text
            .split_once('=')
            .context("a peer is written NAME=HOST:PORT,pid=N")?;
        let mut parts = rest.split(',');
        let address = parts.next().unwrap_or_default();
        let port = address
            .rsplit_once(':')
            .map(|(_, port)| port.parse::<u16>());
        ensure!(
            !name.is_empty() && matches!(port, Some(Ok(_))),
            "a peer is written NAME=HOST:PORT,pid=N; `{text}` is not"
        );
        let mut target = Self::plain(name, address, None);
        for part in parts {
            match part.split_once('=') {
                Some(("pid", pid)) => {
                    let pid = pid.parse().ok();
                    target.pid = Some(pid.with_context(|| format!("`{part}`: not a number"))?);
                }
                Some(("auth", pair)) => target.credentials = Credentials::basic(pair),
                Some(("token", pair)) => target.credentials = Credentials::token(pair),
                Some(("prefix", prefix)) => prefix.clone_into(&mut target.prefix),
                _ => bail!("`{part}` of a peer is none of pid=, auth=, token=, prefix="),
            }
        }
        Ok(target)
    }

    /// A client of what is measured that may do everything in these repositories.
    pub(crate) async fn client(&self, repositories: &[&str]) -> Result<Client> {
        let authorization = self.authorization(repositories).await?;
        Ok(Client::new(self.endpoint.clone()).authorized(authorization))
    }

    /// A client that brings in what is pulled.
    pub(crate) async fn pusher(&self, repositories: &[&str]) -> Result<Client> {
        let authorization = self.authorization(repositories).await?;
        Ok(Client::new(self.pushing.clone()).authorized(authorization))
    }

    /// Asks the store how many requests it had since the last look.
    pub(crate) async fn store_requests(&self) -> Result<Option<u64>> {
        let Some(store) = &self.store else {
            return Ok(None);
        };
        let mut client = Client::new(Endpoint {
            address: store.clone(),
            protocol: Protocol::Plain,
        });
        let answer = client.send(Request::new("GET", "/counts").kept()).await?;
        let counts: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let total = counts.get("total").and_then(serde_json::Value::as_u64);
        Ok(Some(total.context("the store does not count")?))
    }

    async fn authorization(&self, repositories: &[&str]) -> Result<Option<String>> {
        let login = match &self.credentials {
            Credentials::Nobody => return Ok(None),
            Credentials::Basic(header) => return Ok(Some(header.clone())),
            Credentials::Token(login) => login,
        };
        let mut client = Client::new(self.pushing.clone());
        let refused = client.send(Request::new("GET", "/v2/")).await?;
        let challenge = refused
            .challenge
            .context("a token server was expected, but nobody asks for a token")?;
        let (realm, service) = read_challenge(&challenge)?;
        let path = crate::client::split_url(&realm)?.map_or(&*realm, |(_, path)| path);
        let mut path = format!("{path}?service={service}");
        for repository in repositories {
            for part in ["&scope=repository:", repository, ":pull,push"] {
                path += part;
            }
        }
        let mut client = Client::new(self.pushing.clone()).authorized(Some(login.clone()));
        let answer = client.send(Request::new("GET", &path).kept()).await?;
        ensure!(
            answer.status == 200,
            "the token server: status {}",
            answer.status
        );
        let body: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let token = body.get("token").and_then(|token| token.as_str());
        Ok(Some(format!(
            "Bearer {}",
            token.context("an answer without a token")?
        )))
    }
}

/// Reads realm and service out of a Bearer challenge.
fn read_challenge(challenge: &str) -> Result<(String, String)> {
    let parameters = challenge
        .strip_prefix("Bearer ")
        .with_context(|| format!("no Bearer challenge: {challenge}"))?;
    let value = |name: &str| -> Result<String> {
        let from = parameters
            .find(&format!("{name}=\""))
            .map(|at| at + name.len() + 2);
        let rest = from.and_then(|from| parameters.get(from..));
        let value = rest.and_then(|rest| rest.split_once('"'));
        let (value, _) = value.with_context(|| format!("no {name} in {challenge}"))?;
        Ok(value.to_owned())
    };
    Ok((value("realm")?, value("service")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_read_with_all_its_parts() {
        let peer = Target::parse("zot=127.0.0.1:5000,pid=12,auth=a:b,prefix=x/").unwrap();
        assert_eq!((peer.name.as_str(), peer.pid), ("zot", Some(12)));
        assert_eq!(peer.endpoint.address, "127.0.0.1:5000");
        assert_eq!(
            peer.credentials,
            Credentials::Basic("Basic YTpi".to_owned())
        );
        assert_eq!(peer.prefix, "x/");
    }

    #[test]
    fn a_peer_that_is_written_wrongly_is_refused() {
        for wrong in [
            "zot",
            "=h:1",
            "zot=host",
            "zot=h:p",
            "zot=h:1,pid=x",
            "zot=h:1,pin=2",
        ] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_challenge_tells_where_tokens_are() {
        let challenge = "Bearer realm=\"http://h:1/token\",service=\"h:1\",scope=\"x\"";
        let read = read_challenge(challenge).unwrap();
        assert_eq!(read, ("http://h:1/token".to_owned(), "h:1".to_owned()));
        assert!(read_challenge("Basic realm=\"x\"").is_err());
        assert!(read_challenge("Bearer realm=\"x\"").is_err());
    }
}
