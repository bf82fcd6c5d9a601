//! Who are you, and may you: callers, what they ask for, and the policy that decides.
//!
//! Nothing here knows HTTP. The API asks a policy once per request and answers what it decided.

mod access;
mod access_tokens;
mod actions;
mod authenticator;
mod brute_force;
mod caller;
mod certificate;
mod challenge;
mod credentials;
mod error;
mod htpasswd;
mod identity;
mod keys;
pub mod layout;
mod name;
mod passwords;
mod pattern;
mod policy;
mod record;
mod rights;
mod robots;
mod rule_book;
mod rules;
mod scope;
mod secret;
mod subject;
#[cfg(test)]
mod testing;
mod tokens;
mod users;

pub use access::{AccessRequest, Action};
pub use access_tokens::{AccessToken, AccessTokens, MAX_ACCESS_TOKENS, MAX_LABEL_BYTES};
pub use actions::{ActionError, ActionSet};
pub use authenticator::{Authenticator, Login, LoginCounts, REMEMBER_LOGIN_FOR};
pub use brute_force::{Attempt, BruteForce, Network, SlowDown};
pub use caller::Caller;
pub use certificate::{
    CertificateError, CertificateNames, CertificateRule, CertificateRuleError, CertificateRules,
    Claim, NameKind, NamePatternError,
};
pub use challenge::{ChallengeError, Refusal, needed_scopes, scope_parameter};
pub use credentials::{Credentials, CredentialsError, MAX_CREDENTIALS_BYTES};
pub use error::{AuthError, Result};
pub use htpasswd::{Htpasswd, MAX_HTPASSWD_BYTES};
pub use identity::Identity;
pub use keys::{KeySettings, MAX_KEYS, OldKeys, SigningKeys};
pub use name::{SubjectName, SubjectNameError};
pub use passwords::{MAX_PASSWORD_BYTES, PasswordHash, PasswordSettings, Passwords};
pub use pattern::{PathPattern, PatternError, TagPattern};
pub use policy::{AccessPolicy, Decision, EveryoneMay, RulePolicy};
pub use record::Records;
pub use rights::{Grant, MAX_GRANT_BYTES, Rights};
pub use robots::{OldSecret, ROBOT_LOGIN_PREFIX, Robot, Robots};
pub use rule_book::{RuleBook, StoredRules};
pub use rules::{Effect, MAX_RULE_ENTRIES, MAX_RULES, Reason, Rule, RuleError, RuleSet};
pub use scope::{AccessEntry, MAX_SCOPE_BYTES, MAX_SCOPES, Scope, ScopeError, TokenAccess};
pub use secret::{NewSecret, SecretKind, is_secret};
pub use subject::{Subject, SubjectError};
pub use tokens::{
    Issued, LEEWAY, MAX_LIFETIME, MAX_TOKEN_BYTES, MIN_LIFETIME, TokenError, TokenSettings, Tokens,
};
pub use users::{MAX_GROUPS, User, Users};

/// What identities and keys go by, for those who hand it on.
pub use roadstead_storage::Clock;
