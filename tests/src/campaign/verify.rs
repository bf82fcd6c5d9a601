//! After a restart: reads back what the model knows and compares.

mod listing;

use crate::campaign::connection::{Body, Connection, Servers};
use crate::campaign::content::{Blob, Manifest, hashes_to};
use crate::campaign::register::{Name, Register};
use crate::campaign::session::check_session;
use crate::campaign::shared::Shared;
use crate::campaign::world::{Object, Repository, World};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinSet;

/// Connections that read at once.
const READERS: usize = 6;
/// Blobs up to this size are read in every round, larger ones while they are news.
const ALWAYS_READ_BYTES: usize = 32 * 1024;
const NEWS_ROUNDS: usize = 3;
/// Of what was gone for some rounds, one in so many is looked at in a round.
const RARELY: u8 = 8;
/// After so many findings nobody looks further.
const MOST_FINDINGS: usize = 50;

/// How much is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Everything is looked at that was there; large blobs of earlier rounds are read one time in
    /// sixteen, and what was gone for some rounds is looked at one time in eight.
    Round,
    /// Every byte is read.
    Whole,
    /// Every byte is read, after the collector has finished: what a manifest names is there, whoever
    /// deleted it before.
    Settled,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checked {
    /// Blobs.
    pub blobs: u64,
    /// Manifests.
    pub manifests: u64,
    /// Tags.
    pub tags: u64,
    /// Upload sessions.
    pub sessions: u64,
    /// Bytes of blobs and manifests that were hashed.
    pub read_bytes: u64,
}

impl Checked {
    /// Adds what was looked at by somebody else.
    pub fn add(&mut self, other: Self) {
        self.blobs += other.blobs;
        self.manifests += other.manifests;
        self.tags += other.tags;
        self.sessions += other.sessions;
        self.read_bytes += other.read_bytes;
    }
}

enum Check {
    Blob {
        repository: Repository,
        blob: Arc<Blob>,
        is_read: bool,
    },
    Manifest(Repository, Arc<Manifest>),
    Tag(Repository, Name),
}

/// Compares everything with the model. Violations become findings of the model.
///
/// # Errors
/// A server that does not answer, or answers a list with something else.
pub async fn verify(
    shared: &Arc<Shared>,
    servers: &Servers,
    depth: Depth,
    random: &mut fastrand::Rng,
) -> anyhow::Result<Checked> {
    let checks = Arc::new(Mutex::new(collect(shared, depth, random).into_iter()));
    let mut readers = JoinSet::new();
    for number in 0..READERS {
        let (shared, checks) = (Arc::clone(shared), Arc::clone(&checks));
        let connection = Connection::new(servers, number);
        readers.spawn(async move {
            let mut reader = Reader {
                shared,
                connection,
                checked: Checked::default(),
            };
            loop {
                let next = checks.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(check) = next else {
                    return reader.checked;
                };
                let object = check.object();
                if let Err(error) = reader.check(check).await {
                    let mut world = reader.shared.world();
                    world.accuse(&object, &format!("{error:#}"));
                    // A server that is gone fails every check.
                    if world.findings.len() > MOST_FINDINGS {
                        return reader.checked;
                    }
                }
            }
        });
    }
    let mut checked = Checked::default();
    while let Some(reader) = readers.join_next().await {
        checked.add(reader?);
    }
    let mut reader = Reader {
        shared: Arc::clone(shared),
        connection: Connection::new(servers, 0),
        checked: Checked::default(),
    };
    reader.check_lists().await?;
    checked.add(reader.checked);
    let mut connection = reader.connection;
    check_references(shared, depth);
    let sessions = std::mem::take(&mut shared.world().sessions);
    for session in sessions {
        checked.sessions += 1;
        let open = check_session(shared, &mut connection, session, random).await?;
        shared.world().sessions.extend(open);
    }
    Ok(checked)
}

fn collect(shared: &Shared, depth: Depth, random: &mut fastrand::Rng) -> Vec<Check> {
    let world = shared.world();
    let mut checks = Vec::new();
    for (repository, contents) in world.repositories.iter().enumerate() {
        for blob in &contents.blobs {
            let object = Object::Blob(repository, Arc::clone(&blob.digest));
            let is_news = is_news(&world, &object);
            if !is_news && skips(&world, &object, depth, random) {
                continue;
            }
            let is_read = depth != Depth::Round
                || is_news
                || blob.length <= ALWAYS_READ_BYTES
                || random.u8(..16) == 0;
            checks.push(Check::Blob {
                repository,
                blob: Arc::clone(blob),
                is_read,
            });
        }
        for manifest in &contents.manifests {
            let object = Object::Manifest(repository, Arc::clone(&manifest.digest));
            if !is_news(&world, &object) && skips(&world, &object, depth, random) {
                continue;
            }
            checks.push(Check::Manifest(repository, Arc::clone(manifest)));
        }
        for tag in &world.tags {
            checks.push(Check::Tag(repository, Arc::clone(tag)));
        }
    }
    checks
}

/// Tells whether an object was written lately.
fn is_news(world: &World, object: &Object) -> bool {
    let written = world.register(object).map_or(0, Register::last_round);
    written + NEWS_ROUNDS > world.round
}

/// Tells whether an object that was gone is not looked at this time.
fn skips(world: &World, object: &Object, depth: Depth, random: &mut fastrand::Rng) -> bool {
    depth == Depth::Round && !is_seen(world, object) && random.u8(..RARELY) > 0
}

impl Check {
    fn object(&self) -> Object {
        match self {
            Self::Blob {
                repository, blob, ..
            } => Object::Blob(*repository, Arc::clone(&blob.digest)),
            Self::Manifest(repository, manifest) => {
                Object::Manifest(*repository, Arc::clone(&manifest.digest))
            }
            Self::Tag(repository, tag) => Object::Tag(*repository, Arc::clone(tag)),
        }
    }
}

