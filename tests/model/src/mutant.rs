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
    TombstonesAlike "register" "tombstones have no nonce, so that all have one entity tag"
    DeleteLeavesNothing "register" "a delete leaves no tombstone"
    TombstoneSweptAtOnce "register" "a tombstone is swept while older requests are under way"
    UnknownIsConflict "register" "another's record after a lost answer is called a conflict"
    UnknownTriedAgain "register" "another's record after a lost answer is a reason to try again"
    RefusalBelieved "register" "a refusal is believed though an answer was lost before"
    UnconditionalSentAgain "register" "an unconditional put is sent again after a lost answer"
    NotFenced "names" "a deleter fences no tag"
    AbsenceHasNoVersion "names" "absence has no version, so an absent tag cannot be fenced"
    ManifestBeforeTag "names" "a push looks at the manifest before it reads the tag"
    NotLookedAtAgain "names" "a push does not look at the manifest again after a conflict of the tag"
    ReverseAfterManifest "names" "the reverse entry is put after the manifest was looked at"
    ReverseRemoved "names" "a deleter removes reverse entries"
    TagSentAtAnyTime "names" "a tag is sent however long ago its reverse entry was put"
    NotMarked "names" "a deleter does not mark the record before it looks at the tags"
    RecordBeforeNames "names" "a deleter removes the record before the tags"
    ManifestRemovedUnconditionally "names" "a deleter removes the record on whatever version"
    DeleteNotFinished "names" "a push writes over a half-done delete without finishing it"
    NoGenerations "names" "a manifest that is made again has its old generation"
    DeletesTheNext "names" "a DELETE goes on with the next generation after a lost answer"
    HistoryAfterTag "names" "the history is written after the tag"
    TagNotFollowed "names" "GET by tag does not read the tag again when its manifest is gone"
    LostIsConflict "names" "a lost answer of a tag is taken for a conflict"
    HistoryNotAsked "names" "after a lost answer the history is not asked whether the tag was set"
    RestartIsNoRetry "names" "a push that makes its manifest again counts as one request"
    EntryNotFenced "names" "a deleter does not fence the referrer entry"
    CatalogAfterAnswer "names" "a push is answered before its repository is in the catalog"
    RegisteredAtAnyTime "sessions" "data is registered however long ago its session went to committing"
    WindowRenewed "sessions" "a repeated PUT opens a window of its own"
    NotCommitted "sessions" "a PUT registers its data though it did not win the session"
    OwnNotCompared "sessions" "a repeated PUT drops the data though the record names it"
    SweeperDoesNotWait "sessions" "the sweeper judges a committing session at once"
    SweeperDoesNotAsk "sessions" "the sweeper does not ask the blob record"
    SessionForgottenFirst "sessions" "the sweeper forgets a session before it deletes its data"
    CancelledUnclaimed "sessions" "a cancellation deletes the data before it claims the session"
    UnclaimedNotDropped "sessions" "a PUT leaves the data that it finished after a cancellation"
    GoneMeansCancelled "sessions" "a session that is gone counts as cancelled, however long ago it was read"
    ChildNotProtected "untagged" "PUT of an index looks at its children and protects none"
    ParentSentAtAnyTime "untagged" "a tag or an index is sent however long ago the manifest was protected"
    SubjectProtectsNothing "untagged" "PUT of a subject does not protect its referrers"
    UntaggedAgeNotWaited "untagged" "an untagged manifest dies in the next pass, however short it was condemned"
    UntaggedNotScannedAgain "untagged" "a pass kills the manifest that it has condemned itself, by the same scan"
    UntaggedKilledUnconditionally "untagged" "level 0 marks a manifest on whatever version"
    RemovedToldAfterwards "removed" "what was removed is recorded after the manifest record is gone"
    RemovedIsNoReference "removed" "what was removed does not count as a reference"
    RestoreProtectsNothing "removed" "a manifest is put back without its links being protected"
    ListedAfterwards "batches" "what is condemned is listed after it was condemned"
    ListRemovedYoung "batches" "a list goes while what it announces may be under way"
    CondemnedLongAfterItsList "batches" "something is condemned however long ago its list was written"
    ListAgeAskedAfterwards "batches" "the age of a list is asked when it goes, not before its link is looked at"
    MemoryNotForgotten "memory" "DELETE of a blob leaves what its replica remembers"
    ForgetsOnlyWhatIsThere "memory" "a HEAD that looked before a DELETE may be remembered after it"
    MemoryOutlivesItsWindow "memory" "a replica remembers a link for longer than D"
    OldNotTouched "grace" "protect does not touch an old record"
    GraceNotWaited "grace" "something unreferenced is condemned however young"
    HeadLeavesCondemned "grace" "HEAD leaves a condemned record as it is"
}
