//! What a disk may hold after a power cut, worked out from the log of what was done to it.
//!
//! Synced bytes, lengths and names stay. Of the rest each block holds what it held after any of the
//! writes to it, each file has any of its lengths, and each name is there or not: file systems that
//! keep an order leave fewer disks, none leaves others. A rename never loses the file; the old name
//! may stay beside the new one.

use super::ledger::Ledger;
use super::watched::{Change, FileId};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

/// Makes one choice after the other, and knows afterwards how many there were.
#[derive(Clone, Debug)]
pub(super) enum Choices {
    /// The choices as given, and the first where none is given.
    Given {
        chosen: Vec<usize>,
        of: Vec<usize>,
        at: usize,
    },
    Last,
    Random(Box<fastrand::Rng>),
}

impl Choices {
    pub(super) const fn first() -> Self {
        Self::Given {
            chosen: Vec::new(),
            of: Vec::new(),
            at: 0,
        }
    }

    pub(super) const fn last() -> Self {
        Self::Last
    }

    pub(super) fn random(seed: u64) -> Self {
        Self::Random(Box::new(fastrand::Rng::with_seed(seed)))
    }

    fn choose(&mut self, count: usize) -> usize {
        match self {
            Self::Last => count - 1,
            Self::Random(random) => random.usize(..count),
            Self::Given { chosen, of, at } => {
                if *at == chosen.len() {
                    chosen.push(0);
                }
                of.truncate(*at);
                of.push(count);
                *at += 1;
                chosen[*at - 1]
            }
        }
    }

    /// Returns the combination after this one.
    pub(super) fn next(&self) -> Option<Self> {
        let Self::Given { chosen, of, .. } = self else {
            return None;
        };
        let mut chosen = chosen.clone();
        while let Some(last) = chosen.pop() {
            if last + 1 < of[chosen.len()] {
                chosen.push(last + 1);
                return Some(Self::Given {
                    chosen,
                    of: of.clone(),
                    at: 0,
                });
            }
        }
        None
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Node {
    File(FileId),
    Folder,
}

/// A change of one name that is not on the disk for certain.
#[derive(Clone, Debug)]
struct NameChange {
    path: String,
    /// What the name stands for from then on; nothing once it is removed.
    node: Option<Node>,
    /// The new name of the file whose old name this removes.
    only_after: Option<String>,
}

/// A file: what is on the disk for certain, and what was done since.
#[derive(Clone, Debug, Default)]
struct FileState {
    synced: Vec<u8>,
    since: Vec<Change>,
}

/// Everything that was done, as far as a power cut may bring it to light.
#[derive(Clone, Debug, Default)]
pub(super) struct DiskState {
    names: BTreeMap<String, Node>,
    name_changes: Vec<NameChange>,
    /// The names as the running system sees them.
    seen_names: BTreeMap<String, Node>,
    files: BTreeMap<FileId, FileState>,
    ledger: Arc<Ledger>,
}

impl DiskState {
    /// Replays a log.
    pub(super) fn after(log: &[Change]) -> Self {
        let mut state = Self::default();
        for change in log {
            state.apply(change);
        }
        state
    }

    /// Returns what the store must hold to at this moment.
    pub(super) fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger)
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Create { path, file } => {
                self.files.insert(*file, FileState::default());
                self.change_name(path, Some(Node::File(*file)), None);
            }
            Change::MakeFolder { path } => self.change_name(path, Some(Node::Folder), None),
            Change::Write { file, .. } | Change::SetLength { file, .. } => {
                let file = self.files.get_mut(file).unwrap();
                file.since.push(change.clone());
            }
            Change::SyncData { file } => {
                let file = self.files.get_mut(file).unwrap();
                for change in std::mem::take(&mut file.since) {
                    replay(&mut file.synced, &change);
                }
            }
            Change::SyncFolder { path } => self.sync_folder(path),
            Change::Rename { from, to } => {
                let node = self.seen_names[from];
                self.change_name(to, Some(node), None);
                self.change_name(from, None, Some(to.clone()));
            }
            Change::Remove { path } => self.change_name(path, None, None),
            Change::Note(ledger) => self.ledger = Arc::clone(ledger),
        }
    }

    fn change_name(&mut self, path: &str, node: Option<Node>, only_after: Option<String>) {
        match node {
            Some(node) => self.seen_names.insert(path.to_owned(), node),
            None => self.seen_names.remove(path),
        };
        self.name_changes.push(NameChange {
            path: path.to_owned(),
            node,
            only_after,
        });
    }

    fn sync_folder(&mut self, folder: &str) {
        let changes = std::mem::take(&mut self.name_changes);
        let is_in = |path: &str| folder_of(path) == folder;
        // Where the removal of an old name is brought to the disk, so is the new name before it.
        let moved: HashSet<String> = changes
            .iter()
            .filter(|change| is_in(&change.path))
            .filter_map(|change| change.only_after.clone())
            .collect();
        for change in changes {
            if is_in(&change.path) || moved.contains(&change.path) {
                set(&mut self.names, &change);
            } else {
                self.name_changes.push(change);
            }
        }
    }

    /// Returns a disk that a cut now may leave.
    pub(super) fn cut(&self, choices: &mut Choices) -> CutDisk {
        let mut names = self.names.clone();
        let mut missing = HashSet::new();
        for change in &self.name_changes {
            // Changes of one name reach the disk in their order.
            let is_possible = !missing.contains(&change.path)
                && change
                    .only_after
                    .as_ref()
                    .is_none_or(|to| !missing.contains(to));
            if is_possible && choices.choose(2) == 1 {
                set(&mut names, change);
            } else {
                missing.insert(change.path.clone());
            }
        }
        // What lies in a folder that is not there is not there.
        let all = names.clone();
        names.retain(|path, _| {
            let mut around = folder_of(path);
            while !around.is_empty() && all.contains_key(around) {
                around = folder_of(around);
            }
            around.is_empty()
        });
        let reachable: HashSet<Node> = names.values().copied().collect();
        let files = self.files.iter();
        let files = files.filter(|(file, _)| reachable.contains(&Node::File(**file)));
        let files = files.map(|(file, state)| (*file, state.cut(choices)));
        let files = files.collect();
        CutDisk { names, files }
    }
}

