//! Logins by name and password: of users, of robots, by access tokens, from a htpasswd file.
//!
//! A login that was right is remembered for half a minute under a keyed digest of name and password
//! (the key is random and never leaves the process), so that a pull by Basic credentials costs one
//! hash and not one for each request. So long may a removed user, a dropped secret or a changed
//! group live on for Basic requests of a replica that has just let them in. What ends by itself, a
//! secret that was given a time, is remembered to its end at most.

use crate::brute_force::{BruteForce, SlowDown};
use crate::htpasswd::{HTPASSWD_ID, Htpasswd};
use crate::passwords::{Candidates, Fits, Passwords};
use crate::record::Records;
use crate::robots::ROBOT_LOGIN_PREFIX;
use crate::secret::{SecretKind, is_secret};
use crate::{AccessTokens, AuthError, Claim, Identity, Result, Rights, Robots, SubjectName, Users};
use hmac::{Hmac, KeyInit as _, Mac as _};
use moka::sync::Cache;
use roadstead_storage::{Clock, Timestamp};
use sha2::Sha256;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore};

/// How long a login that was right is remembered.
pub const REMEMBER_LOGIN_FOR: Duration = Duration::from_secs(30);
/// How many logins are remembered.
const REMEMBERED: u64 = 10_000;
/// How many logins are looked at at once; each but one for each gate waits.
const MAX_LOGINS: usize = 1024;
const GATES: usize = 64;

/// How a login ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a login that nobody looks at protects nothing"]
pub enum Login {
    /// It was right; this is who it is.
    Known(Rights),
    /// It was wrong: the name, the password, or both. Which of them is not said, nor shown by time.
    Wrong,
    /// It was not looked at: there were too many failures.
    SlowDown(SlowDown),
}

/// What a right login brings, and when it ends by itself.
#[derive(Clone)]
struct Proven {
    rights: Rights,
    ends: Option<Timestamp>,
}

impl Proven {
    fn without_end(rights: Rights) -> Self {
        Self { rights, ends: None }
    }
}

/// Finds out who logs in.
pub struct Authenticator {
    users: Users,
    robots: Robots,
    access_tokens: AccessTokens,
    htpasswd: Option<Htpasswd>,
    passwords: Arc<Passwords>,
    guard: BruteForce,
    clock: Arc<dyn Clock>,
    digest_key: [u8; 32],
    remembered: Cache<[u8; 32], (Proven, Duration)>,
    certified: Cache<Claim, (Rights, Duration)>,
    /// Requests with the same credentials pass one after the other, so that the first does the work.
    gates: Vec<Mutex<()>>,
    places: Semaphore,
    counts: Counts,
}

/// How logins of this process ended. A request with credentials that were right a short while ago
/// is one, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoginCounts {
    /// Right.
    pub right: u64,
    /// Wrong.
    pub wrong: u64,
    /// Not looked at, after too many that were wrong.
    pub slowed: u64,
    /// Not looked at, or not to the end: the server was busy, or failed.
    pub failed: u64,
}

#[derive(Debug, Default)]
struct Counts {
    right: AtomicU64,
    wrong: AtomicU64,
    slowed: AtomicU64,
    failed: AtomicU64,
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Authenticator")
    }
}

