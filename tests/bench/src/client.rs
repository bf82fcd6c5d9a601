//! A client of one registry: one connection at a time, opened on the first request and again after
//! an error. Follows redirects where it is asked to, also to another server.
//!
//! It shares the processors with the server that it measures, so it does as little as it can.

mod chunks;
mod head;
mod http1;
mod http2;
mod socket;

pub(crate) use head::Answer;
pub(crate) use http1::Http1;
pub(crate) use socket::Socket;

use anyhow::{Context, Result, bail, ensure};
use http2::Http2;
use rustls::ClientConfig;
use std::collections::HashMap;
use std::sync::Arc;

/// The name that the certificates of measured servers are for.
pub(crate) const SERVER_NAME: &str = "registry.test";

/// How many bytes a connection reads at once, unless there are very many of them.
pub(crate) const READ_BYTES: usize = 256 * 1024;

const MOST_REDIRECTS: usize = 5;

/// What is spoken on a connection.
#[derive(Clone)]
pub(crate) enum Protocol {
    /// HTTP/1.1 without TLS.
    Plain,
    /// HTTP/1.1 over TLS.
    Http1(Arc<ClientConfig>),
    /// HTTP/2 over TLS.
    Http2(Arc<ClientConfig>),
}

/// Where a server listens and what it speaks.
#[derive(Clone)]
pub(crate) struct Endpoint {
    /// Host and port.
    pub(crate) address: String,
    pub(crate) protocol: Protocol,
}

/// The bytes of a request: those before the first that another body has, too, and the rest.
#[derive(Clone, Copy, Default)]
pub(crate) struct Body<'a> {
    pub(crate) head: &'a [u8],
    pub(crate) tail: &'a [u8],
}

impl Body<'_> {
    pub(crate) const EMPTY: Self = Self {
        head: &[],
        tail: &[],
    };

    pub(crate) const fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }
}

/// What happens to the body of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    /// It is read and counted.
    Count,
    /// It is kept as well.
    Keep,
}

/// One request.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'static str,
    /// The path with its query.
    pub(crate) target: &'a str,
    /// Whole lines, each with its end.
    pub(crate) headers: &'a str,
    pub(crate) body: Body<'a>,
    pub(crate) take: Take,
}

impl<'a> Request<'a> {
    /// A request without a body, the answer of which is counted only.
    pub(crate) const fn new(method: &'static str, target: &'a str) -> Self {
        Self {
            method,
            target,
            headers: "",
            body: Body::EMPTY,
            take: Take::Count,
        }
    }

    pub(crate) const fn headers(self, headers: &'a str) -> Self {
        Self { headers, ..self }
    }

    pub(crate) const fn body(self, body: Body<'a>) -> Self {
        Self { body, ..self }
    }

    pub(crate) const fn kept(self) -> Self {
        Self {
            take: Take::Keep,
            ..self
        }
    }
}

enum Link {
    Closed,
    Http1(Box<Http1>),
    Http2(Box<Http2>),
}

/// A client with one connection to its registry.
pub(crate) struct Client {
    endpoint: Endpoint,
    authorization: Option<String>,
    read_bytes: usize,
    link: Link,
    /// Connections to servers that the registry sent us to.
    elsewhere: HashMap<String, Http1>,
}

impl Client {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            authorization: None,
            read_bytes: READ_BYTES,
            link: Link::Closed,
            elsewhere: HashMap::new(),
        }
    }

    /// Sends these credentials with every request to the registry itself.
    pub(crate) fn authorized(mut self, authorization: Option<String>) -> Self {
        self.authorization = authorization;
        self
    }

    /// Reads fewer bytes at once, for those that are many.
    pub(crate) fn reading(mut self, bytes: usize) -> Self {
        self.read_bytes = bytes;
        self
    }

    /// Opens the connection, if it is not open.
    pub(crate) async fn connect(&mut self) -> Result<()> {
        if !matches!(self.link, Link::Closed) {
            return Ok(());
        }
        let (endpoint, credentials) = (&self.endpoint, self.authorization.clone());
        self.link = if let Protocol::Http2(config) = &endpoint.protocol {
            let session = Http2::connect(&endpoint.address, config, credentials).await?;
            Link::Http2(Box::new(session))
        } else {
            let connection = Http1::connect(endpoint, credentials, self.read_bytes).await?;
            Link::Http1(Box::new(connection))
        };
        Ok(())
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&mut self, request: Request<'_>) -> Result<Answer> {
        self.connect().await?;
        let (answer, is_over) = match &mut self.link {
            Link::Closed => bail!("the connection is closed"),
            Link::Http1(connection) => match connection.exchange(request).await {
                Ok(answer) => {
                    let is_over = answer.closes;
                    (Ok(answer), is_over)
                }
                Err(error) => (Err(error), true),
            },
            Link::Http2(session) => {
                let answer = session.exchange(request).await;
                let is_over = answer.is_err();
                (answer, is_over)
            }
        };
        if is_over {
            self.link = Link::Closed;
        }
        answer.with_context(|| format!("{} {}", request.method, request.target))
    }

    /// Sends a request and goes where the answer says, if it is a redirect.
    pub(crate) async fn send_following(&mut self, request: Request<'_>) -> Result<Answer> {
        let mut answer = self.send(request).await?;
        let mut hops = 0;
        while matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
            hops += 1;
            ensure!(
                hops <= MOST_REDIRECTS,
                "more than {MOST_REDIRECTS} redirects"
            );
            let location = answer.location.take();
            let location = location.context("a redirect without a Location")?;
            answer = self.follow(request, &location).await?;
        }
        Ok(answer)
    }

    async fn follow(&mut self, request: Request<'_>, location: &str) -> Result<Answer> {
        let Some((address, target)) = split_url(location)? else {
            return self
                .send(Request {
                    target: location,
                    ..request
                })
                .await;
        };
        if address == self.endpoint.address {
            return self.send(Request { target, ..request }).await;
        }
        // Nobody's credentials go to another server.
        let mut connection = if let Some(open) = self.elsewhere.remove(address) {
            open
        } else {
            let endpoint = Endpoint {
                address: address.to_owned(),
                protocol: Protocol::Plain,
            };
            Http1::connect(&endpoint, None, self.read_bytes).await?
        };
        let answer = connection.exchange(Request { target, ..request }).await;
        let answer = answer.with_context(|| format!("{} {location}", request.method))?;
        if !answer.closes {
            self.elsewhere.insert(address.to_owned(), connection);
        }
        Ok(answer)
    }
}

/// Splits a URL into host with port and path with query; `None` for a path alone.
pub(crate) fn split_url(url: &str) -> Result<Option<(&str, &str)>> {
    if url.starts_with('/') {
        return Ok(None);
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        bail!("`{url}` is neither a path nor a URL");
    };
    let at = rest.find('/').unwrap_or(rest.len());
    let (address, path) = rest.split_at(at);
    ensure!(
        matches!(scheme, "http" | "https") && !address.is_empty(),
        "`{url}` is not a URL that can be followed"
    );
    Ok(Some((address, if path.is_empty() { "/" } else { path })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_path_or_leads_to_a_server() {
        assert_eq!(split_url("/v2/a?b=c").unwrap(), None);
        assert_eq!(
            split_url("http://127.0.0.1:9/bucket/key?signed").unwrap(),
            Some(("127.0.0.1:9", "/bucket/key?signed"))
        );
        assert_eq!(split_url("http://host:1").unwrap(), Some(("host:1", "/")));
        assert!(split_url("ftp://host/file").is_err());
        assert!(split_url("uploads/1").is_err());
    }
}
