//! Which pulls are sent to the storage: by client and by size.

use ipnet::IpNet;
use std::net::IpAddr;
use std::time::Duration;

/// Which pulls are sent to the storage.
#[derive(Clone, Debug, Default)]
pub enum RedirectPolicy {
    /// None.
    #[default]
    Never,
    /// Those that the rules allow, where the store has addresses.
    By(RedirectRules),
}

/// What a pull must be to be sent to the storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectRules {
    /// The smallest blob, in bytes.
    pub least_bytes: u64,
    /// Where its client must be.
    pub networks: Vec<IpNet>,
    /// Where its client must not be.
    pub except: Vec<IpNet>,
    /// How long the address may be used. The store may have a limit: a week at S3.
    pub lifetime: Duration,
}

impl RedirectRules {
    pub(super) fn allow(&self, client: IpAddr, blob_bytes: u64) -> bool {
        let is_in = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&client));
        blob_bytes >= self.least_bytes && is_in(&self.networks) && !is_in(&self.except)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn rules(among: &[&str], except: &[&str]) -> RedirectRules {
        RedirectRules {
            least_bytes: 1000,
            networks: networks(among),
            except: networks(except),
            lifetime: Duration::from_mins(10),
        }
    }

    #[test]
    fn a_client_is_sent_away_from_where_the_rules_say() {
        let rules = rules(&["10.0.0.0/8", "2001:db8::/32"], &["10.9.0.0/16"]);
        for (client, is_allowed) in [
            ("10.1.2.3", true),
            ("10.9.2.3", false),
            ("11.0.0.1", false),
            ("2001:db8::1", true),
            ("2001:db9::1", false),
            ("::1", false),
        ] {
            let client: IpAddr = client.parse().unwrap();
            assert_eq!(rules.allow(client, 1000), is_allowed, "{client}");
        }
    }

    #[test]
    fn a_blob_below_the_least_size_stays() {
        let rules = rules(&["0.0.0.0/0"], &[]);
        let client = IpAddr::from([127, 0, 0, 1]);
        assert!(!rules.allow(client, 999));
        assert!(rules.allow(client, 1000));
    }

    #[test]
    fn without_a_network_nobody_is_sent_away() {
        assert!(!rules(&[], &[]).allow(IpAddr::from([127, 0, 0, 1]), 5000));
    }
}
