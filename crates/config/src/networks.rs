//! `Networks`: a set of networks, each written as an address and the length of its prefix.

use crate::value::{List, SettingValue, Shown};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A set of networks, in the order they are written. A single address is a network of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Returns all addresses of both families.
    #[must_use]
    pub fn everywhere() -> Self {
        let four = Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0);
        let six = Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0);
        Self(vec![four.into(), six.into()])
    }

    /// Returns the networks.
    #[must_use]
    pub fn as_slice(&self) -> &[IpNet] {
        &self.0
    }
}

impl SettingValue for Networks {
    const KIND: &'static str = "networks";
    const TEXT_ONLY: bool = true;
    const LIST: List = List::Texts;

    fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        text.split(',')
            .map(network)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn shown(&self) -> Shown {
        let written: Vec<String> = self.0.iter().map(IpNet::to_string).collect();
        Shown::Text(written.join(", "))
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.into());
    }
    let network: IpNet = text.parse().map_err(|_| {
        "is no list of networks; write them like 10.0.0.0/8, 2001:db8::/32".to_owned()
    })?;
    // Bits that count for nothing are more often a slip in the length than meant.
    let whole = network.trunc();
    if whole == network {
        Ok(network)
    } else {
        Err(format!(
            "has an address inside a network, {network}; write {whole} for all of it, or {} for \
             this one",
            network.addr()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_shown_as_what_reads_back_as_themselves() {
        for (text, shown) in [
            ("", ""),
            ("10.0.0.0/8", "10.0.0.0/8"),
            (" 10.0.0.7,2001:db8::/32 ", "10.0.0.7/32, 2001:db8::/32"),
            ("::1", "::1/128"),
        ] {
            let networks = Networks::parse(text).expect(text);
            assert_eq!(networks.shown().text(), shown);
            assert_eq!(Networks::parse(shown), Ok(networks));
        }
        let everywhere = Networks::everywhere();
        assert_eq!(everywhere.shown().text(), "0.0.0.0/0, ::/0");
    }

    #[test]
    fn what_is_no_network_is_refused_with_advice() {
        for (text, part) in [
            ("10.0.0.0/33", "write them like"),
            ("10.0.0.0/8,", "write them like"),
            ("example.com", "write them like"),
            ("10.0.0.0/8 11.0.0.0/8", "write them like"),
            (
                "10.1.0.0/8",
                "write 10.0.0.0/8 for all of it, or 10.1.0.0 for this one",
            ),
        ] {
            let message = Networks::parse(text).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