impl FileState {
    fn cut(&self, choices: &mut Choices) -> Vec<u8> {
        if self.since.is_empty() {
            return self.synced.clone();
        }
        let block = [4096, 512][choices.choose(2)];
        // What each block held and how long the file was after each change.
        let mut now = self.synced.clone();
        let mut lengths = vec![now.len()];
        let mut blocks: BTreeMap<usize, Vec<Vec<u8>>> = BTreeMap::new();
        for change in &self.since {
            let length_before = now.len();
            let range = match change {
                Change::Write { offset, bytes, .. } => {
                    let start = usize::try_from(*offset).unwrap();
                    start..start + bytes.len()
                }
                Change::SetLength { length, .. } => {
                    usize::try_from(*length).unwrap()..length_before
                }
                _ => unreachable!("no other change is of a file"),
            };
            for number in range.start / block..range.end.div_ceil(block) {
                let versions = blocks.entry(number);
                versions.or_insert_with(|| vec![block_of(&self.synced, number, block)]);
            }
            replay(&mut now, change);
            for number in range.start / block..range.end.div_ceil(block) {
                let versions = blocks.get_mut(&number).unwrap();
                versions.push(block_of(&now, number, block));
            }
            lengths.push(now.len());
        }
        lengths.dedup();
        let length = lengths[choices.choose(lengths.len())];
        let mut cut = self.synced.clone();
        cut.resize(length.max(cut.len()), 0);
        for (number, mut versions) in blocks {
            versions.dedup();
            let start = number * block;
            if start >= length || versions.len() == 1 {
                continue;
            }
            let version = &versions[choices.choose(versions.len())];
            let end = (start + block).min(length);
            cut[start..end].copy_from_slice(&version[..end - start]);
        }
        cut.truncate(length);
        cut
    }
}

fn block_of(bytes: &[u8], number: usize, block: usize) -> Vec<u8> {
    let start = (number * block).min(bytes.len());
    let mut found = bytes[start..(start + block).min(bytes.len())].to_vec();
    found.resize(block, 0);
    found
}

fn replay(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write {
            offset,
            bytes: written,
            ..
        } => {
            let start = usize::try_from(*offset).unwrap();
            bytes.resize(bytes.len().max(start + written.len()), 0);
            bytes[start..start + written.len()].copy_from_slice(written);
        }
        Change::SetLength { length, .. } => bytes.resize(usize::try_from(*length).unwrap(), 0),
        _ => unreachable!("no other change is of a file"),
    }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn set(names: &mut BTreeMap<String, Node>, change: &NameChange) {
    match change.node {
        Some(node) => names.insert(change.path.clone(), node),
        None => names.remove(&change.path),
    };
}

/// A disk after a cut.
#[derive(Debug, Hash)]
pub(super) struct CutDisk {
    names: BTreeMap<String, Node>,
    files: BTreeMap<FileId, Vec<u8>>,
}

impl CutDisk {
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// Makes the folder as the disk has it.
    pub(super) fn write_to(&self, folder: &Path) {
        std::fs::create_dir(folder).unwrap();
        for (path, node) in &self.names {
            let path = folder.join(path);
            match node {
                Node::Folder => std::fs::create_dir(path).unwrap(),
                #[expect(clippy::disallowed_methods, reason = "a folder that no store has open")]
                Node::File(file) => std::fs::write(path, &self.files[file]).unwrap(),
            }
        }
    }
}