struct Reader {
    shared: Arc<Shared>,
    connection: Connection,
    checked: Checked,
}

impl Reader {
    async fn check(&mut self, check: Check) -> anyhow::Result<()> {
        match check {
            Check::Blob {
                repository,
                blob,
                is_read,
            } => self.check_blob(repository, &blob, is_read).await,
            Check::Manifest(repository, manifest) => {
                self.check_manifest(repository, &manifest).await
            }
            Check::Tag(repository, tag) => self.check_tag(repository, &tag).await,
        }
    }

    async fn check_blob(
        &mut self,
        repository: Repository,
        blob: &Blob,
        is_read: bool,
    ) -> anyhow::Result<()> {
        let object = Object::Blob(repository, Arc::clone(&blob.digest));
        let path = format!("{}/blobs/{}", self.path(repository), blob.digest);
        let method = if is_read { "GET" } else { "HEAD" };
        let answer = self.connection.send(method, &path, "", Body::EMPTY).await?;
        self.checked.blobs += 1;
        self.checked.read_bytes += answer.body.len() as u64;
        let length = blob.length.to_string();
        let found = match answer.status {
            200 if is_read && !hashes_to(&answer.body, &blob.digest) => {
                let problem = format!("{} bytes with another digest", answer.body.len());
                self.shared.world().accuse(&object, &problem);
                return Ok(());
            }
            200 if answer.header("content-length") != Some(&length) => {
                let problem = "HEAD tells another length";
                self.shared.world().accuse(&object, problem);
                return Ok(());
            }
            200 => Some(Arc::clone(&blob.digest)),
            404 => None,
            _ => {
                self.shared.world().accuse(&object, &answer.summary());
                return Ok(());
            }
        };
        self.shared.world().observe(&object, found);
        Ok(())
    }

    async fn check_manifest(
        &mut self,
        repository: Repository,
        manifest: &Manifest,
    ) -> anyhow::Result<()> {
        let object = Object::Manifest(repository, Arc::clone(&manifest.digest));
        let path = format!("{}/manifests/{}", self.path(repository), manifest.digest);
        let answer = self.connection.send("GET", &path, "", Body::EMPTY).await?;
        self.checked.manifests += 1;
        self.checked.read_bytes += answer.body.len() as u64;
        let found = match answer.status {
            200 if answer.body != manifest.bytes => {
                let problem = format!("{} bytes that are not its own", answer.body.len());
                self.shared.world().accuse(&object, &problem);
                return Ok(());
            }
            200 if answer.header("content-type") != Some(manifest.media_type) => {
                self.shared.world().accuse(&object, "another media type");
                return Ok(());
            }
            200 => Some(Arc::clone(&manifest.digest)),
            404 => None,
            _ => {
                self.shared.world().accuse(&object, &answer.summary());
                return Ok(());
            }
        };
        self.shared.world().observe(&object, found);
        Ok(())
    }

    async fn check_tag(&mut self, repository: Repository, tag: &Name) -> anyhow::Result<()> {
        let object = Object::Tag(repository, Arc::clone(tag));
        let path = format!("{}/manifests/{tag}", self.path(repository));
        let head = self.connection.send("HEAD", &path, "", Body::EMPTY).await?;
        let get = self.connection.send("GET", &path, "", Body::EMPTY).await?;
        self.checked.tags += 1;
        self.checked.read_bytes += get.body.len() as u64;
        let digest = head.header("docker-content-digest").map(Name::from);
        let found = match (head.status, digest) {
            (200, Some(digest)) => {
                if get.status != 200 || !hashes_to(&get.body, &digest) {
                    let problem = format!("HEAD tells {digest}, GET {}", get.summary());
                    self.shared.world().accuse(&object, &problem);
                    return Ok(());
                }
                Some(digest)
            }
            (404, _) if get.status == 404 => None,
            _ => {
                let problem = format!("HEAD {}, GET {}", head.summary(), get.summary());
                self.shared.world().accuse(&object, &problem);
                return Ok(());
            }
        };
        self.shared.world().observe(&object, found);
        Ok(())
    }

    fn path(&self, repository: Repository) -> String {
        format!("/v2/{}", self.shared.world().repositories[repository].name)
    }
}

/// The blobs of a readable manifest, and the manifests of a readable index, are there, unless
/// somebody asked for their removal.
fn check_references(shared: &Shared, depth: Depth) {
    let mut world = shared.world();
    let mut missing = Vec::new();
    for (repository, contents) in world.repositories.iter().enumerate() {
        for manifest in &contents.manifests {
            let object = Object::Manifest(repository, Arc::clone(&manifest.digest));
            if !is_seen(&world, &object) {
                continue;
            }
            let blobs = manifest.blobs.iter();
            let blobs = blobs.map(|blob| Object::Blob(repository, Arc::clone(&blob.digest)));
            let children = manifest.children.iter();
            let children = children.map(|child| Object::Manifest(repository, Arc::clone(child)));
            for named in blobs.chain(children) {
                // A deleted blob comes back; a deleted manifest stays away, whatever names it.
                let is_back = depth == Depth::Settled && matches!(named, Object::Blob(..));
                let may_be_gone = world.was_ever_cleared(&named) && !is_back;
                if !is_seen(&world, &named) && !may_be_gone {
                    missing.push((named, format!("manifest {} names it", manifest.digest)));
                }
            }
        }
    }
    for (object, problem) in missing {
        world.accuse(&object, &problem);
    }
}

/// Tells whether an object was there at the last look.
fn is_seen(world: &World, object: &Object) -> bool {
    let register = world.register(object);
    register.is_some_and(|register| register.seen().is_some())
}
