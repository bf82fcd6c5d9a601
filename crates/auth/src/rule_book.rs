//! Rules in the record store, set by API, beside those of the configuration.
//!
//! Those of the configuration come first in the numbering and cannot be changed here, so that
//! nobody can lock the operator out who wrote the file.

use crate::record::{self, Records, Step, change};
use crate::{AuthError, Result, Rule, RulePolicy, RuleSet, layout};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

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
        let stored = self.stored().await?;
        self.policy.replace(self.together(&stored.rules)?);
        Ok(())
    }

    /// Returns the stored rules.
    pub async fn stored(&self) -> Result<StoredRules> {
        let stored = record::read(&self.records, layout::RULES).await?;
        Ok(stored.unwrap_or_default())
    }

    /// Replaces the stored rules, if nobody has changed them since `revision`; returns the next.
    pub async fn replace(&self, rules: Vec<Rule>, revision: u64) -> Result<u64> {
        let together = self.together(&rules)?;
        let next = change(
            &self.records,
            layout::RULES,
            |stored: Option<StoredRules>| {
                let present = stored.unwrap_or_default().revision;
                if present != revision {
                    return Err(AuthError::Invalid(format!(
                        "the rules have changed: they are at revision {present}, not {revision}"
                    )));
                }
                let rules = StoredRules {
                    revision: present + 1,
                    rules: rules.clone(),
                };
                Ok(Step::Put(rules, present + 1))
            },
        )
        .await?;
        self.policy.replace(together);
        Ok(next)
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
