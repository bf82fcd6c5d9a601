//! What the trials showed, as values and as a table.

use crate::Result;
use std::fmt;

/// What a trial was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ability {
    /// The store answers, reads back what was written and removes it again.
    ReadWrite,
    /// A put that asks for absence or for a version is applied only if that holds, also when
    /// several arrive at once. Without it only a single writer is safe.
    ConditionalPut,
    /// A delete that asks for a version leaves any other record where it is.
    ConditionalDelete,
    /// Listings come in byte order of their keys.
    OrderedList,
    /// A data object is written, read back whole and in part, and deleted.
    Data,
}

/// One trial: what was tried, what came back, and whether that is as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// What it was about.
    pub ability: Ability,
    /// What was tried, as a phrase.
    pub tried: &'static str,
    /// What came back, as a phrase.
    pub came_back: String,
    /// Whether it is as the contract asks.
    pub is_ok: bool,
}

/// What the store was seen to do. Shows itself as a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    trials: Vec<Trial>,
}

impl Capabilities {
    /// Returns every trial, in the order in which they were made.
    #[must_use]
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// Tells whether all trials of an ability were as they must be, and there was one.
    #[must_use]
    pub fn has(&self, ability: Ability) -> bool {
        let mut of_it = self
            .trials
            .iter()
            .filter(|trial| trial.ability == ability)
            .peekable();
        of_it.peek().is_some() && of_it.all(|trial| trial.is_ok)
    }

    /// Tells whether the store holds the whole contract, so that any number of replicas may serve.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.trials.is_empty() && self.trials.iter().all(|trial| trial.is_ok)
    }

    pub(super) fn add(&mut self, ability: Ability, tried: &'static str, judged: Judged) {
        let (came_back, is_ok) = match judged {
            Ok(came_back) => (came_back, true),
            Err(came_back) => (came_back, false),
        };
        self.trials.push(Trial {
            ability,
            tried,
            came_back,
            is_ok,
        });
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .trials
            .iter()
            .map(|trial| trial.tried.len())
            .max()
            .unwrap_or(0);
        for Trial {
            tried,
            came_back,
            is_ok,
            ..
        } in &self.trials
        {
            let mark = if *is_ok { "ok  " } else { "FAIL" };
            writeln!(formatter, "{mark}  {tried:width$}  {came_back}")?;
        }
        Ok(())
    }
}

/// What came back: as it must be, or not.
pub(super) type Judged = std::result::Result<String, String>;

/// Turns an error into what came back.
pub(super) fn judged(tried: Result<Judged>) -> Judged {
    tried.unwrap_or_else(|error| Err(error.to_string()))
}
