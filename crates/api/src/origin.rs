//! Where a request comes from and what its sender called us, when proxies stand between: what they
//! say is believed as far as they are known, and nobody else.
//!
//! Each proxy adds its own peer at the end of `X-Forwarded-For` or `Forwarded`. So the lists are read
//! from their end, for as long as whoever wrote an entry is a proxy of ours; what stands before it may
//! be made up by the client.

mod forwarded;

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};
use actix_web::http::uri::Authority;
use forwarded::Hop;
use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// The networks of the proxies in front. Clones share the list; the default is none.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Trusts these networks alone.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into())
    }

    /// Tells whether an address is a proxy's. One of IPv4 in the clothes of IPv6 is one of IPv4, as
    /// whoever writes networks means it.
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns where a request comes from.
    pub(crate) fn origin(&self, request: &HttpRequest) -> Origin {
        let peer = request.peer_addr();
        match peer {
            Some(address) if self.contain(address.ip()) => {
                Told::read(address.ip(), request.headers(), self).origin(peer)
            }
            _ => Origin::direct(peer),
        }
    }
}

/// Where a request comes from, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    peer: Option<SocketAddr>,
    address: IpAddr,
    is_known: bool,
    scheme: Option<&'static str>,
    host: Option<String>,
}

impl Origin {
    fn direct(peer: Option<SocketAddr>) -> Self {
        let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self {
            peer,
            address: peer.map_or(unspecified, |peer| peer.ip().to_canonical()),
            is_known: peer.is_some(),
            scheme: None,
            host: None,
        }
    }

    /// Returns whom limits count for: the client, or the last proxy that could tell it from others.
    pub(crate) const fn address(&self) -> IpAddr {
        self.address
    }

    /// Returns the client's address, if it is one that a network can be told from.
    pub(crate) const fn client(&self) -> Option<IpAddr> {
        if self.is_known {
            Some(self.address)
        } else {
            None
        }
    }

    /// Returns the scheme that the client used, `http` or `https`, if a proxy says so.
    pub(crate) const fn scheme(&self) -> Option<&'static str> {
        self.scheme
    }

    /// Returns the host that the client named, with its port: to a proxy, or else to us.
    pub(crate) fn host<'a>(&'a self, request: &'a HttpRequest) -> Option<&'a str> {
        self.host.as_deref().or_else(|| named_host(request))
    }
}

impl fmt::Display for Origin {
    /// Writes the address, with the port if nobody stands between.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.peer {
            Some(peer) if peer.ip().to_canonical() == self.address => peer.fmt(formatter),
            _ => self.address.fmt(formatter),
        }
    }
}

/// Returns the host that the request itself names, if it is one: it comes back in headers.
fn named_host(request: &HttpRequest) -> Option<&str> {
    let named = request.headers().get(header::HOST);
    let named = named.and_then(|value| value.to_str().ok());
    named
        .or_else(|| request.uri().authority().map(Authority::as_str))
        .filter(|host| is_host(host))
}

fn is_host(text: &str) -> bool {
    let is_plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
    };
    !text.is_empty() && text.bytes().all(is_plain)
}

/// What proxies tell, in the order from the nearest to the furthest that is known.
struct Told {
    address: IpAddr,
    is_known: bool,
    scheme: Option<&'static str>,
    host: Option<String>,
}

impl Told {
    fn read(peer: IpAddr, headers: &HeaderMap, proxies: &TrustedProxies) -> Self {
        let listed = forwarded::listed(headers);
        let elements = forwarded::elements(headers);
        match (listed.is_empty(), elements.is_empty()) {
            (_, true) => Self::follow(peer, &listed, proxies),
            (true, false) => Self::follow(peer, &elements, proxies),
            (false, false) => {
                let one = Self::follow(peer, &listed, proxies);
                let other = Self::follow(peer, &elements, proxies);
                one.agreed(&other, peer)
            }
        }
    }

    /// Goes from proxy to proxy until somebody is none of ours, or one names no address.
    fn follow(peer: IpAddr, hops: &[Hop<'_>], proxies: &TrustedProxies) -> Self {
        let mut told = Self {
            address: peer.to_canonical(),
            is_known: true,
            scheme: None,
            host: None,
        };
        for hop in hops {
            if !proxies.contain(told.address) {
                break;
            }
            told.scheme = hop.scheme();
            told.host = hop.host.filter(|host| is_host(host)).map(str::to_owned);
            let Some(address) = hop.address() else {
                told.is_known = false;
                break;
            };
            told.address = address.to_canonical();
        }
        told
    }

    /// Takes what both headers say: proxies write one of them and pass the other on as it came, and
    /// which is not known here.
    fn agreed(self, other: &Self, peer: IpAddr) -> Self {
        let is_same = self.is_known && other.is_known && self.address == other.address;
        Self {
            address: if is_same {
                self.address
            } else {
                peer.to_canonical()
            },
            is_known: is_same,
            scheme: agreed(self.scheme, other.scheme),
            host: agreed(self.host, other.host.clone()),
        }
    }

    fn origin(self, peer: Option<SocketAddr>) -> Origin {
        Origin {
            peer,
            address: self.address,
            is_known: self.is_known,
            scheme: self.scheme,
            host: self.host,
        }
    }
}

fn agreed<T: PartialEq>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => (one == other).then_some(one),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
