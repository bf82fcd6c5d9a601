//! Who may do what.

use crate::{AccessRequest, Caller, Reason, RuleSet};
use roadstead_oci::RepositoryName;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// What a policy says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a decision that nobody reads protects nothing"]
pub enum Decision {
    /// The caller may.
    Allowed,
    /// The caller may not, and has not said who they are; with credentials they perhaps may.
    WhoAreYou,
    /// The caller may not.
    Denied,
}

impl Decision {
    /// Tells whether the caller may.
    #[must_use]
    pub const fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed)
    }
}

/// Decides who may do what.
///
/// A decision does no I/O, so that it costs a request nothing, and never depends on whether the
/// repository exists, so that it gives nothing away.
pub trait AccessPolicy: Send + Sync + fmt::Debug + 'static {
    /// Decides one request.
    fn decide(&self, caller: &Caller, request: &AccessRequest<'_>) -> Decision;

    /// Tells whether a caller without credentials is to be asked for some at the ping: clients
    /// learn there, and nowhere else, that they can identify themselves.
    fn asks_for_credentials(&self) -> bool {
        false
    }
}

/// Allows everything to everybody: the policy of a registry without users.
#[derive(Clone, Copy, Debug, Default)]
pub struct EveryoneMay;

impl AccessPolicy for EveryoneMay {
    fn decide(&self, _caller: &Caller, _request: &AccessRequest<'_>) -> Decision {
        Decision::Allowed
    }
}

/// Decides by rules, which can be replaced while requests run.
///
/// A password's caller may what rules and their own grants allow. A token's caller may what the
/// token was made for: an allowance that was withdrawn ends with the token, but a rule that denies
/// holds at once.
#[derive(Debug, Default)]
pub struct RulePolicy {
    rules: RwLock<Arc<RuleSet>>,
}

impl RulePolicy {
    /// Decides by these rules.
    #[must_use]
    pub fn new(rules: RuleSet) -> Self {
        Self {
            rules: RwLock::new(Arc::new(rules)),
        }
    }

    /// Returns the rules of this moment.
    #[must_use]
    pub fn rules(&self) -> Arc<RuleSet> {
        self.rules
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Replaces the rules; requests that come from now on are decided by the new ones.
    pub fn replace(&self, rules: RuleSet) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// Decides as [`AccessPolicy::decide`] does and says why.
    #[must_use]
    pub fn explain(&self, caller: &Caller, request: &AccessRequest<'_>) -> Reason {
        let rules = self.rules();
        let rights = caller.rights();
        let Some(made_for) = caller.token_access() else {
            return rules.explain(&rights, request);
        };
        if let Some(number) = rules.denying(&rights, request) {
            return Reason::DeniedByRule(number);
        }
        if made_for.covers(request) {
            Reason::AllowedByToken
        } else {
            Reason::OutsideOfToken
        }
    }

    /// Tells whether a new token for the same caller would allow what the present one does not. A
    /// mount without the right to its source is answered by 401 only then.
    #[must_use]
    pub fn would_allow(&self, caller: &Caller, request: &AccessRequest<'_>) -> bool {
        self.rules().allows(&caller.rights(), request)
    }

    /// Tells whether the catalog shows a repository to a caller: only if they may pull from it.
    #[must_use]
    pub fn shows(&self, caller: &Caller, name: &RepositoryName) -> bool {
        self.rules()
            .allows(&caller.rights(), &AccessRequest::pull(name))
    }
}

impl AccessPolicy for RulePolicy {
    fn decide(&self, caller: &Caller, request: &AccessRequest<'_>) -> Decision {
        if self.explain(caller, request).is_allowed() {
            return Decision::Allowed;
        }
        if caller.has_no_credentials() {
            return Decision::WhoAreYou;
        }
        Decision::Denied
    }

    fn asks_for_credentials(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
