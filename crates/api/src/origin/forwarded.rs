//! The headers that proxies write: `X-Forwarded-For`, `-Proto` and `-Host`, and `Forwarded` (RFC
//! 7239). Read from the nearest proxy to the furthest; whom to believe is not decided here.

use actix_web::http::header::{self, HeaderMap, HeaderName};
use std::net::{IpAddr, SocketAddr};

/// What one proxy says of its peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hop<'a> {
    /// Where the peer is.
    pub(super) node: Option<&'a str>,
    /// By what the peer came.
    pub(super) proto: Option<&'a str>,
    /// What the peer asked for.
    pub(super) host: Option<&'a str>,
}

impl Hop<'_> {
    /// Returns the peer's address; some proxies write the port, too.
    pub(super) fn address(&self) -> Option<IpAddr> {
        let node = self.node?;
        if let Ok(address) = node.parse() {
            return Some(address);
        }
        if let Ok(socket) = node.parse::<SocketAddr>() {
            return Some(socket.ip());
        }
        // RFC 7239 writes IPv6 in brackets, with a port or without.
        let inner = node.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse().ok().filter(IpAddr::is_ipv6)
    }

    /// Returns `http` or `https`; nothing else leads to a registry.
    pub(super) fn scheme(&self) -> Option<&'static str> {
        let proto = self.proto?;
        ["http", "https"]
            .into_iter()
            .find(|known| proto.eq_ignore_ascii_case(known))
    }
}

/// Returns the hops of the `X-Forwarded-` headers, the nearest first.
pub(super) fn listed(headers: &HeaderMap) -> Vec<Hop<'_>> {
    let nodes = values(headers, &header::X_FORWARDED_FOR);
    let protos = values(headers, &header::X_FORWARDED_PROTO);
    let hosts = values(headers, &header::X_FORWARDED_HOST);
    let mut hops: Vec<Hop<'_>> = Vec::with_capacity(nodes.len());
    for index in 0..nodes.len().max(protos.len().min(1)).max(hosts.len().min(1)) {
        hops.push(Hop {
            node: nodes.get(index).copied(),
            proto: at(&protos, index, nodes.len()),
            host: at(&hosts, index, nodes.len()),
        });
    }
    hops
}

/// Returns the value for a hop: its own where each proxy added one, else that of the nearest proxy,
/// which has replaced what came.
fn at<'a>(values: &[&'a str], index: usize, hops: usize) -> Option<&'a str> {
    let index = if values.len() == hops { index } else { 0 };
    values.get(index).copied()
}

/// Returns all values of a header of lists, the last first.
fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let lines: Vec<&str> = headers
        .get_all(name)
        .map(|line| line.to_str().unwrap_or("not text"))
        .collect();
    let values = lines.into_iter().rev();
    values
        .flat_map(|line| line.rsplit(',').map(str::trim))
        .collect()
}

/// Returns the hops of `Forwarded`, the nearest first. What cannot be read is a hop that says nothing,
/// behind which nothing is read.
pub(super) fn elements(headers: &HeaderMap) -> Vec<Hop<'_>> {
    let lines: Vec<_> = headers.get_all(header::FORWARDED).collect();
    let mut hops = Vec::new();
    for line in lines.into_iter().rev() {
        let line = line.to_str().unwrap_or("\"");
        let Some(elements) = split(line, ',') else {
            hops.push(Hop::default());
            break;
        };
        for element in elements.into_iter().rev() {
            hops.push(element_of(element).unwrap_or_default());
        }
    }
    hops
}

/// Reads `for=192.0.2.7;proto=https`. A name that is there twice makes it unreadable.
fn element_of(text: &str) -> Option<Hop<'_>> {
    let mut hop = Hop::default();
    for pair in split(text, ';')? {
        let (name, value) = pair.trim().split_once('=')?;
        let slot = match name.to_ascii_lowercase().as_str() {
            "for" => &mut hop.node,
            "proto" => &mut hop.proto,
            "host" => &mut hop.host,
            _ => continue,
        };
        if slot.replace(unquoted(value)?).is_some() {
            return None;
        }
    }
    Some(hop)
}

/// Takes the quotes off. Nothing that is read here needs an escape.
fn unquoted(value: &str) -> Option<&str> {
    let inner = match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?,
        None => value,
    };
    let is_plain = !inner.is_empty() && !inner.contains(['"', '\\', ' ', '\t']);
    is_plain.then_some(inner)
}

/// Splits where no quotes are open; `None` when they never close, or hold an escape.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let mut is_quoted = false;
    let mut parts = Vec::new();
    let mut start = 0;
    for (index, character) in text.char_indices() {
        match character {
            '\\' => return None,
            '"' => is_quoted = !is_quoted,
            _ if character == separator && !is_quoted => {
                parts.push(&text[start..index]);
                start = index + character.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!is_quoted).then_some(parts)
}