impl Authenticator {
    /// Makes an authenticator over the identities in these records, and in the file, if there is one.
    #[must_use]
    pub fn new(
        records: &Records,
        htpasswd: Option<Htpasswd>,
        passwords: Arc<Passwords>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            users: Users::new(records.clone()),
            robots: Robots::new(records.clone()),
            access_tokens: AccessTokens::new(records.clone()),
            htpasswd,
            passwords,
            guard: BruteForce::new(clock.clone()),
            clock,
            digest_key: rand::random(),
            remembered: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(REMEMBER_LOGIN_FOR)
                .build(),
            certified: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(REMEMBER_LOGIN_FOR)
                .build(),
            gates: (0..GATES).map(|_| Mutex::new(())).collect(),
            places: Semaphore::new(MAX_LOGINS),
            counts: Counts::default(),
        }
    }

    /// Decides a login with the password, secret or access token of whoever bears the name.
    ///
    /// # Errors
    /// `Busy`, and those of the record store. Neither counts as a failure of the caller.
    pub async fn login(&self, name: &str, password: &str, from: IpAddr) -> Result<Login> {
        let login = self.decide(name, password, from).await;
        let count = match &login {
            Ok(Login::Known(_)) => &self.counts.right,
            Ok(Login::Wrong) => &self.counts.wrong,
            Ok(Login::SlowDown(_)) => &self.counts.slowed,
            Err(_) => &self.counts.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
        login
    }

    /// Returns how logins have ended so far.
    #[must_use]
    pub fn login_counts(&self) -> LoginCounts {
        let so_far = |count: &AtomicU64| count.load(Ordering::Relaxed);
        LoginCounts {
            right: so_far(&self.counts.right),
            wrong: so_far(&self.counts.wrong),
            slowed: so_far(&self.counts.slowed),
            failed: so_far(&self.counts.failed),
        }
    }

    async fn decide(&self, name: &str, password: &str, from: IpAddr) -> Result<Login> {
        let digest = self.digest(name, password);
        if let Some(rights) = self.recall(&digest) {
            return Ok(Login::Known(rights));
        }
        let _place = self.places.try_acquire().map_err(|_| AuthError::Busy)?;
        let _gate = self.gates[usize::from(digest[0]) % GATES].lock().await;
        if let Some(rights) = self.recall(&digest) {
            return Ok(Login::Known(rights));
        }
        let attempt = match self.guard.begin(name, from) {
            Ok(attempt) => attempt,
            Err(slow_down) => return Ok(Login::SlowDown(slow_down)),
        };
        match self.check(name, password).await {
            Ok(Some(proven)) => {
                attempt.was_right();
                let now = self.clock.monotonic();
                self.remembered.insert(digest, (proven.clone(), now));
                Ok(Login::Known(proven.rights))
            }
            Ok(None) => Ok(Login::Wrong),
            Err(error) => {
                attempt.take_back();
                Err(error)
            }
        }
    }

    /// Tells whether a user or robot bears a name; `false` when that cannot be found out. For
    /// operators: whoever logs in must not be told.
    pub async fn knows(&self, name: &str) -> bool {
        if let Some(robot) = name.strip_prefix(ROBOT_LOGIN_PREFIX) {
            return match SubjectName::parse(robot) {
                Ok(robot) => matches!(self.robots.get(&robot).await, Ok(Some(_))),
                Err(_) => false,
            };
        }
        let Ok(name) = SubjectName::parse(name) else {
            return false;
        };
        matches!(self.users.get(&name).await, Ok(Some(_))) || self.is_listed(&name).await
    }

    /// Forgets all logins of this replica. To be called after an identity was changed through it.
    pub fn forget_logins(&self) {
        self.remembered.invalidate_all();
        self.certified.invalidate_all();
    }

    fn recall(&self, digest: &[u8; 32]) -> Option<Rights> {
        let (proven, since) = self.remembered.get(digest)?;
        let lives = proven.ends.is_none_or(|end| self.clock.now() < end);
        self.if_fresh((proven.rights, since)).filter(|_| lives)
    }

    fn if_fresh(&self, (rights, since): (Rights, Duration)) -> Option<Rights> {
        let age = self.clock.monotonic().saturating_sub(since);
        (age < REMEMBER_LOGIN_FOR).then_some(rights)
    }

    /// Returns what the bearer of a verified certificate brings; `None` when there is no such user or
    /// robot, or they are shut out. What was found is remembered as a login is.
    ///
    /// # Errors
    /// Those of the record store.
    pub async fn certified(&self, claim: &Claim) -> Result<Option<Rights>> {
        let remembered = self.certified.get(claim);
        if let Some(rights) = remembered.and_then(|one| self.if_fresh(one)) {
            return Ok(Some(rights));
        }
        let found = match claim {
            Claim::User(name) => self.bearer(name).await?,
            Claim::Robot(name) => self.robots.bearer(name, self.clock.now()).await?,
            Claim::Member { group, name } => {
                let bearer = Rights::of(Identity::Bearer(name.clone()));
                Some(bearer.with_groups([group.clone()]))
            }
        };
        if let Some(rights) = &found {
            let now = self.clock.monotonic();
            self.certified.insert(claim.clone(), (rights.clone(), now));
        }
        Ok(found)
    }

    async fn bearer(&self, name: &SubjectName) -> Result<Option<Rights>> {
        let groups = match self.users.get(name).await? {
            Some(user) if user.is_disabled => return Ok(None),
            Some(user) => user.groups,
            None if self.is_listed(name).await => Vec::new(),
            None => return Ok(None),
        };
        let rights = Rights::of(Identity::User(name.clone()));
        Ok(Some(rights.with_groups(groups)))
    }

    fn digest(&self, name: &str, password: &str) -> [u8; 32] {
        let mut keyed =
            Hmac::<Sha256>::new_from_slice(&self.digest_key).expect("a key of any length is a key");
        // The length keeps `ab` and `c` from being `a` and `bc`.
        keyed.update(&(name.len() as u64).to_le_bytes());
        keyed.update(name.as_bytes());
        keyed.update(password.as_bytes());
        keyed.finalize().into_bytes().into()
    }

    async fn check(&self, name: &str, password: &str) -> Result<Option<Proven>> {
        let now = self.clock.now();
        if let Some(robot) = name.strip_prefix(ROBOT_LOGIN_PREFIX) {
            let Ok(robot) = SubjectName::parse(robot) else {
                return Ok(None);
            };
            let found = self.robots.check(&robot, password, now).await?;
            return Ok(found.map(|(rights, ends)| Proven { rights, ends }));
        }
        let name = SubjectName::parse(name).ok();
        if let Some(name) = &name
            && is_secret(SecretKind::AccessToken, password)
        {
            return self.check_access_token(name, password).await;
        }
        let rights = self.check_password(name.as_ref(), password).await?;
        Ok(rights.map(Proven::without_end))
    }

    async fn check_access_token(&self, name: &SubjectName, text: &str) -> Result<Option<Proven>> {
        let (owner_id, groups) = match self.users.get(name).await? {
            Some(user) if user.is_disabled => return Ok(None),
            Some(user) => (user.id, user.groups),
            None if self.is_listed(name).await => (HTPASSWD_ID.to_owned(), Vec::new()),
            None => return Ok(None),
        };
        let now = self.clock.now();
        let token = self.access_tokens.check(name, &owner_id, text, now).await?;
        Ok(token.map(|token| Proven {
            rights: Rights::of(Identity::User(name.clone()))
                .with_groups(groups)
                .limited_to(token.scopes),
            ends: token.expires,
        }))
    }

    async fn is_listed(&self, name: &SubjectName) -> bool {
        match &self.htpasswd {
            Some(file) => file.lists(name).await,
            None => false,
        }
    }

    async fn check_password(
        &self,
        name: Option<&SubjectName>,
        password: &str,
    ) -> Result<Option<Rights>> {
        let user = match name {
            Some(name) => self.users.get(name).await?,
            None => None,
        };
        // A record wins over the file: who is disabled there is not let in by the other.
        let listed_name = if user.is_some() { None } else { name };
        let listed = match &self.htpasswd {
            Some(file) => file.find(listed_name).await,
            None => None,
        };
        let candidates = Candidates {
            recorded: user.as_ref().and_then(|user| user.password.clone()),
            listed,
        };
        let fits = self.passwords.verify(password, candidates).await?;
        let (Some(name), false) = (name, fits == Fits::Nothing) else {
            return Ok(None);
        };
        let rights = Rights::of(Identity::User(name.clone()));
        Ok(match user {
            Some(user) if user.is_disabled => None,
            Some(user) => Some(rights.with_groups(user.groups)),
            None => Some(rights),
        })
    }
}

#[cfg(test)]
mod tests;
