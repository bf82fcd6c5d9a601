//! Who are you, and may you: callers, what they ask for, and the policy that decides.
//!
//! Nothing here knows HTTP. The API asks a policy once per request and answers what it decided.

mod access;
mod actions;
mod caller;
mod challenge;
mod name;
mod pattern;
mod policy;
mod rights;
mod rules;
mod scope;
mod subject;

pub use access::{AccessRequest, Action};
pub use actions::{ActionError, ActionSet};
pub use caller::{Caller, Identity};
pub use challenge::{ChallengeError, Refusal, needed_scopes, scope_parameter};
pub use name::{SubjectName, SubjectNameError};
pub use pattern::{PathPattern, PatternError, TagPattern};
pub use policy::{AccessPolicy, Decision, EveryoneMay};
pub use rights::{Grant, Rights};
pub use rules::{Effect, MAX_RULE_ENTRIES, MAX_RULES, Reason, Rule, RuleError, RuleSet};
pub use scope::{AccessEntry, MAX_SCOPE_BYTES, MAX_SCOPES, Scope, ScopeError, TokenAccess};
pub use subject::{Subject, SubjectError};
