//! `ExternalUrl`: the address that clients use when a proxy stands in front.

use crate::value::{SettingValue, Shown};
use std::fmt;

/// An `http` or `https` address of a host and, if need be, a port: no path, no user, no query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExternalUrl(String);

impl ExternalUrl {
    /// Returns the address without a slash at its end, such as `https://registry.example.com`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns host and, if it is written, port, such as `registry.example.com:8443`.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.0
            .split_once("://")
            .map_or("", |(_, authority)| authority)
    }

    /// Tells whether clients reach the registry by TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl fmt::Display for ExternalUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Without it the answers name no host at all, which is right without a proxy too.
impl SettingValue for Option<ExternalUrl> {
    const KIND: &'static str = "URL";

    fn parse(text: &str) -> Result<Self, String> {
        if text == "null" {
            return Ok(None);
        }
        let lower = text.trim().to_ascii_lowercase();
        let address = lower.strip_suffix('/').unwrap_or(&lower);
        let authority = address
            .strip_prefix("https://")
            .or(address.strip_prefix("http://"));
        let Some(authority) = authority else {
            return Err("is not a URL; write one like https://registry.example.com".to_owned());
        };
        if authority.contains(['/', '?', '#', '@']) {
            return Err(
                "must be scheme, host and port alone, without user, path or query".to_owned(),
            );
        }
        if !is_authority(authority) {
            return Err("does not name a host, or its port is none".to_owned());
        }
        Ok(Some(ExternalUrl(address.to_owned())))
    }

    fn shown(&self) -> Shown {
        self.as_ref()
            .map_or(Shown::Null, |url| Shown::Text(url.0.clone()))
    }
}

/// Tells whether the text is a host name, an IPv4 or a bracketed IPv6 address, with or without port.
fn is_authority(text: &str) -> bool {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let Some((address, after)) = rest.split_once(']') else {
            return false;
        };
        if address.parse::<std::net::Ipv6Addr>().is_err() {
            return false;
        }
        match after.strip_prefix(':') {
            Some(port) => ("v6", Some(port)),
            None if after.is_empty() => ("v6", None),
            None => return false,
        }
    } else if let Some((host, port)) = text.split_once(':') {
        (host, Some(port))
    } else {
        (text, None)
    };
    let is_host = !host.is_empty() && host.len() <= 253 && host.split('.').all(is_host_label);
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0));
    is_host && is_port
}

fn is_host_label(label: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !label.is_empty()
        && label.len() <= 63
        && label.bytes().all(is_inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_without_its_last_slash_and_in_lower_case() {
        let parsed = Option::<ExternalUrl>::parse("https://Registry.example.com:8443/");
        let url = parsed.expect("is an address").expect("is one");
        assert_eq!(url.as_str(), "https://registry.example.com:8443");
        assert_eq!(url.authority(), "registry.example.com:8443");
        assert!(url.is_https());
        assert!(Option::<ExternalUrl>::parse("http://[::1]:5000").is_ok());
    }

    #[test]
    fn what_is_more_or_less_than_an_address_is_refused() {
        for text in [
            "",
            "registry.example.com",
            "ftp://registry.example.com",
            "https://",
            "https://a/b",
            "https://user@host",
            "https://host?x",
            "https://host:0",
            "https://host:99999",
            "https://ho st",
            "https://-host",
            "https://[::1",
            "https://[::1]5000",
        ] {
            assert!(Option::<ExternalUrl>::parse(text).is_err(), "{text}");
        }
    }
}
