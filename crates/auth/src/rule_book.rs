//! Rules in the record store, set by API, beside those of the configuration.
//!
//! Those of the configuration come first in the numbering and cannot be changed here, so that
//! nobody can lock the operator out who wrote the file.

use crate::record::{self, Records, Step, change};
use crate::{AuthError, Result, Rule, RulePolicy, RuleSet, layout};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The rules that were set by API. Each change of them has a number of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRules {
    /// Grows by one with each change.
    pub revision: u64,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// Keeps a policy's rules the same as configuration and record store say together.
pub struct RuleBook {
    records: Records,
    configured: Vec<Rule>,
    policy: Arc<RulePolicy>,
    changed_here: Mutex<ChangedHere>,
}

/// What this process itself changed: of two changes, or of a change and an earlier read, the
/// answers may come in the other order.
#[derive(Default)]
struct ChangedHere {
    /// How often.
    times: u64,
    /// The newest revision that was made here.
    revision: u64,
}

impl fmt::Debug for RuleBook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RuleBook")
            .field("configured", &self.configured)
            .finish_non_exhaustive()
    }
}

impl RuleBook {
    /// Reads the stored rules and makes a policy of them and of the configured ones.
    pub async fn open(records: Records, configured: Vec<Rule>) -> Result<Self> {
        let book = Self {
            records,
            configured,
            policy: Arc::default(),
            changed_here: Mutex::default(),
        };
        book.refresh().await?;
        Ok(book)
    }

    /// Returns the policy.
    #[must_use]
    pub fn policy(&self) -> Arc<RulePolicy> {
        self.policy.clone()
    }

    /// Returns how many rules the configuration has: stored ones are numbered after them.
    #[must_use]
    pub fn configured(&self) -> &[Rule] {
        &self.configured
    }

    /// Reads the stored rules again. To be called every few seconds: that is how long a change by
    /// another replica takes to reach this one. After an error the policy stays as it was.
    pub async fn refresh(&self) -> Result<()> {
        let before = self.changed_here().times;
        let stored = self.stored().await?;
        let together = self.together(&stored.rules)?;
        let changed = self.changed_here();
        // What was read may be from before a change that was made here meanwhile.
        if changed.times == before {
            self.policy.replace(together);
        }
        Ok(())
    }

    /// Returns the stored rules.
    pub async fn stored(&self) -> Result<StoredRules> {
        let stored = record::read(&self.records, layout::RULES).await?;
        Ok(stored.unwrap_or_default())
    }

    /// Returns what names a stored rule: it follows from what the rule says, so that a removal can
    /// only meet the rule that was meant.
    ///
    /// # Panics
    /// Never: a rule can be written as JSON.
    #[must_use]
    pub fn id(rule: &Rule) -> String {
        let text = serde_json::to_vec(rule).expect("a rule has string keys and plain members");
        // 64 bits tell a thousand rules apart.
        let hash: [u8; 32] = Sha256::digest(&text).into();
        let first = hash.first_chunk().expect("a hash has 32 bytes");
        format!("{:016x}", u64::from_be_bytes(*first))
    }

    /// Adds a rule behind the stored ones and returns its number among all. `Exists` when the same
    /// is there, `Invalid` when it is no rule or one too many.
    pub async fn add(&self, rule: Rule) -> Result<usize> {
        let id = Self::id(&rule);
        let stored = self
            .edit(|stored| {
                if stored.rules.iter().any(|one| Self::id(one) == id) {
                    return Err(AuthError::Exists(format!("rule {id}")));
                }
                stored.rules.push(rule.clone());
                Ok(())
            })
            .await?;
        Ok(self.configured.len() + stored)
    }

    /// Removes a stored rule. `Absent` when there is none of the id.
    pub async fn remove(&self, id: &str) -> Result<()> {
        self.edit(|stored| {
            let before = stored.rules.len();
            stored.rules.retain(|rule| Self::id(rule) != id);
            if stored.rules.len() == before {
                return Err(AuthError::Absent("stored rule of this id".into()));
            }
            Ok(())
        })
        .await?;
        Ok(())
    }

    /// Replaces the stored rules, if nobody has changed them since `revision`; returns the next.
    pub async fn replace(&self, rules: Vec<Rule>, revision: u64) -> Result<u64> {
        self.edit(|stored| {
            let present = stored.revision;
            if present != revision {
                return Err(AuthError::Invalid(format!(
                    "the rules have changed: they are at revision {present}, not {revision}"
                )));
            }
            stored.rules.clone_from(&rules);
            Ok(())
        })
        .await?;
        Ok(revision + 1)
    }

