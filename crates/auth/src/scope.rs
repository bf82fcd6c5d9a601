//! Scopes: what a client asks a token for, and how rules narrow it.

use crate::{AccessRequest, Action, Rights, RuleSet};
use roadstead_oci::RepositoryName;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The most scopes of one token request.
pub const MAX_SCOPES: usize = 64;
/// The most bytes of all scopes of one token request; keeps tokens below the limits of headers.
pub const MAX_SCOPE_BYTES: usize = 8 * 1024;

/// Why a token request is refused rather than narrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// It has more than [`MAX_SCOPES`] scopes.
    #[error("a token request has at most {MAX_SCOPES} scopes")]
    TooMany,
    /// Its scopes have more than [`MAX_SCOPE_BYTES`] bytes.
    #[error("the scopes of a token request have at most {MAX_SCOPE_BYTES} bytes")]
    TooLong,
}

/// Actions that scopes can name.
const SCOPE_ACTIONS: [Action; 3] = [Action::Pull, Action::Push, Action::Delete];
const ALL: &str = "*";

/// One thing that a client asks a token for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Actions on a repository.
    Repository {
        /// Which one.
        name: RepositoryName,
        /// Which actions, in the order of [`Action::ALL`]; not empty.
        actions: Vec<Action>,
        /// Whether all rights were asked for, with `*`.
        all: bool,
    },
    /// The catalog.
    Catalog,
}

impl Scope {
    /// Asks for some actions on a repository.
    #[must_use]
    pub fn repository(name: &RepositoryName, actions: &[Action]) -> Self {
        Self::Repository {
            name: name.clone(),
            actions: actions.to_vec(),
            all: false,
        }
    }

    /// Reads one scope: `type:name:actions`, split at the first and the last colon, the class in
    /// `repository(class)` left out. Returns `None` for anything that can lead to no right here:
    /// unknown types and actions, names that no repository has.
    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        let kind = match kind.split_once('(') {
            Some((kind, class)) if class.ends_with(')') => kind,
            Some(_) => return None,
            None => kind,
        };
        let asked: Vec<&str> = actions.split(',').collect();
        let all = asked.contains(&ALL);
        match kind {
            "repository" => {
                let name = RepositoryName::parse(name).ok()?;
                let actions: Vec<Action> = SCOPE_ACTIONS
                    .into_iter()
                    .filter(|action| all || asked.contains(&action.as_str()))
                    .collect();
                (!actions.is_empty()).then_some(Self::Repository { name, actions, all })
            }
            "registry" => (name == "catalog" && all).then_some(Self::Catalog),
            _ => None,
        }
    }

    /// Reads the scopes of a token request. Each value may hold several, parted by spaces; what
    /// is no scope is dropped, several of one repository become one.
    pub fn parse_all<'a>(
        values: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<Self>, ScopeError> {
        let mut scopes: Vec<Self> = Vec::new();
        let mut count = 0;
        let mut bytes = 0;
        for value in values {
            bytes += value.len();
            if bytes > MAX_SCOPE_BYTES {
                return Err(ScopeError::TooLong);
            }
            for text in value.split_ascii_whitespace() {
                count += 1;
                if count > MAX_SCOPES {
                    return Err(ScopeError::TooMany);
                }
                if let Some(scope) = Self::parse(text) {
                    add(&mut scopes, scope);
                }
            }
        }
        Ok(scopes)
    }
}

/// Adds a scope to those asked so far; one of the same repository takes its actions.
fn add(scopes: &mut Vec<Scope>, scope: Scope) {
    for known in scopes.iter_mut() {
        match (known, &scope) {
            (Scope::Catalog, Scope::Catalog) => return,
            (
                Scope::Repository { name, actions, all },
                Scope::Repository {
                    name: other,
                    actions: more,
                    all: also_all,
                },
            ) if name == other => {
                actions.extend(more);
                actions.sort();
                actions.dedup();
                *all |= also_all;
                return;
            }
            _ => {}
        }
    }
    scopes.push(scope);
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository { name, actions, .. } => {
                write!(formatter, "repository:{name}:")?;
                for (index, action) in actions.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(formatter, "{comma}{}", action.in_scopes())?;
                }
                Ok(())
            }
            Self::Catalog => formatter.write_str("registry:catalog:*"),
        }
    }
}

/// One entry of a token's `access` claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AccessEntry {
    /// `repository` or `registry`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The repository, or `catalog`.
    pub name: String,
    /// The actions.
    pub actions: Vec<String>,
}

/// What a token was made for: its `access` claim. Names are compared as they are: nothing in it is
/// a pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenAccess(Vec<AccessEntry>);

impl TokenAccess {
    /// Returns what is left of `scopes` when the rules have taken what `rights` do not have.
    /// Scopes of which nothing is left are left out: the answer of the token server is never a no.
    #[must_use]
    pub fn narrowed(scopes: &[Scope], rules: &RuleSet, rights: &Rights) -> Self {
        let mut entries = Vec::new();
        for scope in scopes {
            match scope {
                Scope::Repository { name, actions, all } => {
                    let may =
                        |action| rules.allows(rights, &AccessRequest::Repository { name, action });
                    let mut left: Vec<String> = actions
                        .iter()
                        .filter(|&&action| may(action))
                        .map(|action| action.as_str().to_owned())
                        .collect();
                    // Only who administers the repository has rights beyond those that scopes name.
                    if *all && !left.is_empty() && may(Action::Admin) {
                        left.push(ALL.to_owned());
                    }
                    if !left.is_empty() {
                        entries.push(AccessEntry {
                            kind: "repository".to_owned(),
                            name: name.to_string(),
                            actions: left,
                        });
                    }
                }
                Scope::Catalog => {
                    if rules.allows(rights, &AccessRequest::Catalog) {
                        entries.push(AccessEntry {
                            kind: "registry".to_owned(),
                            name: "catalog".to_owned(),
                            actions: vec![ALL.to_owned()],
                        });
                    }
                }
            }
        }
        Self(entries)
    }

    /// Returns the entries.
    #[must_use]
    pub fn entries(&self) -> &[AccessEntry] {
        &self.0
    }

    /// Tells whether the token was made for the request. The administration of the registry is in
    /// no token: it takes a password or an access token.
    #[must_use]
    pub fn covers(&self, request: &AccessRequest<'_>) -> bool {
        let (kind, name, action) = match request {
            AccessRequest::Repository { name, action }
            | AccessRequest::Tag { name, action, .. } => {
                ("repository", name.as_str(), action.in_scopes())
            }
            AccessRequest::Catalog => ("registry", "catalog", ALL),
            AccessRequest::Administration => return false,
        };
        self.0.iter().any(|entry| {
            entry.kind == kind
                && entry.name == name
                && entry.actions.iter().any(|one| one == action)
        })
    }
}

#[cfg(test)]
mod tests;
