//! What a caller asks to do, and to what.

use roadstead_oci::RepositoryName;
use std::fmt;

/// What can be done to a repository. The names are those of the token specification's scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Read blobs, manifests, tags and referrers.
    Pull,
    /// Upload blobs, put manifests, set tags.
    Push,
    /// Delete blobs, manifests and tags.
    Delete,
}

impl Action {
    /// Returns the action's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One thing that a request needs to be allowed. A mount asks twice: push here, pull there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessRequest<'a> {
    /// An action on a repository, which need not exist.
    Repository {
        /// Which one.
        name: &'a RepositoryName,
        /// What to do to it.
        action: Action,
    },
    /// The list of all repositories.
    Catalog,
}

impl<'a> AccessRequest<'a> {
    /// Asks to read from a repository.
    #[must_use]
    pub const fn pull(name: &'a RepositoryName) -> Self {
        Self::Repository {
            name,
            action: Action::Pull,
        }
    }

    /// Asks to write to a repository.
    #[must_use]
    pub const fn push(name: &'a RepositoryName) -> Self {
        Self::Repository {
            name,
            action: Action::Push,
        }
    }

    /// Asks to delete from a repository.
    #[must_use]
    pub const fn delete(name: &'a RepositoryName) -> Self {
        Self::Repository {
            name,
            action: Action::Delete,
        }
    }
}

impl fmt::Display for AccessRequest<'_> {
    /// Writes the request as a scope of the token specification: `repository:team/app:pull`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository { name, action } => write!(formatter, "repository:{name}:{action}"),
            Self::Catalog => formatter.write_str("registry:catalog:*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_written_as_a_scope() {
        let name = RepositoryName::parse("team/app").expect("is a name");
        assert_eq!(
            AccessRequest::pull(&name).to_string(),
            "repository:team/app:pull"
        );
        assert_eq!(
            AccessRequest::push(&name).to_string(),
            "repository:team/app:push"
        );
        assert_eq!(
            AccessRequest::delete(&name).to_string(),
            "repository:team/app:delete"
        );
        assert_eq!(AccessRequest::Catalog.to_string(), "registry:catalog:*");
    }
}
