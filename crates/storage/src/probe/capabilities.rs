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

/// What a trial shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The store does what the contract asks.
    Held,
    /// The store was seen to do otherwise.
    Broken,
    /// Neither: an error came back, or an answer was lost.
    Unclear,
}

/// What a store that was tried is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving<'a> {
    /// Any number of servers may write to it.
    Many,
    /// One server may, with a [`SingleWriter`](crate::decorators::single_writer::SingleWriter)
    /// around its records: all that is missing are conditions. The first trial that showed it.
    Alone(&'a Trial),
    /// None may. The trial that stands against it.
    Refused(&'a Trial),
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
    pub verdict: Verdict,
}

impl Trial {
    /// Tells whether the store did what the contract asks.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.verdict == Verdict::Held
    }

    /// Tells whether the trial shows that conditions are passed over. An error does not: a server
    /// that took a moment's failure for it would write without conditions beside others.
    fn lacks_conditions(&self) -> bool {
        let is_about_conditions = matches!(
            self.ability,
            Ability::ConditionalPut | Ability::ConditionalDelete
        );
        is_about_conditions && self.verdict == Verdict::Broken
    }
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
        of_it.peek().is_some() && of_it.all(Trial::is_ok)
    }

    /// Tells whether the store holds the whole contract, so that any number of replicas may serve.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.trials.is_empty() && self.trials.iter().all(Trial::is_ok)
    }

    /// Returns what the store is good for; nothing before the first trial.
    #[must_use]
    pub fn serving(&self) -> Option<Serving<'_>> {
        let mut wrong = self.trials.iter().filter(|trial| !trial.is_ok());
        let first = wrong.clone().next();
        let Some(first) = first else {
            return (!self.trials.is_empty()).then_some(Serving::Many);
        };
        let other = wrong.find(|trial| !trial.lacks_conditions());
        Some(other.map_or(Serving::Alone(first), Serving::Refused))
    }

    pub(super) fn add(&mut self, ability: Ability, tried: &'static str, judged: Judged) {
        let Judged { verdict, came_back } = judged;
        self.trials.push(Trial {
            ability,
            tried,
            came_back,
            verdict,
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
            verdict,
            ..
        } in &self.trials
        {
            let mark = match verdict {
                Verdict::Held => "ok  ",
                Verdict::Broken | Verdict::Unclear => "FAIL",
            };
            writeln!(formatter, "{mark}  {tried:width$}  {came_back}")?;
        }
        Ok(())
    }
}

/// What came back, and what it shows.
pub(super) struct Judged {
    verdict: Verdict,
    came_back: String,
}

impl Judged {
    pub(super) fn held(came_back: impl Into<String>) -> Self {
        Self::new(Verdict::Held, came_back)
    }

    pub(super) fn broken(came_back: impl Into<String>) -> Self {
        Self::new(Verdict::Broken, came_back)
    }

    pub(super) fn new(verdict: Verdict, came_back: impl Into<String>) -> Self {
        let came_back = came_back.into();
        Self { verdict, came_back }
    }
}

/// Turns an error into what came back.
pub(super) fn judged(tried: Result<Judged>) -> Judged {
    tried.unwrap_or_else(|error| Judged::new(Verdict::Unclear, error.to_string()))
}
