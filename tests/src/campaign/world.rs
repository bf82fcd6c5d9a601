//! Everything the clients know together: what they pushed, what was answered, what they found.

use crate::campaign::collecting::Collecting;
use crate::campaign::content::{Blob, Manifest};
use crate::campaign::register::{Effect, Name, Outcome, Register};
use crate::campaign::session::Session;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Tags that each repository has. Few, so that clients meet at them.
const TAGS: usize = 12;

/// The number of a repository.
pub(crate) type Repository = usize;

/// One thing the server keeps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Object {
    /// A blob of a repository, by digest.
    Blob(Repository, Name),
    /// A manifest of a repository, by digest.
    Manifest(Repository, Name),
    /// A tag of a repository.
    Tag(Repository, Name),
    /// The entry of the second digest in the list of what refers to the first.
    Referrer(Repository, Name, Name),
}

/// A kind of operation, for the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A blob was pushed, in one request or several.
    PushBlob,
    /// A blob was mounted from another repository.
    Mount,
    /// A blob was deleted.
    DeleteBlob,
    /// A manifest was pushed, by tag or digest.
    PushManifest,
    /// A manifest was deleted with its tags.
    DeleteManifest,
    /// A tag was deleted.
    DeleteTag,
}

/// How many operations of a kind ended how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    /// All that were sent.
    pub begun: u64,
    /// Those that were answered as done.
    pub acknowledged: u64,
    /// Those that were answered as not done.
    pub refused: u64,
}

/// What a repository ever got.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) name: String,
    pub(crate) blobs: Vec<Arc<Blob>>,
    pub(crate) manifests: Vec<Arc<Manifest>>,
}

/// How sure it is that an operation has written a register once it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surety {
    /// It has when it was acknowledged, and has not when it was refused.
    AsAnswered,
    /// It has when it was acknowledged, and may have when it was refused.
    OrAllTheSame,
    /// It may have, however it was answered.
    Perhaps,
}

/// An operation under way.
#[derive(Debug)]
pub(crate) struct Ticket {
    kind: Kind,
    began: u64,
    /// The registers it writes.
    writes: Vec<(Object, usize, Surety)>,
    /// The manifest whose cut-off deletion this operation finishes.
    finishes: Option<(Repository, Name)>,
}

/// The state of the model.
#[derive(Debug)]
pub struct World {
    /// The number of the round.
    pub round: usize,
    pub(crate) repositories: Vec<Contents>,
    /// Uploads that nobody works at.
    pub(crate) sessions: Vec<Session>,
    /// What is wrong with the server.
    pub findings: Vec<String>,
    /// How operations ended.
    pub counts: BTreeMap<Kind, Count>,
    pub(crate) tags: Vec<Name>,
    /// What the collector may do meanwhile; nothing by default.
    pub(crate) collecting: Option<Collecting>,
    /// How often something was found changed that no client had asked for, and the collector may.
    pub collected: u64,
    clock: u64,
    registers: HashMap<Object, Register>,
    /// Manifests with a deletion that was cut off and may go on.
    unfinished: HashSet<(Repository, Name)>,
    /// How sure the push of a manifest brings back blobs that were deleted.
    revives: Surety,
}

impl World {
    /// Knows repositories and tags, and nothing in them. `servers` serve them together: each of
    /// them vouches for some minutes for blobs that it has just seen, so that a manifest may be
    /// taken whose blob was deleted at another.
    #[must_use]
    pub fn new(prefix: &str, repositories: usize, servers: usize) -> Self {
        let repositories = (0..repositories).map(|number| Contents {
            name: format!("{prefix}/repository-{number}"),
            blobs: Vec::new(),
            manifests: Vec::new(),
        });
        Self {
            round: 0,
            repositories: repositories.collect(),
            sessions: Vec::new(),
            findings: Vec::new(),
            counts: BTreeMap::new(),
            tags: (0..TAGS)
                .map(|number| format!("v{number}").into())
                .collect(),
            collecting: None,
            collected: 0,
            clock: 0,
            registers: HashMap::new(),
            unfinished: HashSet::new(),
            revives: if servers > 1 {
                Surety::Perhaps
            } else {
                Surety::OrAllTheSame
            },
        }
    }

    /// Returns what is known of an object, if anything is.
    pub(crate) fn register(&self, object: &Object) -> Option<&Register> {
        self.registers.get(object)
    }

    /// Tells whether an object is surely there.
    pub(crate) fn is_sure(&self, object: &Object) -> bool {
        let register = self.registers.get(object);
        register.is_some_and(|register| register.sure().is_some())
    }

