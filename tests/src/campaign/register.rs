//! The model of one thing the server keeps: which values it may have after a kill.
//!
//! A register holds a digest or nothing. Writes that were answered must be there; a write that was
//! in flight at the kill may have happened or not; writes that ran side by side may have happened in
//! either order.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

/// A digest, a tag or another name, shared.
pub(crate) type Name = Arc<str>;

/// What a write does to a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The register holds this digest.
    Set(Name),
    /// The register holds nothing.
    Clear,
    /// The register holds nothing if it held this digest: what deleting a manifest does to its tags.
    ClearIf(Name),
}

/// How a write ended. The numbers are moments of the model's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// No answer has come.
    Pending,
    /// It was answered as done.
    Acknowledged(u64),
    /// It is over and may have had its effect.
    Perhaps(u64),
    /// It was answered as not done.
    Refused,
}

/// One write and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    effect: Effect,
    began: u64,
    sent: Instant,
    outcome: Outcome,
    what: Arc<str>,
}

/// What is known of one register.
#[derive(Debug, Default)]
pub(crate) struct Register {
    base: Option<Name>,
    writes: Vec<Write>,
    /// How many of the writes happened before `base` was seen.
    settled: usize,
    /// Settled writes that may still come to be: a deletion that was cut off is finished by the
    /// next push or deletion of the same manifest.
    lingering: Vec<usize>,
    last_round: usize,
}

impl Register {
    /// Notes a write that is about to be sent in a round. Returns its number.
    pub(crate) fn begin(
        &mut self,
        effect: Effect,
        began: u64,
        round: usize,
        what: Arc<str>,
    ) -> usize {
        self.last_round = round;
        self.writes.push(Write {
            effect,
            began,
            sent: Instant::now(),
            outcome: Outcome::Pending,
            what,
        });
        self.writes.len() - 1
    }

    /// Notes how a write ended.
    pub(crate) fn end(&mut self, number: usize, outcome: Outcome) {
        self.writes[number].outcome = outcome;
    }

    /// Notes that cut-off deletions are finished at `moment`, by whoever finished them.
    pub(crate) fn end_lingering(&mut self, digest: &Name, moment: u64) {
        for &number in &self.lingering {
            let write = &mut self.writes[number];
            let concerns = match &write.effect {
                Effect::ClearIf(deleted) => deleted == digest,
                Effect::Clear => true,
                Effect::Set(_) => false,
            };
            if concerns && write.outcome == Outcome::Pending {
                write.outcome = Outcome::Perhaps(moment);
            }
        }
    }

    /// Returns every value that the register may have now.
    pub(crate) fn allowed(&self) -> Vec<Option<Name>> {
        let mut allowed = Vec::new();
        let mut allow = |value: Option<Name>| {
            if !allowed.contains(&value) {
                allowed.push(value);
            }
        };
        if !self.is_overwritten(self.base.as_ref(), 0) {
            allow(self.base.clone());
        }
        for write in self.current() {
            let ended = match write.outcome {
                Outcome::Pending => u64::MAX,
                Outcome::Acknowledged(moment) | Outcome::Perhaps(moment) => moment,
                Outcome::Refused => continue,
            };
            let value = match &write.effect {
                Effect::Set(digest) => Some(Arc::clone(digest)),
                Effect::Clear => None,
                Effect::ClearIf(digest) if self.may_have_held(digest, ended) => None,
                Effect::ClearIf(_) => continue,
            };
            if !self.is_overwritten(value.as_ref(), ended) {
                allow(value);
            }
        }
        allowed
    }

