//! Sets of actions, as rules and grants list them.

use crate::Action;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text names no action of a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no action: use pull, push, delete, tag-overwrite, admin, catalog or *")]
pub struct ActionError(String);

/// What a rule or a grant is about: actions on repositories, and the catalog. Never empty when read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct ActionSet(u8);

const CATALOG: &str = "catalog";
const CATALOG_BIT: u8 = 1 << 7;
const EVERYTHING: &str = "*";

const fn bit(action: Action) -> u8 {
    match action {
        Action::Pull => 1,
        Action::Push => 1 << 1,
        Action::Delete => 1 << 2,
        Action::TagOverwrite => 1 << 3,
        Action::Admin => 1 << 4,
    }
}

impl ActionSet {
    /// Makes a set of actions on repositories.
    #[must_use]
    pub fn of(actions: &[Action]) -> Self {
        Self(actions.iter().fold(0, |bits, &action| bits | bit(action)))
    }

    /// Returns the set with the catalog in it.
    #[must_use]
    pub const fn with_catalog(self) -> Self {
        Self(self.0 | CATALOG_BIT)
    }

    /// Reads the names of actions; `*` is all that can be done to a repository, and so not the
    /// catalog, which belongs to none: `*` on one folder opens and shuts that folder alone.
    pub fn parse<T: AsRef<str>>(names: &[T]) -> Result<Self, ActionError> {
        let mut set = Self::default();
        for name in names {
            set.0 |= match name.as_ref() {
                CATALOG => CATALOG_BIT,
                EVERYTHING => Self::of(&Action::ALL).0,
                name => Action::ALL
                    .into_iter()
                    .find(|action| action.as_str() == name)
                    .map(bit)
                    .ok_or_else(|| ActionError(name.chars().take(40).collect()))?,
            };
        }
        if set.is_empty() {
            return Err(ActionError(String::new()));
        }
        Ok(set)
    }

    /// Tells whether the set names `action`.
    #[must_use]
    pub const fn has(self, action: Action) -> bool {
        self.0 & bit(action) != 0
    }

    /// Tells whether the set names the catalog.
    #[must_use]
    pub const fn has_catalog(self) -> bool {
        self.0 & CATALOG_BIT != 0
    }

    /// Tells whether the set names everything that can be done to a repository.
    #[must_use]
    pub fn is_everything(self) -> bool {
        Action::ALL.into_iter().all(|action| self.has(action))
    }

    /// Tells whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Tells whether allowing this set allows `action`: `admin` allows everything, and who may
    /// push may give a tag another digest.
    #[must_use]
    pub const fn allows(self, action: Action) -> bool {
        let by_push = matches!(action, Action::TagOverwrite) && self.has(Action::Push);
        self.has(action) || by_push || self.has(Action::Admin)
    }

    /// Tells whether denying this set denies `action`: without push nothing can be overwritten.
    #[must_use]
    pub const fn denies(self, action: Action) -> bool {
        self.has(action) || (matches!(action, Action::TagOverwrite) && self.has(Action::Push))
    }
}

impl TryFrom<Vec<String>> for ActionSet {
    type Error = ActionError;

    fn try_from(names: Vec<String>) -> Result<Self, Self::Error> {
        Self::parse(&names)
    }
}

impl From<ActionSet> for Vec<String> {
    fn from(set: ActionSet) -> Self {
        let mut names: Self = Action::ALL
            .into_iter()
            .filter(|&action| set.has(action))
            .map(|action| action.as_str().to_owned())
            .collect();
        if set.has_catalog() {
            names.push(CATALOG.to_owned());
        }
        names
    }
}

impl fmt::Display for ActionSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&Vec::from(*self).join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_reads_back_what_it_writes() {
        let set = ActionSet::parse(&["push", "pull", "catalog"]).unwrap();
        assert_eq!(set.to_string(), "pull,push,catalog");
        assert_eq!(ActionSet::try_from(Vec::from(set)).unwrap(), set);
        assert!(ActionSet::parse(&["*"]).unwrap().has(Action::Admin));
    }

    #[test]
    fn unknown_and_missing_actions_are_refused() {
        for names in [&["Pull"][..], &["pull", ""], &["read"], &[]] {
            assert!(ActionSet::parse(names).is_err(), "{names:?}");
        }
    }

    #[test]
    fn push_allows_to_overwrite_and_admin_allows_everything() {
        let push = ActionSet::of(&[Action::Push]);
        assert!(push.allows(Action::TagOverwrite) && !push.allows(Action::Pull));
        let admin = ActionSet::of(&[Action::Admin]);
        assert!(Action::ALL.into_iter().all(|action| admin.allows(action)));
        assert!(!admin.denies(Action::Pull) && push.denies(Action::TagOverwrite));
        assert!(!ActionSet::of(&[Action::TagOverwrite]).allows(Action::Push));
    }
}