    /// Tells whether anybody ever asked for the removal of an object.
    pub(crate) fn was_ever_cleared(&self, object: &Object) -> bool {
        let register = self.registers.get(object);
        register.is_none_or(Register::was_ever_cleared)
    }

    /// Takes an upload that nobody works at.
    pub(crate) fn take_session(&mut self, random: &mut fastrand::Rng) -> Option<Session> {
        if self.sessions.is_empty() {
            return None;
        }
        let number = random.usize(..self.sessions.len());
        Some(self.sessions.swap_remove(number))
    }

    /// Forgets the uploads that nobody works at: they have expired.
    pub fn forget_sessions(&mut self) {
        self.sessions.clear();
    }

    pub(crate) fn begin_blob(
        &mut self,
        kind: Kind,
        repository: Repository,
        blob: &Arc<Blob>,
        what: &str,
    ) -> Ticket {
        let known = &mut self.repositories[repository].blobs;
        if !known.iter().any(|known| known.digest == blob.digest) {
            known.push(Arc::clone(blob));
        }
        let effect = match kind {
            Kind::DeleteBlob => Effect::Clear,
            _ => Effect::Set(Arc::clone(&blob.digest)),
        };
        let object = Object::Blob(repository, Arc::clone(&blob.digest));
        self.begin(kind, vec![(object, effect, Surety::AsAnswered)], None, what)
    }

    /// Begins the push of a manifest under tags. What it names comes back if it was deleted
    /// before, also when the push is refused for something else.
    pub(crate) fn begin_manifest_push(
        &mut self,
        repository: Repository,
        manifest: &Arc<Manifest>,
        tags: &[Name],
        what: &str,
    ) -> Ticket {
        let known = &mut self.repositories[repository].manifests;
        if !known.iter().any(|known| known.digest == manifest.digest) {
            known.push(Arc::clone(manifest));
        }
        let digest = &manifest.digest;
        let set = || Effect::Set(Arc::clone(digest));
        let object = Object::Manifest(repository, Arc::clone(digest));
        let mut writes = vec![(object, set(), Surety::AsAnswered)];
        for tag in tags {
            let object = Object::Tag(repository, Arc::clone(tag));
            writes.push((object, set(), Surety::AsAnswered));
        }
        if let Some(subject) = &manifest.subject {
            let object = Object::Referrer(repository, Arc::clone(subject), Arc::clone(digest));
            writes.push((object, set(), Surety::AsAnswered));
        }
        for blob in &manifest.blobs {
            let object = Object::Blob(repository, Arc::clone(&blob.digest));
            let effect = Effect::Set(Arc::clone(&blob.digest));
            writes.push((object, effect, self.revives));
        }
        let finishes = Some((repository, Arc::clone(digest)));
        self.begin(Kind::PushManifest, writes, finishes, what)
    }

    pub(crate) fn begin_manifest_delete(
        &mut self,
        repository: Repository,
        manifest: &Manifest,
        what: &str,
    ) -> Ticket {
        let digest = &manifest.digest;
        let object = Object::Manifest(repository, Arc::clone(digest));
        let mut writes = vec![(object, Effect::Clear, Surety::AsAnswered)];
        for tag in &self.tags {
            let object = Object::Tag(repository, Arc::clone(tag));
            writes.push((
                object,
                Effect::ClearIf(Arc::clone(digest)),
                Surety::AsAnswered,
            ));
        }
        if let Some(subject) = &manifest.subject {
            let object = Object::Referrer(repository, Arc::clone(subject), Arc::clone(digest));
            writes.push((
                object,
                Effect::ClearIf(Arc::clone(digest)),
                Surety::AsAnswered,
            ));
        }
        let finishes = Some((repository, Arc::clone(digest)));
        self.begin(Kind::DeleteManifest, writes, finishes, what)
    }

    pub(crate) fn begin_tag_delete(
        &mut self,
        repository: Repository,
        tag: &Name,
        what: &str,
    ) -> Ticket {
        let object = Object::Tag(repository, Arc::clone(tag));
        let writes = vec![(object, Effect::Clear, Surety::AsAnswered)];
        self.begin(Kind::DeleteTag, writes, None, what)
    }