    /// Takes a value that was seen after a restart as the only one. Of a register that holds `own`
    /// or nothing, a removal that was cut off may yet be finished. Returns the manifests whose
    /// deletion lingers.
    pub(crate) fn settle(&mut self, seen: Option<Name>, own: Option<&Name>) -> Vec<Name> {
        self.lingering.extend(self.settled..self.writes.len());
        self.settled = self.writes.len();
        self.base = seen;
        let writes = &self.writes;
        let lingers = |number: usize| match (&writes[number].effect, writes[number].outcome) {
            (Effect::ClearIf(digest), Outcome::Pending) => Some(Arc::clone(digest)),
            (Effect::Clear, Outcome::Pending) => own.cloned(),
            _ => None,
        };
        self.lingering.retain(|&number| lingers(number).is_some());
        let lingering = self.lingering.iter();
        lingering.filter_map(|&number| lingers(number)).collect()
    }

    /// Returns the value that was seen at the last look.
    pub(crate) fn seen(&self) -> Option<&Name> {
        self.base.as_ref()
    }

    /// Returns the last round that wrote it.
    pub(crate) fn last_round(&self) -> usize {
        self.last_round
    }

    /// Tells whether anybody ever asked for the removal of what it holds.
    pub(crate) fn was_ever_cleared(&self) -> bool {
        self.writes
            .iter()
            .any(|write| !matches!(write.effect, Effect::Set(_)))
    }

    /// Tells whether anybody was ever told that it holds something.
    pub(crate) fn was_ever_set(&self) -> bool {
        self.writes.iter().any(|write| {
            let is_told = matches!(write.outcome, Outcome::Acknowledged(_));
            is_told && matches!(write.effect, Effect::Set(_))
        })
    }

    /// Tells whether a write that was acknowledged has set it, sent since `moment`, and nobody ever
    /// asked for the removal of what it holds.
    pub(crate) fn was_set_since(&self, moment: Instant) -> bool {
        let mut writes = self.writes.iter().rev();
        let was_set = writes
            .any(|write| matches!(write.outcome, Outcome::Acknowledged(_)) && write.sent >= moment);
        was_set && !self.was_ever_cleared()
    }

    /// Returns the value it surely has, if its value is sure and not nothing.
    pub(crate) fn sure(&self) -> Option<Name> {
        let mut allowed = self.allowed();
        if allowed.len() == 1 {
            return allowed.pop().flatten();
        }
        None
    }

    /// Writes the history down, a line a write.
    pub(crate) fn history(&self) -> String {
        let mut text = format!("    value at the last look: {:?}\n", self.base);
        for (number, write) in self.writes.iter().enumerate() {
            let place = if number >= self.settled {
                "since"
            } else if self.lingering.contains(&number) {
                "lingering"
            } else {
                "before"
            };
            let _ = writeln!(
                text,
                "    {place} the look: {}: {:?} begun at {}, {:?}",
                write.what, write.effect, write.began, write.outcome
            );
        }
        text
    }

    fn current(&self) -> impl Iterator<Item = &Write> {
        let lingering = self.lingering.iter().map(|&number| &self.writes[number]);
        lingering.chain(&self.writes[self.settled..])
    }

    /// Tells whether an answered write that began after `moment` has surely replaced `value`.
    fn is_overwritten(&self, value: Option<&Name>, moment: u64) -> bool {
        self.current().any(|write| {
            let replaces = match (&write.effect, value) {
                (Effect::Set(_), _) | (Effect::Clear, Some(_)) => true,
                (Effect::ClearIf(digest), Some(value)) => digest == value,
                (Effect::Clear | Effect::ClearIf(_), None) => false,
            };
            replaces && write.began > moment && matches!(write.outcome, Outcome::Acknowledged(_))
        })
    }

