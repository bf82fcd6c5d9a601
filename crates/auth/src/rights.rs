//! What is known about a caller when a rule is asked: who they are and what came with them.

use crate::{AccessRequest, ActionSet, AuthError, Identity, PathPattern, Result, SubjectName};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Actions on repositories, given to one robot or left to one access token.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The repositories; not empty in a grant of any use.
    pub repositories: Vec<PathPattern>,
    /// The actions.
    pub actions: ActionSet,
}

impl Grant {
    /// Tells whether the grant covers the request of a caller who is `user`, when they are one.
    #[must_use]
    pub fn covers(&self, request: &AccessRequest<'_>, user: Option<&SubjectName>) -> bool {
        covers(&self.repositories, self.actions, request, user)
    }
}

/// Tells whether `actions` on `repositories`, being allowed, allow the request.
pub(crate) fn covers(
    repositories: &[PathPattern],
    actions: ActionSet,
    request: &AccessRequest<'_>,
    user: Option<&SubjectName>,
) -> bool {
    let of_everything =
        || actions.has(crate::Action::Admin) && repositories.iter().any(PathPattern::is_everything);
    match request {
        AccessRequest::Repository { name, action } | AccessRequest::Tag { name, action, .. } => {
            actions.allows(*action) && repositories.iter().any(|path| path.matches(name, user))
        }
        AccessRequest::Catalog => actions.has_catalog() || of_everything(),
        AccessRequest::Administration => of_everything(),
    }
}

/// What rules are asked about: an identity, its groups, and what its own record says. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rights {
    identity: Identity,
    groups: Arc<[SubjectName]>,
    grants: Arc<[Grant]>,
    limit: Option<Arc<[Grant]>>,
}

impl Rights {
    /// Returns what a caller without credentials brings: nothing.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::of(Identity::Anonymous)
    }

    /// Returns what an identity without groups or a record of its own brings.
    #[must_use]
    pub fn of(identity: Identity) -> Self {
        Self {
            identity,
            groups: Arc::default(),
            grants: Arc::default(),
            limit: None,
        }
    }

    /// Adds the groups that the identity is in.
    #[must_use]
    pub fn with_groups(mut self, groups: impl Into<Arc<[SubjectName]>>) -> Self {
        self.groups = groups.into();
        self
    }

    /// Adds what the identity's own record allows it, beside the rules.
    #[must_use]
    pub fn with_grants(mut self, grants: impl Into<Arc<[Grant]>>) -> Self {
        self.grants = grants.into();
        self
    }

    /// Keeps the caller to what `limit` covers, whatever rules allow: the scopes of a token.
    #[must_use]
    pub fn limited_to(mut self, limit: impl Into<Arc<[Grant]>>) -> Self {
        self.limit = Some(limit.into());
        self
    }

    /// Returns who it is.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the user's name, when it is one: what `{user}` stands for.
    #[must_use]
    pub const fn user(&self) -> Option<&SubjectName> {
        if let Identity::User(name) = &self.identity {
            Some(name)
        } else {
            None
        }
    }

    /// Returns the groups.
    #[must_use]
    pub fn groups(&self) -> &[SubjectName] {
        &self.groups
    }

    /// Returns the identity's own grants.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// Returns what the caller is kept to, when they are.
    #[must_use]
    pub fn limit(&self) -> Option<&[Grant]> {
        self.limit.as_deref()
    }

    /// Tells whether the limit, when there is one, lets the request through.
    #[must_use]
    pub fn is_within_limit(&self, request: &AccessRequest<'_>) -> bool {
        self.limit
            .as_ref()
            .is_none_or(|limit| limit.iter().any(|grant| grant.covers(request, self.user())))
    }
}

/// The most bytes of all patterns of one list of grants: they are written into tokens.
pub const MAX_GRANT_BYTES: usize = 4096;

/// Refuses grants that can mean nothing, and more than a token can hold.
pub(crate) fn check_grants(grants: &[Grant]) -> Result<()> {
    let mut bytes = 0;
    for grant in grants {
        let only_catalog = grant.actions == ActionSet::default().with_catalog();
        if grant.repositories.is_empty() && !only_catalog {
            return Err(AuthError::Invalid("a grant names no repositories".into()));
        }
        // What JSON writes around the patterns counts too.
        bytes += 64;
        for pattern in &grant.repositories {
            bytes += pattern.as_str().len() + 3;
        }
    }
    if bytes > MAX_GRANT_BYTES {
        return Err(AuthError::Invalid(format!(
            "grants have at most {MAX_GRANT_BYTES} bytes"
        )));
    }
    Ok(())
}
