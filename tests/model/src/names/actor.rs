//! One request on its way: where it is, and what it knows.

use super::Value;

/// Where an actor is: the call that it does next.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(super) enum At {
    Start,
    /// First wave of PUT.
    WriteReverse,
    ReadTag,
    ReadEntry,
    /// Second wave.
    Create,
    CreateLost,
    ReadManifest,
    Replace,
    /// Third wave.
    ReadTagAgain,
    StillLive,
    WriteHistory,
    SetTag,
    LookForTag,
    LookForHistory,
    LateHistory,
    SetEntry,
    ReadEntryAgain,
    EntryStillLive,
    EnterCatalog,
    /// DELETE of a manifest, and what a PUT does that meets an unfinished one.
    DeleteRead,
    Mark,
    ListReverse,
    CheckTag,
    TagHistory,
    RemoveTag,
    ReleaseEntry,
    RemoveReverse,
    Remove,
    /// DELETE of a tag.
    TagRead,
    TagRemember,
    TagDelete,
    TagDeleteLost,
    /// GET by tag.
    GetManifest,
    GetTagAgain,
    Done,
    GaveUp,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "a state is a handful of facts, each true or not"
)]
#[derive(Clone, Copy, Hash, PartialEq, Eq)]
pub(super) struct Actor {
    pub(super) at: At,
    pub(super) tries: u8,
    pub(super) ids: u8,
    /// Nobody wrote the manifest record since it was read.
    pub(super) manifest_is_fresh: bool,
    pub(super) generation: u8,
    pub(super) tag: Option<Value>,
    pub(super) tag_is_fresh: bool,
    /// The tag was read in this attempt.
    pub(super) has_tag: bool,
    pub(super) has_reverse: bool,
    pub(super) entry_is_fresh: bool,
    pub(super) entry: Option<u8>,
    pub(super) nonce: u8,
    pub(super) found: bool,
    /// A deletion was finished on the way.
    pub(super) released: bool,
    /// The reverse entry is old by now: D and R are over since it was put.
    pub(super) is_late: bool,
    pub(super) sees_young: bool,
    pub(super) calls: [u8; 3],
}

pub(super) const IDLE: Actor = Actor {
    at: At::Start,
    tries: 0,
    ids: 0,
    manifest_is_fresh: false,
    generation: 0,
    tag: None,
    tag_is_fresh: false,
    has_tag: false,
    has_reverse: false,
    entry_is_fresh: false,
    entry: None,
    nonce: 0,
    found: false,
    released: false,
    is_late: false,
    sees_young: false,
    calls: [0; 3],
};