    fn may_have_held(&self, digest: &Name, before: u64) -> bool {
        self.base.as_ref() == Some(digest)
            || self.current().any(|write| {
                write.effect == Effect::Set(Arc::clone(digest))
                    && write.outcome != Outcome::Refused
                    && write.began < before
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Arc::from(text)
    }

    fn set(register: &mut Register, text: &str, began: u64, outcome: Outcome) {
        let number = register.begin(Effect::Set(name(text)), began, 1, name("set"));
        register.end(number, outcome);
    }

    #[test]
    fn an_answered_write_is_the_only_value() {
        let mut register = Register::default();
        set(&mut register, "a", 1, Outcome::Acknowledged(2));
        set(&mut register, "b", 3, Outcome::Acknowledged(4));
        assert_eq!(register.allowed(), [Some(name("b"))]);
    }

    #[test]
    fn a_write_in_flight_may_have_happened() {
        let mut register = Register::default();
        set(&mut register, "a", 1, Outcome::Acknowledged(2));
        register.begin(Effect::Clear, 3, 1, name("delete"));
        assert_eq!(register.allowed(), [Some(name("a")), None]);
    }

    #[test]
    fn writes_side_by_side_end_in_either_order() {
        let mut register = Register::default();
        set(&mut register, "a", 1, Outcome::Acknowledged(4));
        set(&mut register, "b", 2, Outcome::Acknowledged(3));
        assert_eq!(register.allowed(), [Some(name("a")), Some(name("b"))]);
    }

    #[test]
    fn a_refused_write_leaves_no_value() {
        let mut register = Register::default();
        set(&mut register, "a", 1, Outcome::Refused);
        assert_eq!(register.allowed(), [None]);
    }

    #[test]
    fn deleting_a_manifest_clears_only_tags_that_name_it() {
        let mut register = Register::default();
        set(&mut register, "a", 1, Outcome::Acknowledged(2));
        let number = register.begin(Effect::ClearIf(name("b")), 3, 1, name("delete b"));
        register.end(number, Outcome::Acknowledged(4));
        assert_eq!(register.allowed(), [Some(name("a"))]);
        let number = register.begin(Effect::ClearIf(name("a")), 5, 1, name("delete a"));
        register.end(number, Outcome::Acknowledged(6));
        assert_eq!(register.allowed(), [None]);
    }

    #[test]
    fn a_deletion_that_was_cut_off_lingers_until_it_is_finished() {
        let mut register = Register::default();
        set(&mut register, "a", 1, Outcome::Acknowledged(2));
        register.begin(Effect::ClearIf(name("a")), 3, 1, name("delete a"));
        assert_eq!(register.settle(Some(name("a")), None), [name("a")]);
        assert_eq!(register.allowed(), [Some(name("a")), None]);
        register.end_lingering(&name("a"), 9);
        assert!(register.settle(Some(name("a")), None).is_empty());
        assert_eq!(register.allowed(), [Some(name("a"))]);
    }

    #[test]
    fn a_manifest_whose_deletion_was_cut_off_may_go_until_it_is_pushed_again() {
        let mut register = Register::default();
        set(&mut register, "a", 1, Outcome::Acknowledged(2));
        register.begin(Effect::Clear, 3, 1, name("delete a"));
        let seen = register.settle(Some(name("a")), Some(&name("a")));
        assert_eq!(seen, [name("a")]);
        assert_eq!(register.allowed(), [Some(name("a")), None]);
        set(&mut register, "a", 5, Outcome::Acknowledged(6));
        register.end_lingering(&name("a"), 4);
        assert_eq!(register.allowed(), [Some(name("a"))]);
    }

    #[test]
    fn what_was_just_set_is_known_until_somebody_asks_for_its_removal() {
        let before = Instant::now();
        let mut register = Register::default();
        register.begin(Effect::Set(name("a")), 1, 1, name("set"));
        assert!(!register.was_set_since(before));
        register.end(0, Outcome::Acknowledged(2));
        assert!(register.was_set_since(before));
        register.begin(Effect::Set(name("a")), 3, 1, name("set again"));
        let between = register.writes[1].sent;
        assert_eq!(
            register.was_set_since(between),
            register.writes[0].sent == between
        );
        register.begin(Effect::Clear, 4, 1, name("delete"));
        assert!(!register.was_set_since(before));
    }
}
