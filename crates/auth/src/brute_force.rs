//! Guessing is slowed: per account and network together, per network, and per account.
//!
//! | what failed | failures that are free | then |
//! |---|---|---|
//! | one account from one network | 5 | 1 s, doubled each time, up to a minute |
//! | any accounts from one network | 100 | the same |
//! | one account from any networks | 50 | the same |
//!
//! A network is a /24 of IPv4 or a /64 of IPv6. The last two rows leave those alone who were right
//! before, from that network for that account, so that nobody can be locked out by failing in their
//! name or in their neighbourhood. An attempt counts as a failure when it begins and is taken back
//! when it is right, so that attempts at once are no way around. Failures are forgotten 15 minutes
//! after the last. What is remembered is bounded; what is used least is forgotten first.

use moka::sync::Cache;
use roadstead_storage::Clock;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const FREE_OF_PAIR: u32 = 5;
const FREE_OF_NETWORK: u32 = 100;
const FREE_OF_ACCOUNT: u32 = 50;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
const FORGET_AFTER: Duration = Duration::from_mins(15);
const TRUST_FOR: Duration = Duration::from_hours(24);
/// How many accounts, networks and pairs are remembered, each.
const REMEMBERED: u64 = 50_000;
/// Longer names are no accounts; they are all remembered as one.
const MAX_ACCOUNT_BYTES: usize = 128;

/// The attempt is not looked at; it may be made again after this long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowDown {
    /// How long to wait, at least a second.
    pub retry_after: Duration,
}

/// Where a request comes from, as far as guessing is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// Returns the network of an address. An IPv4 address in IPv6 clothes is an IPv4 address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Self(Ipv4Addr::new(a, b, c, 0).into())
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Duration,
}

impl Failures {
    /// Returns how long is left of the pause that the failures so far cost.
    fn pause(self, free: u32, now: Duration) -> Duration {
        let Some(over) = self.count.checked_sub(free) else {
            return Duration::ZERO;
        };
        let pause = FIRST_PAUSE
            .saturating_mul(1 << over.min(6))
            .min(LONGEST_PAUSE);
        (self.last + pause).saturating_sub(now)
    }
}

/// Failures of one kind of key.
#[derive(Debug)]
struct Counter<K: Hash + Eq + Send + Sync + 'static> {
    free: u32,
    failures: Cache<K, Failures>,
}

impl<K: Hash + Eq + Send + Sync + 'static> Counter<K> {
    fn new(free: u32) -> Self {
        Self {
            free,
            failures: Cache::builder().max_capacity(REMEMBERED).build(),
        }
    }

    fn get(&self, key: &K, now: Duration) -> Option<Failures> {
        let failures = self.failures.get(key)?;
        (now.saturating_sub(failures.last) < FORGET_AFTER).then_some(failures)
    }

    fn pause(&self, key: &K, now: Duration) -> Duration {
        self.get(key, now)
            .map_or(Duration::ZERO, |failures| failures.pause(self.free, now))
    }

    fn add(&self, key: K, now: Duration) {
        let count = self.get(&key, now).map_or(0, |failures| failures.count);
        let count = count.saturating_add(1);
        self.failures.insert(key, Failures { count, last: now });
    }

    fn take_back(&self, key: K, now: Duration) {
        if let Some(mut failures) = self.get(&key, now) {
            failures.count = failures.count.saturating_sub(1);
            self.failures.insert(key, failures);
        }
    }
}

type Pair = (Arc<str>, Network);

/// Remembers failures and says who must wait.
#[derive(Debug)]
pub struct BruteForce {
    clock: Arc<dyn Clock>,
    pairs: Counter<Pair>,
    networks: Counter<Network>,
    accounts: Counter<Arc<str>>,
    trusted: Cache<Pair, Duration>,
    /// Keeps two attempts from counting as one.
    turn: Mutex<()>,
}

/// An attempt that may be made. It counts as failed until it is told otherwise.
#[derive(Debug)]
#[must_use = "an attempt counts as failed until it is told otherwise"]
pub struct Attempt<'a> {
    guard: &'a BruteForce,
    account: Arc<str>,
    network: Network,
}

impl BruteForce {
    /// Begins without failures.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            pairs: Counter::new(FREE_OF_PAIR),
            networks: Counter::new(FREE_OF_NETWORK),
            accounts: Counter::new(FREE_OF_ACCOUNT),
            trusted: Cache::builder().max_capacity(REMEMBERED).build(),
            turn: Mutex::new(()),
        }
    }

    /// Begins an attempt to log in as `account`, which need not exist.
    pub fn begin(&self, account: &str, address: IpAddr) -> Result<Attempt<'_>, SlowDown> {
        let account: Arc<str> = if account.len() > MAX_ACCOUNT_BYTES {
            "".into()
        } else {
            account.into()
        };
        let network = Network::of(address);
        let pair = (account.clone(), network);
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.monotonic();
        let is_trusted = self
            .trusted
            .get(&pair)
            .is_some_and(|since| now.saturating_sub(since) < TRUST_FOR);
        let mut pause = self.pairs.pause(&pair, now);
        if !is_trusted {
            pause = pause
                .max(self.networks.pause(&network, now))
                .max(self.accounts.pause(&account, now));
        }
        if !pause.is_zero() {
            return Err(SlowDown {
                retry_after: pause.max(Duration::from_secs(1)),
            });
        }
        self.pairs.add(pair, now);
        self.networks.add(network, now);
        self.accounts.add(account.clone(), now);
        Ok(Attempt {
            guard: self,
            account,
            network,
        })
    }
}

impl Attempt<'_> {
    /// Says that the attempt was right.
    pub fn was_right(self) {
        let now = self.guard.clock.monotonic();
        let pair = (self.account.clone(), self.network);
        self.take_back();
        self.guard.pairs.failures.invalidate(&pair);
        self.guard.trusted.insert(pair, now);
    }

    /// Says that the attempt was not looked at after all: the server was busy, or failed.
    pub fn take_back(&self) {
        let turn = self.guard.turn.lock();
        let _turn = turn.unwrap_or_else(PoisonError::into_inner);
        let now = self.guard.clock.monotonic();
        let pair = (self.account.clone(), self.network);
        self.guard.pairs.take_back(pair, now);
        self.guard.networks.take_back(self.network, now);
        self.guard.accounts.take_back(self.account.clone(), now);
    }
}

#[cfg(test)]
mod tests;
