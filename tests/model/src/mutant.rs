//! The rules that make the protocol safe, each as what happens when it is taken away.

/// Defines the mutants: the name, the part of the model that has it, and the rule that is missing.
macro_rules! mutants {
    ($($name:ident $part:literal $rule:literal)+) => {
        /// A rule taken away.
        #[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
        pub enum Mutant {
            $(#[doc = $rule] $name,)+
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Returns what is different without the rule.
            #[must_use]
            pub const fn rule(self) -> &'static str {
                match self { $(Self::$name => $rule,)+ }
            }

            /// Returns the part of the model that has the rule.
            #[must_use]
            pub const fn part(self) -> &'static str {
                match self { $(Self::$name => $part,)+ }
            }
        }
    };
}

mutants! {
    WindowNotChecked "guarded" "a reference is sent however long ago its target was protected"
    RetryNotChecked "guarded" "the window is checked before the first send and not before the next"
    CondemnedAgeNotWaited "guarded" "something condemned dies in the next pass, however young"
    CondemnedAgeTooShort "guarded" "C is shorter than D and R together"
    NoFreshScan "guarded" "a pass kills what it has condemned itself, by the same scan"
    AgeCountedToTheKill "guarded" "C is counted to the kill, not to the beginning of the scan"
    UnreadableIsNoReference "guarded" "a manifest that cannot be read counts as none"
    KilledUnconditionally "guarded" "the kill does not ask for the condemned version"
    CondemnedNotRevived "guarded" "protect leaves a condemned record as it is"
    DeadRevived "guarded" "protect brings a dead record back"
    MountProtectsTheLink "guarded" "a mount protects the link of its source, not the blob record"
    CondemnedLinkIsNone "guarded" "level 2 does not count a condemned link"
    HiddenLinkIsNone "guarded" "level 2 does not count a hidden link"
    HiddenDiesAtOnce "guarded" "DELETE of a blob kills its link instead of hiding it"
    HiddenNotBroughtBack "guarded" "a hidden link dies though a manifest names it"
    DataBeforeTheKill "guarded" "the data goes before the record is dead"
    RemovedBeforeItsData "guarded" "a dead record is removed before its data"
    RemovedUnconditionally "guarded" "a dead record is removed on whatever version"
    DeadDataLeft "guarded" "a dead record is written over and its data left"
    DataKeyReused "guarded" "the next generation has the data key of the one before"
    OwnWriteNotKnown "guarded" "own data is dropped though the record names it"
}
