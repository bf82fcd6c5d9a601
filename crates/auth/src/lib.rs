//! Who are you, and may you: callers, what they ask for, and the policy that decides.
//!
//! Nothing here knows HTTP. The API asks a policy once per request and answers what it decided.

mod access;
mod actions;
mod caller;
mod challenge;
mod error;
mod keys;
pub mod layout;
mod name;
mod pattern;
mod policy;
mod record;
mod rights;
mod rules;
mod scope;
mod subject;
#[cfg(test)]
mod testing;
mod tokens;

pub use access::{AccessRequest, Action};
pub use actions::{ActionError, ActionSet};
pub use caller::{Caller, Identity};
pub use challenge::{ChallengeError, Refusal, needed_scopes, scope_parameter};
pub use error::{AuthError, Result};
pub use keys::{KeySettings, MAX_KEYS, OldKeys, SigningKeys};
pub use name::{SubjectName, SubjectNameError};
pub use pattern::{PathPattern, PatternError, TagPattern};
pub use policy::{AccessPolicy, Decision, EveryoneMay, RulePolicy};
pub use record::Records;
pub use rights::{Grant, Rights};
pub use rules::{Effect, MAX_RULE_ENTRIES, MAX_RULES, Reason, Rule, RuleError, RuleSet};
pub use scope::{AccessEntry, MAX_SCOPE_BYTES, MAX_SCOPES, Scope, ScopeError, TokenAccess};
pub use subject::{Subject, SubjectError};
pub use tokens::{
    Issued, LEEWAY, MAX_LIFETIME, MAX_TOKEN_BYTES, MIN_LIFETIME, TokenError, TokenSettings, Tokens,
};

/// The most groups of a user: they are written into tokens.
pub const MAX_GROUPS: usize = 32;