    /// Changes the stored rules, and then the policy. Returns how many are stored now.
    async fn edit(&self, edit: impl Fn(&mut StoredRules) -> Result<()>) -> Result<usize> {
        let step = |stored: Option<StoredRules>| {
            let mut stored = stored.unwrap_or_default();
            edit(&mut stored)?;
            stored.revision += 1;
            let together = self.together(&stored.rules)?;
            let made = (stored.revision, stored.rules.len(), together);
            Ok(Step::Put(stored, made))
        };
        let (revision, count, together) = change(&self.records, layout::RULES, step).await?;
        let mut changed = self.changed_here();
        changed.times += 1;
        if revision > changed.revision {
            changed.revision = revision;
            self.policy.replace(together);
        }
        Ok(count)
    }

    fn changed_here(&self) -> std::sync::MutexGuard<'_, ChangedHere> {
        self.changed_here
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn together(&self, stored: &[Rule]) -> Result<RuleSet> {
        let mut rules = self.configured.clone();
        rules.extend_from_slice(stored);
        RuleSet::new(rules).map_err(|error| AuthError::Invalid(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixture;
    use crate::{AccessPolicy as _, AccessRequest, Caller};
    use roadstead_oci::RepositoryName;

    fn rule(path: &str, effect: &str) -> Rule {
        serde_json::from_value(serde_json::json!({
            "subjects": ["*"], "repositories": [path], "actions": ["pull"], "effect": effect
        }))
        .unwrap()
    }

    fn may(book: &RuleBook, path: &str) -> bool {
        let name = RepositoryName::parse(path).unwrap();
        let request = AccessRequest::pull(&name);
        book.policy()
            .decide(&Caller::anonymous(), &request)
            .is_allowed()
    }

    #[tokio::test]
    async fn stored_rules_hold_here_at_once_and_elsewhere_after_a_refresh() {
        let fixture = Fixture::new();
        let open = || RuleBook::open(fixture.records.clone(), vec![rule("a/**", "allow")]);
        let (here, there) = (open().await.unwrap(), open().await.unwrap());
        assert_eq!(
            here.replace(vec![rule("b/**", "allow")], 0).await.unwrap(),
            1
        );
        assert!(may(&here, "a/x") && may(&here, "b/x"));
        assert!(!may(&there, "b/x"));
        there.refresh().await.unwrap();
        assert!(may(&there, "b/x"));
        assert!(may(&open().await.unwrap(), "b/x"));
    }

    #[tokio::test]
    async fn nobody_writes_over_rules_they_have_not_seen() {
        let book = RuleBook::open(Fixture::new().records, vec![])
            .await
            .unwrap();
        book.replace(vec![rule("a/**", "allow")], 0).await.unwrap();
        assert!(book.replace(vec![], 0).await.is_err());
        assert!(may(&book, "a/x"));
        book.replace(vec![], 1).await.unwrap();
        assert!(!may(&book, "a/x"));
    }

    #[tokio::test]
    async fn one_rule_is_added_and_removed_by_what_it_says() {
        let fixture = Fixture::new();
        let book = RuleBook::open(fixture.records, vec![rule("a/**", "allow")])
            .await
            .unwrap();
        assert_eq!(book.add(rule("b/**", "allow")).await.unwrap(), 2);
        assert_eq!(book.add(rule("b/x", "deny")).await.unwrap(), 3);
        assert!(may(&book, "b/y") && !may(&book, "b/x"));
        assert!(matches!(
            book.add(rule("b/x", "deny")).await,
            Err(AuthError::Exists(_))
        ));
        let id = RuleBook::id(&rule("b/x", "deny"));
        book.remove(&id).await.unwrap();
        assert!(may(&book, "b/x"));
        assert!(matches!(book.remove(&id).await, Err(AuthError::Absent(_))));
        // Those of the configuration are not to be removed.
        assert!(
            book.remove(&RuleBook::id(&rule("a/**", "allow")))
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn rules_that_are_wrong_change_nothing() {
        let book = RuleBook::open(Fixture::new().records, vec![rule("a/**", "allow")])
            .await
            .unwrap();
        let mut wrong = rule("b/**", "allow");
        wrong.subjects.clear();
        assert!(book.replace(vec![wrong], 0).await.is_err());
        assert_eq!(book.stored().await.unwrap(), StoredRules::default());
        assert!(may(&book, "a/x"));
    }
}
