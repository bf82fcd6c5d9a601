//! How a client pulls: a tag, the manifest it names, a blob; every byte is checked.

use super::{Client, may_be_missing};
use crate::campaign::connection::Body;
use crate::campaign::content::hashes_to;
use crate::campaign::world::{Object, Repository};
use std::sync::Arc;

impl Client {
    /// Pulls what a tag names, and a blob that should be there.
    pub(super) async fn pull(&mut self, repository: Repository) -> anyhow::Result<()> {
        self.pull_tag(repository).await?;
        let Some(blob) = self.draw_sure_blob(repository) else {
            return Ok(());
        };
        let path = format!("{}/blobs/{}", self.path(repository), blob.digest);
        let Some(answer) = self.ask("GET", &path, "", Body::EMPTY).await? else {
            return Ok(());
        };
        let object = Object::Blob(repository, Arc::clone(&blob.digest));
        let may_be_missing = may_be_missing(&self.shared.world(), std::iter::once(object));
        match answer.status {
            200 if hashes_to(&answer.body, &blob.digest) => {}
            404 if may_be_missing => {}
            _ => self.unexpected("GET", &path, &answer),
        }
        Ok(())
    }

    async fn pull_tag(&mut self, repository: Repository) -> anyhow::Result<()> {
        let tag = self.draw_tag();
        let path = format!("{}/manifests/{tag}", self.path(repository));
        let Some(answer) = self.ask("GET", &path, "", Body::EMPTY).await? else {
            return Ok(());
        };
        let digest = answer.header("docker-content-digest");
        let is_whole = digest.is_some_and(|digest| hashes_to(&answer.body, digest));
        let is_fine = answer.status == 404 || (answer.status == 200 && is_whole);
        if !is_fine {
            self.unexpected("GET", &path, &answer);
        }
        Ok(())
    }
}