    fn begin(
        &mut self,
        kind: Kind,
        writes: Vec<(Object, Effect, Surety)>,
        finishes: Option<(Repository, Name)>,
        what: &str,
    ) -> Ticket {
        self.clock += 1;
        self.counts.entry(kind).or_default().begun += 1;
        let (began, round) = (self.clock, self.round);
        let what: Arc<str> = format!("round {round}, {what}").into();
        let writes = writes.into_iter().map(|(object, effect, surety)| {
            let register = self.registers.entry(object.clone()).or_default();
            let number = register.begin(effect, began, round, Arc::clone(&what));
            (object, number, surety)
        });
        Ticket {
            kind,
            began,
            writes: writes.collect(),
            finishes,
        }
    }

    /// Notes that an operation was answered as done.
    pub(crate) fn acknowledge(&mut self, ticket: &Ticket) {
        self.clock += 1;
        self.counts.entry(ticket.kind).or_default().acknowledged += 1;
        if let Some(finished) = &ticket.finishes
            && self.unfinished.remove(finished)
        {
            self.end_lingering(ticket, finished);
        }
        let moment = self.clock;
        self.end(ticket, |surety| match surety {
            Surety::AsAnswered | Surety::OrAllTheSame => Outcome::Acknowledged(moment),
            Surety::Perhaps => Outcome::Perhaps(moment),
        });
    }

    /// Notes that an operation was answered as not done.
    pub(crate) fn refuse(&mut self, ticket: &Ticket) {
        self.clock += 1;
        self.counts.entry(ticket.kind).or_default().refused += 1;
        let moment = self.clock;
        self.end(ticket, |surety| match surety {
            Surety::AsAnswered => Outcome::Refused,
            Surety::OrAllTheSame | Surety::Perhaps => Outcome::Perhaps(moment),
        });
    }

    /// Compares what was found after a restart with what may be there, and takes it from then on.
    pub(crate) fn observe(&mut self, object: &Object, found: Option<Name>) {
        let register = self.registers.entry(object.clone()).or_default();
        let allowed = register.allowed();
        let is_allowed = allowed.contains(&found);
        if !is_allowed && self.may_be_collected(object, found.as_ref()) {
            self.collected += 1;
        } else if !is_allowed {
            let history = self.registers.get(object).map(Register::history);
            let history = history.unwrap_or_default();
            self.findings.push(format!(
                "{}: found {found:?}, allowed is {allowed:?}\n{history}",
                self.describe(object)
            ));
        }
        let Some(register) = self.registers.get_mut(object) else {
            return;
        };
        let own = match object {
            Object::Manifest(_, digest) => Some(digest),
            _ => None,
        };
        let lingering = register.settle(found, own);
        if let Object::Tag(repository, _)
        | Object::Referrer(repository, ..)
        | Object::Manifest(repository, _) = object
        {
            let lingering = lingering.into_iter().map(|digest| (*repository, digest));
            self.unfinished.extend(lingering);
        }
    }

    /// Notes something that is wrong with an object.
    pub(crate) fn accuse(&mut self, object: &Object, problem: &str) {
        let history = self.registers.get(object).map(Register::history);
        let history = history.unwrap_or_default();
        let text = format!("{}: {problem}\n{history}", self.describe(object));
        self.findings.push(text);
    }

    fn describe(&self, object: &Object) -> String {
        let name = |repository: &Repository| &self.repositories[*repository].name;
        match object {
            Object::Blob(repository, digest) => format!("blob {}@{digest}", name(repository)),
            Object::Manifest(repository, digest) => {
                format!("manifest {}@{digest}", name(repository))
            }
            Object::Tag(repository, tag) => format!("tag {}:{tag}", name(repository)),
            Object::Referrer(repository, subject, digest) => {
                format!("referrer {digest} of {}@{subject}", name(repository))
            }
        }
    }

    fn end(&mut self, ticket: &Ticket, outcome: impl Fn(Surety) -> Outcome) {
        for (object, number, surety) in &ticket.writes {
            if let Some(register) = self.registers.get_mut(object) {
                register.end(*number, outcome(*surety));
            }
        }
    }

    /// An answered push or deletion has finished the deletion that was cut off: before its own
    /// writes, and at any moment of its run for everything else.
    fn end_lingering(&mut self, ticket: &Ticket, finished: &(Repository, Name)) {
        let (repository, digest) = finished;
        for (object, register) in &mut self.registers {
            let concerns = match object {
                Object::Tag(place, _) => place == repository,
                Object::Referrer(place, _, own) | Object::Manifest(place, own) => {
                    place == repository && own == digest
                }
                Object::Blob(..) => false,
            };
            if concerns {
                let is_own = ticket.writes.iter().any(|(own, ..)| own == object);
                let moment = if is_own { ticket.began - 1 } else { self.clock };
                register.end_lingering(digest, moment);
            }
        }
    }
}
