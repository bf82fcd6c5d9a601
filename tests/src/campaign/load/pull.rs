//! How a client pulls: a tag, the manifest it names, its blobs; every byte is checked.

use super::Client;
use crate::campaign::connection::Body;
use crate::campaign::content::{Blob, hashes_to};
use crate::campaign::world::{Object, Repository};
use std::sync::Arc;

impl Client {
    /// Pulls what a tag names, and a blob that should be there.
    pub(super) async fn pull(&mut self, repository: Repository) -> anyhow::Result<()> {
        for blob in self.pull_tag(repository).await? {
            self.pull_blob(repository, &blob).await?;
        }
        match self.draw_sure_blob(repository) {
            Some(blob) => self.pull_blob(repository, &blob).await,
            None => Ok(()),
        }
    }

    async fn pull_blob(&mut self, repository: Repository, blob: &Blob) -> anyhow::Result<()> {
        let object = Object::Blob(repository, Arc::clone(&blob.digest));
        let hold = self.shared.world().hold(&object);
        let path = format!("{}/blobs/{}", self.path(repository), blob.digest);
        let Some(answer) = self.ask("GET", &path, "", Body::EMPTY).await? else {
            return Ok(());
        };
        let is_held = hold.is_some_and(|hold| self.shared.world().still_holds(&hold));
        match answer.status {
            200 if hashes_to(&answer.body, &blob.digest) => {}
            404 if !is_held => {}
            _ => self.unexpected("GET", &path, &answer),
        }
        Ok(())
    }

    /// Pulls what a tag names. Returns the blobs of the image.
    async fn pull_tag(&mut self, repository: Repository) -> anyhow::Result<Vec<Arc<Blob>>> {
        let tag = self.draw_tag();
        let path = format!("{}/manifests/{tag}", self.path(repository));
        let Some(answer) = self.ask("GET", &path, "", Body::EMPTY).await? else {
            return Ok(Vec::new());
        };
        let digest = answer.header("docker-content-digest");
        match (answer.status, digest) {
            (200, Some(digest)) if hashes_to(&answer.body, digest) => {
                let world = self.shared.world();
                let mut manifests = world.repositories[repository].manifests.iter();
                let manifest = manifests.find(|manifest| *manifest.digest == *digest);
                Ok(manifest.map_or_else(Vec::new, |manifest| manifest.blobs.clone()))
            }
            (404, _) => Ok(Vec::new()),
            _ => {
                self.unexpected("GET", &path, &answer);
                Ok(Vec::new())
            }
        }
    }
}
