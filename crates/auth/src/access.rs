//! What a caller asks to do, and to what.

use roadstead_oci::{RepositoryName, Tag};
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
    /// Give a tag that exists another digest. Whoever may push may do this too, unless a rule
    /// denies it; the scopes of tokens know no such action and call it `push`.
    TagOverwrite,
    /// Look after the repository: everything, and its settings.
    Admin,
}

impl Action {
    /// All actions, in the order in which scopes list them.
    pub const ALL: [Self; 5] = [
        Self::Pull,
        Self::Push,
        Self::Delete,
        Self::TagOverwrite,
        Self::Admin,
    ];

    /// Returns the action's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
            Self::TagOverwrite => "tag-overwrite",
            Self::Admin => "admin",
        }
    }

    /// Returns the action that the scope of a token must name for this one.
    #[must_use]
    pub const fn in_scopes(self) -> &'static str {
        match self {
            Self::TagOverwrite => Self::Push.as_str(),
            Self::Admin => "*",
            other => other.as_str(),
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
    /// An action on a tag, which need not exist. Rules with tag patterns look at these alone.
    Tag {
        /// The repository.
        name: &'a RepositoryName,
        /// The tag.
        tag: &'a Tag,
        /// What to do to it.
        action: Action,
    },
    /// The list of all repositories; it shows those that the caller may pull.
    Catalog,
    /// The administration of the registry itself: users, robots, rules, keys.
    Administration,
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

    /// Asks to give a tag that exists another digest.
    #[must_use]
    pub const fn overwrite(name: &'a RepositoryName, tag: &'a Tag) -> Self {
        Self::Tag {
            name,
            tag,
            action: Action::TagOverwrite,
        }
    }

    /// Returns the repository and the action, when the request is about a repository.
    #[must_use]
    pub const fn repository(&self) -> Option<(&'a RepositoryName, Action)> {
        match *self {
            Self::Repository { name, action } | Self::Tag { name, action, .. } => {
                Some((name, action))
            }
            Self::Catalog | Self::Administration => None,
        }
    }

    /// Returns the tag, when the request names one.
    #[must_use]
    pub const fn tag(&self) -> Option<&'a Tag> {
        if let Self::Tag { tag, .. } = *self {
            Some(tag)
        } else {
            None
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
            Self::Repository { name, action } | Self::Tag { name, action, .. } => {
                write!(formatter, "repository:{name}:{}", action.in_scopes())
            }
            Self::Catalog => formatter.write_str("registry:catalog:*"),
            Self::Administration => formatter.write_str("registry:admin:*"),
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
        let tag = Tag::parse("1.0").expect("is a tag");
        assert_eq!(
            AccessRequest::overwrite(&name, &tag).to_string(),
            "repository:team/app:push"
        );
        assert_eq!(AccessRequest::Catalog.to_string(), "registry:catalog:*");
        assert_eq!(
            AccessRequest::Administration.to_string(),
            "registry:admin:*"
        );
    }
}
