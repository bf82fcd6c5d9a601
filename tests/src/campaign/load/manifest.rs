//! How a client pushes manifests: images and indexes, by tag and by digest, new and again.

use super::{Client, hold_all, may_be_missing};
use crate::campaign::connection::Body;
use crate::campaign::content::{INDEX, Manifest};
use crate::campaign::world::{Object, Repository};
use std::sync::Arc;

impl Client {
    /// Pushes an image, some of whose blobs are there already.
    pub(super) async fn push_image(&mut self, repository: Repository) -> anyhow::Result<()> {
        let mut blobs = Vec::new();
        for _ in 0..self.random.usize(1..=4) {
            let known = if self.random.u8(..3) == 0 {
                None
            } else {
                self.draw_sure_blob(repository)
            };
            if known.is_none() {
                self.push_new_blob(repository).await?;
            }
            blobs.extend(known.or_else(|| self.draw_sure_blob(repository)));
        }
        if blobs.is_empty() {
            return Ok(());
        }
        let subject = match self.random.u8(..5) {
            0 => self.draw_manifest(repository),
            _ => None,
        };
        let image = Manifest::image(&mut self.random, blobs, subject.as_deref());
        self.push_manifest(repository, &Arc::new(image), &[]).await
    }

    /// Moves a tag to a manifest that was pushed before, or brings back one that was deleted.
    pub(super) async fn push_manifest_again(
        &mut self,
        repository: Repository,
    ) -> anyhow::Result<()> {
        match self.draw_manifest(repository) {
            // What an index names is not kept with it.
            Some(manifest) if manifest.media_type != INDEX => {
                self.push_manifest(repository, &manifest, &[]).await
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn push_index(&mut self, repository: Repository) -> anyhow::Result<()> {
        let children: Vec<_> = (0..self.random.usize(1..=3))
            .filter_map(|_| self.draw_sure_manifest(repository))
            .collect();
        if children.is_empty() {
            return Ok(());
        }
        let index = Arc::new(Manifest::index(&mut self.random, &children));
        self.push_manifest(repository, &index, &children).await
    }

    async fn push_manifest(
        &mut self,
        repository: Repository,
        manifest: &Arc<Manifest>,
        children: &[Arc<Manifest>],
    ) -> anyhow::Result<()> {
        let manifests = format!("{}/manifests", self.path(repository));
        let digest = &manifest.digest;
        let (path, tags) = match self.random.u8(..10) {
            0..6 => {
                let tag = self.draw_tag();
                (format!("{manifests}/{tag}"), vec![tag])
            }
            6..8 => (format!("{manifests}/{digest}"), Vec::new()),
            _ => {
                let (first, second) = (self.draw_tag(), self.draw_tag());
                let path = format!("{manifests}/{digest}?tag={first}&tag={second}");
                let tags = if first == second {
                    vec![first]
                } else {
                    vec![first, second]
                };
                (path, tags)
            }
        };
        let blobs = manifest.blobs.iter();
        let blobs = blobs.map(|blob| Object::Blob(repository, Arc::clone(&blob.digest)));
        let children = children.iter();
        let children =
            children.map(|child| Object::Manifest(repository, Arc::clone(&child.digest)));
        let named: Vec<Object> = blobs.chain(children).collect();
        let held = hold_all(&self.shared.world(), &named);
        let what = self.what(&format!("PUT {path} ({digest})"));
        let ticket = self
            .shared
            .world()
            .begin_manifest_push(repository, manifest, &tags, &what);
        let headers = format!("content-type: {}\r\n", manifest.media_type);
        let body = if self.random.u8(..4) == 0 {
            Body::Chunked(&manifest.bytes)
        } else {
            Body::Sized(&manifest.bytes)
        };
        let Some(answer) = self.ask("PUT", &path, &headers, body).await? else {
            return Ok(());
        };
        match answer.status {
            201 => self.shared.world().acknowledge(&ticket),
            400 => {
                let mut world = self.shared.world();
                let may_be_missing = may_be_missing(&world, held.as_ref());
                world.refuse(&ticket);
                drop(world);
                if !may_be_missing {
                    self.unexpected("PUT", &path, &answer);
                }
            }
            _ => self.unexpected("PUT", &path, &answer),
        }
        Ok(())
    }
}
