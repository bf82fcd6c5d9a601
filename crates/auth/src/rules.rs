//! Rules: who may do what where, and which rule decided.
//!
//! Nothing is allowed unless a rule, or the caller's own grant, allows it; a rule that denies wins
//! over all that allow. A rule with tag patterns looks at requests about a tag alone: a right to
//! push `v*` is no right to upload blobs. No decision asks whether a repository exists.

use crate::rights::covers;
use crate::{AccessRequest, Action, ActionSet, Identity, PathPattern, Rights, Subject, TagPattern};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The most rules of one set.
pub const MAX_RULES: usize = 1000;
/// The most subjects, repositories or tags of one rule.
pub const MAX_RULE_ENTRIES: usize = 256;

/// What a rule that fits does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It allows, unless another denies.
    #[default]
    Allow,
    /// It denies, whatever others allow.
    Deny,
}

/// One rule, as configuration and API write it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Whom it is about.
    pub subjects: Vec<Subject>,
    /// Which repositories it is about. The catalog and the registry's administration belong to no
    /// repository: `catalog` counts whatever stands here, and `admin` of `**` administers the
    /// registry, unless the caller is anonymous.
    #[serde(default)]
    pub repositories: Vec<PathPattern>,
    /// Which tags it is about; when empty, all requests, with a tag and without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<TagPattern>,
    /// What it is about.
    pub actions: ActionSet,
    /// Whether it allows or denies.
    #[serde(default)]
    pub effect: Effect,
}

/// Why rules are no set of rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// There are more than [`MAX_RULES`].
    #[error("there are {0} rules, at most {MAX_RULES} may be")]
    TooMany(usize),
    /// A rule names nobody.
    #[error("rule {0} has no subjects")]
    NoSubjects(usize),
    /// A rule about repositories names none.
    #[error("rule {0} has no repositories")]
    NoRepositories(usize),
    /// A rule lists more than [`MAX_RULE_ENTRIES`] of something.
    #[error("rule {0} lists more than {MAX_RULE_ENTRIES} subjects, repositories or tags")]
    TooLong(usize),
    /// A rule with tags is about something that has none.
    #[error("rule {0} has tags, which the catalog has not")]
    TagsOfCatalog(usize),
}

impl Rule {
    fn check(&self, number: usize) -> Result<(), RuleError> {
        let lists = [
            self.subjects.len(),
            self.repositories.len(),
            self.tags.len(),
        ];
        if lists.into_iter().any(|length| length > MAX_RULE_ENTRIES) {
            return Err(RuleError::TooLong(number));
        }
        if self.subjects.is_empty() {
            return Err(RuleError::NoSubjects(number));
        }
        let only_catalog = self.actions == ActionSet::default().with_catalog();
        if self.repositories.is_empty() && !only_catalog {
            return Err(RuleError::NoRepositories(number));
        }
        if self.actions.has_catalog() && !self.tags.is_empty() {
            return Err(RuleError::TagsOfCatalog(number));
        }
        Ok(())
    }

    fn fits_tag(&self, request: &AccessRequest<'_>) -> bool {
        self.tags.is_empty()
            || request
                .tag()
                .is_some_and(|tag| self.tags.iter().any(|pattern| pattern.matches(tag)))
    }

    fn allows(&self, rights: &Rights, request: &AccessRequest<'_>) -> bool {
        self.effect == Effect::Allow
            && self.fits_tag(request)
            && covers(&self.repositories, self.actions, request, rights.user())
            && self.subjects.iter().any(|one| match request {
                // A slip must not make everybody an administrator: only who is meant is one.
                AccessRequest::Administration => {
                    rights.identity() != &Identity::Anonymous && one.names(rights)
                }
                _ => one.is_allowed(rights),
            })
    }

    fn denies(&self, rights: &Rights, request: &AccessRequest<'_>) -> bool {
        let fits = |name| {
            let mut paths = self.repositories.iter();
            paths.any(|path: &PathPattern| path.matches(name, rights.user()))
        };
        let of_everything = || self.repositories.iter().any(PathPattern::is_everything);
        let is_about = match request {
            AccessRequest::Repository { name, action }
            | AccessRequest::Tag { name, action, .. } => self.actions.denies(*action) && fits(name),
            AccessRequest::Catalog => {
                self.actions.has_catalog() || (self.actions.is_everything() && of_everything())
            }
            AccessRequest::Administration => self.actions.has(Action::Admin) && of_everything(),
        };
        self.effect == Effect::Deny
            && is_about
            && self.fits_tag(request)
            && self.subjects.iter().any(|one| one.names(rights))
    }
}

/// Why a request is allowed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The rule of this number (the first is 1) denies it.
    DeniedByRule(usize),
    /// The credentials are a token that was made for less.
    OutsideOfToken,
    /// The rule of this number (the first is 1) allows it.
    AllowedByRule(usize),
    /// The identity's own record allows it.
    AllowedByGrant,
    /// The token that the caller came with was made for it.
    AllowedByToken,
    /// Nothing allows it.
    NothingAllows,
}

impl Reason {
    /// Tells whether the request is allowed.
    #[must_use]
    pub const fn is_allowed(self) -> bool {
        matches!(
            self,
            Self::AllowedByRule(_) | Self::AllowedByGrant | Self::AllowedByToken
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeniedByRule(number) => write!(formatter, "denied by rule {number}"),
            Self::OutsideOfToken => formatter.write_str("outside of what the token was made for"),
            Self::AllowedByRule(number) => write!(formatter, "allowed by rule {number}"),
            Self::AllowedByGrant => formatter.write_str("allowed by the robot's own grants"),
            Self::AllowedByToken => formatter.write_str("the token was made for it"),
            Self::NothingAllows => formatter.write_str("no rule allows it"),
        }
    }
}

/// Rules that were checked. The default is none, which allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSet(Vec<Rule>);

impl RuleSet {
    /// Checks rules. Their order means nothing but the number that an explanation names.
    pub fn new(rules: Vec<Rule>) -> Result<Self, RuleError> {
        if rules.len() > MAX_RULES {
            return Err(RuleError::TooMany(rules.len()));
        }
        for (index, rule) in rules.iter().enumerate() {
            rule.check(index + 1)?;
        }
        Ok(Self(rules))
    }

    /// Returns the rules in their order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.0
    }

    /// Decides a request and says why: the first rule that denies, else the first that allows.
    #[must_use]
    pub fn explain(&self, rights: &Rights, request: &AccessRequest<'_>) -> Reason {
        if let Some(number) = self.denying(rights, request) {
            return Reason::DeniedByRule(number);
        }
        if !rights.is_within_limit(request) {
            return Reason::OutsideOfToken;
        }
        if let Some(index) = self.0.iter().position(|rule| rule.allows(rights, request)) {
            return Reason::AllowedByRule(index + 1);
        }
        let mut grants = rights.grants().iter();
        if grants.any(|grant| grant.covers(request, rights.user())) {
            return Reason::AllowedByGrant;
        }
        Reason::NothingAllows
    }

    /// Tells whether a request is allowed.
    #[must_use]
    pub fn allows(&self, rights: &Rights, request: &AccessRequest<'_>) -> bool {
        self.explain(rights, request).is_allowed()
    }

    /// Returns the number of the first rule that denies a request, whatever else allows it.
    #[must_use]
    pub fn denying(&self, rights: &Rights, request: &AccessRequest<'_>) -> Option<usize> {
        let index = self
            .0
            .iter()
            .position(|rule| rule.denies(rights, request))?;
        Some(index + 1)
    }
}

#[cfg(test)]
mod tests;
