//! A client: draws one operation after the other until the round is over.

mod manifest;
mod pull;
mod upload;

use crate::campaign::collecting::Hold;
use crate::campaign::connection::{Answer, Body, Connection, Servers};
use crate::campaign::content::{Blob, Manifest};
use crate::campaign::register::Name;
use crate::campaign::session::Session;
use crate::campaign::shared::{Failures, Shared};
use crate::campaign::world::{Kind, Object, Repository, Ticket, World};
use std::sync::Arc;

/// Clients work at what came last, so that they meet.
const RECENT: usize = 40;

/// One client with its connections.
pub struct Client {
    number: usize,
    shared: Arc<Shared>,
    connection: Connection,
    random: fastrand::Rng,
    /// The upload it is at.
    session: Option<Session>,
}

impl Client {
    /// Makes a client that has done nothing yet.
    #[must_use]
    pub fn new(
        number: usize,
        shared: Arc<Shared>,
        servers: &Servers,
        random: fastrand::Rng,
    ) -> Self {
        Self {
            number,
            shared,
            connection: Connection::new(servers, number),
            random,
            session: None,
        }
    }

    /// Works until the round is over or, where failures end it, the connection is lost. Only a kill
    /// may be the reason for that.
    pub async fn run(mut self) {
        while self.shared.failures() == Failures::EndTheClient || !self.shared.is_over() {
            if let Err(error) = self.step().await {
                if !self.shared.is_over() {
                    let number = self.number;
                    let text = format!("client {number}, while the server should live: {error:#}");
                    self.shared.find(text);
                }
                break;
            }
        }
        self.park();
    }

    async fn step(&mut self) -> anyhow::Result<()> {
        let repository = self.draw_repository();
        match self.random.u8(..100) {
            0..30 => self.push_image(repository).await,
            30..42 => self.push_new_blob(repository).await,
            42..56 => self.push_manifest_again(repository).await,
            56..62 => self.push_index(repository).await,
            62..68 => self.push_blob_again(repository).await,
            68..75 => self.delete_tag(repository).await,
            75..82 => self.delete_manifest(repository).await,
            82..87 => self.delete_blob(repository).await,
            87..91 => self.mount(repository).await,
            91..94 => self.pull(repository).await,
            _ => self.go_on_with_a_parked_upload().await,
        }
    }

    /// Leaves the upload it is at for somebody else.
    fn park(&mut self) {
        if let Some(session) = self.session.take() {
            self.shared.world().sessions.push(session);
        }
    }

    async fn delete_tag(&mut self, repository: Repository) -> anyhow::Result<()> {
        let tag = self.draw_tag();
        let path = format!("{}/manifests/{tag}", self.path(repository));
        let what = self.what(&format!("DELETE {path}"));
        let ticket = self
            .shared
            .world()
            .begin_tag_delete(repository, &tag, &what);
        self.delete(&path, ticket).await
    }

    async fn delete_manifest(&mut self, repository: Repository) -> anyhow::Result<()> {
        let Some(manifest) = self.draw_manifest(repository) else {
            return Ok(());
        };
        let path = format!("{}/manifests/{}", self.path(repository), manifest.digest);
        let what = self.what(&format!("DELETE {path}"));
        let ticket = self
            .shared
            .world()
            .begin_manifest_delete(repository, &manifest, &what);
        self.delete(&path, ticket).await
    }

    async fn delete_blob(&mut self, repository: Repository) -> anyhow::Result<()> {
        let Some(blob) = self.draw_blob(repository) else {
            return Ok(());
        };
        let path = format!("{}/blobs/{}", self.path(repository), blob.digest);
        let what = self.what(&format!("DELETE {path}"));
        let ticket = self
            .shared
            .world()
            .begin_blob(Kind::DeleteBlob, repository, &blob, &what);
        self.delete(&path, ticket).await
    }

    async fn delete(&mut self, path: &str, ticket: Ticket) -> anyhow::Result<()> {
        let Some(answer) = self.ask("DELETE", path, "", Body::EMPTY).await? else {
            return Ok(());
        };
        match answer.status {
            202 => self.shared.world().acknowledge(&ticket),
            404 => self.shared.world().refuse(&ticket),
            _ => self.unexpected("DELETE", path, &answer),
        }
        Ok(())
    }

    async fn mount(&mut self, target: Repository) -> anyhow::Result<()> {
        let source = self.draw_repository();
        let Some(blob) = self.draw_blob(source) else {
            return Ok(());
        };
        let from = if self.random.u8(..4) == 0 {
            String::new()
        } else {
            format!("&from={}", self.name(source))
        };
        let uploads = format!("{}/blobs/uploads/", self.path(target));
        let path = format!("{uploads}?mount={}{from}", blob.digest);
        let what = self.what(&format!("POST {path}"));
        let ticket = self
            .shared
            .world()
            .begin_blob(Kind::Mount, target, &blob, &what);
        let Some(answer) = self.ask("POST", &path, "", Body::EMPTY).await? else {
            return Ok(());
        };
        match answer.status {
            201 => self.shared.world().acknowledge(&ticket),
            202 => {
                self.shared.world().refuse(&ticket);
                self.session = Some(Session::opened(target, blob, &answer)?);
                self.go_on().await?;
            }
            _ => self.unexpected("POST", &path, &answer),
        }
        Ok(())
    }

    async fn go_on_with_a_parked_upload(&mut self) -> anyhow::Result<()> {
        self.session = self.shared.world().take_session(&mut self.random);
        self.go_on().await
    }

    /// Sends a request. `None`: it may have been done or not, and what it wrote stays open in the
    /// model until everything is looked at.
    async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: Body<'_>,
    ) -> anyhow::Result<Option<Answer>> {
        let answer = self.connection.send(method, path, headers, body).await;
        match (self.shared.failures(), answer) {
            (Failures::AreUnknown, Err(_)) => Ok(None),
            (Failures::AreUnknown, Ok(answer)) if answer.status >= 500 => Ok(None),
            (_, answer) => answer.map(Some),
        }
    }

    /// Describes an operation for the histories.
    fn what(&self, operation: &str) -> String {
        format!("client {}: {operation}", self.number)
    }

    fn unexpected(&self, method: &str, path: &str, answer: &Answer) {
        let text = format!("{method} {path}: {}", answer.summary());
        self.shared.find(self.what(&text));
    }

    fn name(&self, repository: Repository) -> String {
        self.shared.world().repositories[repository].name.clone()
    }

    fn path(&self, repository: Repository) -> String {
        format!("/v2/{}", self.name(repository))
    }

    fn draw_repository(&mut self) -> Repository {
        let count = self.shared.world().repositories.len();
        self.random.usize(..count)
    }

    fn draw_tag(&mut self) -> Name {
        let world = self.shared.world();
        Arc::clone(&world.tags[self.random.usize(..world.tags.len())])
    }

    /// Draws a blob of a repository, there or not.
    fn draw_blob(&mut self, repository: Repository) -> Option<Arc<Blob>> {
        let world = self.shared.world();
        draw_recent(&mut self.random, &world.repositories[repository].blobs)
    }

    /// Draws a manifest of a repository, there or not.
    fn draw_manifest(&mut self, repository: Repository) -> Option<Arc<Manifest>> {
        let world = self.shared.world();
        draw_recent(&mut self.random, &world.repositories[repository].manifests)
    }

    /// Draws a blob that is surely there.
    fn draw_sure_blob(&mut self, repository: Repository) -> Option<Arc<Blob>> {
        let blob = self.draw_blob(repository)?;
        let object = Object::Blob(repository, Arc::clone(&blob.digest));
        self.shared.world().is_sure(&object).then_some(blob)
    }

    /// Draws a manifest that is surely there.
    fn draw_sure_manifest(&mut self, repository: Repository) -> Option<Arc<Manifest>> {
        let manifest = self.draw_manifest(repository)?;
        let object = Object::Manifest(repository, Arc::clone(&manifest.digest));
        self.shared.world().is_sure(&object).then_some(manifest)
    }
}

/// Says of some objects why none of them may be missing; `None` when one may.
fn hold_all<'a>(world: &World, objects: impl IntoIterator<Item = &'a Object>) -> Option<Vec<Hold>> {
    objects
        .into_iter()
        .map(|object| world.hold(object))
        .collect()
}

/// Tells whether anything may be missing of what was held when it was asked for.
fn may_be_missing(world: &World, held: Option<&Vec<Hold>>) -> bool {
    held.is_none_or(|held| !held.iter().all(|hold| world.still_holds(hold)))
}

fn draw_recent<T>(random: &mut fastrand::Rng, all: &[Arc<T>]) -> Option<Arc<T>> {
    if all.is_empty() {
        return None;
    }
    let recent = all.len().min(RECENT);
    let drawn = &all[all.len() - 1 - random.usize(..recent)];
    Some(Arc::clone(drawn))
}
