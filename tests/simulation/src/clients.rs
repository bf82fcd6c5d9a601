//! What clients do: they push as containerd and docker do, pull, delete and restore, each request at
//! a replica of its own.

use crate::content::{Content, reference, repository, tag};
use crate::dice::Dice;
use crate::promises::{Answer, Change, Promises};
use bytes::Bytes;
use futures::TryStreamExt;
use roadstead_oci::{Algorithm, Digest, Reference};
use roadstead_registry::{
    Blob, BlobBody, Closing, CollectorOptions, ManifestPush, ManifestRestore, MountSource, Mounted,
    Progress, Registry, RegistryError, Result,
};
use roadstead_storage::{Clock, ManualClock};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One thing that somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Push {
        repository: usize,
        image: usize,
        tag: Option<usize>,
    },
    PushBlob {
        repository: usize,
        blob: usize,
    },
    Mount {
        from: usize,
        to: usize,
        blob: usize,
    },
    Pull {
        repository: usize,
        tag: usize,
    },
    DeleteManifest {
        repository: usize,
        image: usize,
    },
    DeleteTag {
        repository: usize,
        tag: usize,
    },
    DeleteBlob {
        repository: usize,
        blob: usize,
    },
    Restore {
        repository: usize,
        image: usize,
        tag: usize,
    },
    Collect,
    Sweep,
}

/// What all jobs of a history share.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) content: Arc<Content>,
    pub(crate) promises: Arc<Mutex<Promises>>,
    pub(crate) replicas: Arc<Mutex<Vec<Registry>>>,
    pub(crate) clock: Arc<ManualClock>,
}

/// One client.
pub(crate) struct Client {
    pub(crate) world: World,
    pub(crate) dice: Dice,
}

impl World {
    pub(crate) fn promises(&self) -> MutexGuard<'_, Promises> {
        self.promises.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    pub(crate) async fn perform(mut self, job: Job) {
        match job {
            Job::Push {
                repository,
                image,
                tag,
            } => self.push(repository, image, tag).await,
            Job::PushBlob { repository, blob } => {
                let _ = self.push_blob(repository, blob).await;
            }
            Job::Mount { from, to, blob } => {
                let _ = self.mount(from, to, blob).await;
            }
            Job::Pull { repository, tag } => self.pull(repository, tag).await,
            Job::DeleteManifest { repository, image } => {
                self.delete_manifest(repository, image).await;
            }
            Job::DeleteTag { repository, tag } => self.delete_tag(repository, tag).await,
            Job::DeleteBlob { repository, blob } => self.delete_blob(repository, blob).await,
            Job::Restore {
                repository,
                image,
                tag,
            } => self.restore(repository, image, tag).await,
            Job::Collect => {
                // Several passes while the others are at it: condemned by one, due in another.
                for _ in 0..=self.dice.below(3) {
                    let registry = self.replica();
                    let options = CollectorOptions {
                        dry_run: false,
                        unpaced: true,
                    };
                    let _ = registry.collect(options, &Progress::default()).await;
                }
            }
            Job::Sweep => {
                let registry = self.replica();
                let _ = registry.sweep_uploads().await;
            }
        }
    }

    /// Any replica: a load balancer knows nothing of sessions.
    fn replica(&mut self) -> Registry {
        let replicas = self.world.replicas.lock();
        let replicas = replicas.unwrap_or_else(PoisonError::into_inner);
        replicas[self.dice.below(replicas.len())].clone()
    }

    async fn push(&mut self, at: usize, image: usize, tag_at: Option<usize>) {
        let content = Arc::clone(&self.world.content);
        let pushed = &content.images[image];
        for &child in &pushed.children {
            Box::pin(self.push(at, child, None)).await;
        }
        for &blob in &pushed.blobs {
            if !self.has_blob(at, blob).await && self.push_blob(at, blob).await.is_err() {
                return;
            }
        }
        let put = Change::PutManifest {
            repository: at,
            image,
        };
        let mut changes = vec![put];
        changes.extend(tag_at.map(|tag| Change::SetTag {
            repository: at,
            tag,
            image,
        }));
        let by = match tag_at {
            Some(tag) => reference(tag),
            None => Reference::Digest(pushed.digest.clone()),
        };
        let push = ManifestPush {
            repository: repository(at),
            reference: by,
            tags: Vec::new(),
            kept_tags: Vec::new(),
            content_type: None,
            bytes: pushed.bytes.clone(),
            by: "alice".to_owned(),
        };
        let ticket = self.world.promises().ask(&changes);
        let replica = self.replica();
        let answer = answer_of(&replica.manifest_put(push).await);
        self.world.promises().answer(&ticket, answer);
    }

    async fn has_blob(&mut self, at: usize, blob: usize) -> bool {
        let digest = self.world.content.blobs[blob].0.clone();
        let replica = self.replica();
        let has = replica.blob_head(&repository(at), &digest).await.is_ok();
        if has {
            self.note_blob(at, blob);
        }
        has
    }

    fn note_blob(&self, at: usize, blob: usize) {
        let now = self.world.clock.monotonic();
        self.world.promises().has_blob(at, blob, now);
    }

    /// In one request, or in a session whose requests go anywhere, or mounted.
    async fn push_blob(&mut self, at: usize, blob: usize) -> Result<()> {
        let (digest, bytes) = self.world.content.blobs[blob].clone();
        match self.dice.below(4) {
            0 if self.mount(1 - at, at, blob).await => return Ok(()),
            0 | 1 => self.push_in_session(at, &digest, &bytes).await?,
            _ => {
                let replica = self.replica();
                let length = Some(bytes.len() as u64);
                let name = repository(at);
                let begun = replica.blob_push(&name, "", "client", &digest, length);
                let mut writer = begun.await?;
                writer.write(bytes).await?;
                writer.commit().await?;
            }
        }
        self.note_blob(at, blob);
        Ok(())
    }

    async fn push_in_session(&mut self, at: usize, digest: &Digest, bytes: &Bytes) -> Result<()> {
        let name = repository(at);
        let begun = self.replica();
        let id = begun
            .upload_start(&name, "", "client", Algorithm::Sha256)
            .await?;
        let half = bytes.len() / 2;
        let appended = self.replica();
        let mut writer = appended.upload_append(&name, "", id, None, None).await?;
        writer.write(bytes.slice(..half)).await?;
        writer.suspend().await?;
        if self.dice.one_in(8) {
            let cancelled = self.replica();
            let _ = cancelled.upload_cancel(&name, "", id).await;
            return Err(RegistryError::UploadUnknown);
        }
        // A client that hears an error asks once more, of another replica.
        let first = self.close(at, id, digest, bytes, half).await;
        match first {
            Err(_) if self.dice.one_in(2) => self.close(at, id, digest, bytes, half).await,
            other => other,
        }
    }

    async fn close(
        &mut self,
        at: usize,
        id: roadstead_registry::UploadId,
        digest: &Digest,
        bytes: &Bytes,
        half: usize,
    ) -> Result<()> {
        let replica = self.replica();
        let length = Some((bytes.len() - half) as u64);
        let name = repository(at);
        let closing = replica.upload_close(&name, "", id, digest, None, length);
        match closing.await? {
            Closing::Repeated => Ok(()),
            Closing::Writer(mut writer) => {
                writer.write(bytes.slice(half..)).await?;
                writer.commit().await
            }
        }
    }

    async fn mount(&mut self, from: usize, to: usize, blob: usize) -> bool {
        let digest = self.world.content.blobs[blob].0.clone();
        let (source, target) = (repository(from), repository(to));
        let replica = self.replica();
        let mounting = replica.blob_mount(&target, &digest, MountSource::Repository(&source));
        let mounted = matches!(mounting.await, Ok(Mounted::Yes));
        if mounted {
            self.note_blob(to, blob);
        }
        mounted
    }

    /// Pulls a tag whole: manifest, children, blobs.
    async fn pull(&mut self, at: usize, tag: usize) {
        let replica = self.replica();
        let pulled = replica.manifest_get(&repository(at), &reference(tag)).await;
        let Ok(stored) = pulled else { return };
        let content = Arc::clone(&self.world.content);
        let image = content
            .images
            .iter()
            .position(|image| image.digest == stored.meta.digest);
        match image {
            Some(image) if content.images[image].bytes == stored.bytes => {
                self.pull_image(at, image).await;
            }
            _ => self.broke(format!(
                "a tag gave bytes that nobody pushed: {:?}",
                stored.meta
            )),
        }
    }

    async fn pull_image(&mut self, at: usize, image: usize) {
        let content = Arc::clone(&self.world.content);
        for &child in &content.images[image].children {
            let replica = self.replica();
            let reference = Reference::Digest(content.images[child].digest.clone());
            match replica.manifest_get(&repository(at), &reference).await {
                Ok(_) => Box::pin(self.pull_image(at, child)).await,
                Err(
                    error @ (RegistryError::ManifestUnknown(_) | RegistryError::NameUnknown(_)),
                ) => {
                    if !self
                        .world
                        .promises()
                        .deleted_manifests
                        .contains(&(at, child))
                    {
                        self.broke(format!("a child of a manifest is missing: {error}"));
                    }
                }
                Err(_) => {}
            }
        }
        for &blob in &content.images[image].blobs {
            let digest = &content.blobs[blob].0;
            let replica = self.replica();
            let opened = replica.blob_open(&repository(at), digest).await;
            let read = match opened {
                Ok(opened) => read(&opened).await,
                Err(error) => Err(error),
            };
            match read {
                Ok(bytes) if bytes == content.blobs[blob].1 => {}
                Ok(_) => self.broke(format!("blob {digest} gave other bytes")),
                Err(RegistryError::BlobUnknown(_))
                    if self.world.promises().deleted_blobs.contains(&(at, blob)) => {}
                Err(RegistryError::Storage(error))
                    if error.kind() == roadstead_storage::Kind::Unavailable => {}
                Err(RegistryError::Contended(_)) => {}
                Err(error) => self.broke(format!("blob {digest} of a manifest: {error}")),
            }
        }
    }

    async fn delete_manifest(&mut self, at: usize, image: usize) {
        let digest = self.world.content.images[image].digest.clone();
        let change = Change::DeleteManifest {
            repository: at,
            image,
        };
        let ticket = self.world.promises().ask(&[change]);
        let replica = self.replica();
        let deleted = replica
            .manifest_delete(&repository(at), &digest, "bob")
            .await;
        self.world.promises().answer(&ticket, answer_of(&deleted));
    }

    async fn delete_tag(&mut self, at: usize, tag_at: usize) {
        let change = Change::DeleteTag {
            repository: at,
            tag: tag_at,
        };
        let ticket = self.world.promises().ask(&[change]);
        let replica = self.replica();
        let deleted = replica
            .tag_delete(&repository(at), &tag(tag_at), "bob")
            .await;
        self.world.promises().answer(&ticket, answer_of(&deleted));
    }

    async fn delete_blob(&mut self, at: usize, blob: usize) {
        self.world.promises().delete_blob(at, blob);
        let digest = self.world.content.blobs[blob].0.clone();
        let replica = self.replica();
        let _ = replica.blob_delete(&repository(at), &digest).await;
        // A push that was answered meanwhile may have come before it.
        self.world.promises().delete_blob(at, blob);
    }

    async fn restore(&mut self, at: usize, image: usize, tag_at: usize) {
        let content = Arc::clone(&self.world.content);
        let mut changes = vec![
            Change::PutManifest {
                repository: at,
                image,
            },
            Change::SetTag {
                repository: at,
                tag: tag_at,
                image,
            },
        ];
        changes.extend(
            content.images[image]
                .children
                .iter()
                .map(|&child| Change::PutManifest {
                    repository: at,
                    image: child,
                }),
        );
        let ticket = self.world.promises().ask(&changes);
        let restore = ManifestRestore {
            repository: repository(at),
            digest: content.images[image].digest.clone(),
            tags: vec![tag(tag_at)],
            kept_tags: Vec::new(),
            by: "carol".to_owned(),
        };
        let replica = self.replica();
        let restored = replica.manifest_restore(&restore).await;
        // Refused, it may have brought back children all the same.
        let answer = match answer_of(&restored) {
            Answer::Refused if !content.images[image].children.is_empty() => Answer::Unknown,
            answer => answer,
        };
        self.world.promises().answer(&ticket, answer);
    }

    fn broke(&self, what: String) {
        self.world.promises().broke(what);
    }
}

pub(crate) async fn read(blob: &Blob) -> Result<Vec<u8>> {
    match blob.read(0..blob.size()).await? {
        BlobBody::Inline(bytes) => Ok(bytes.to_vec()),
        BlobBody::Stream(mut stream) => {
            let mut content = Vec::new();
            while let Some(block) = stream.try_next().await? {
                content.extend_from_slice(&block);
            }
            Ok(content)
        }
    }
}

fn answer_of<T>(result: &Result<T>) -> Answer {
    match result {
        Ok(_) => Answer::Done,
        Err(
            RegistryError::ManifestBlobUnknown(_)
            | RegistryError::ManifestUnknown(_)
            | RegistryError::NameUnknown(_)
            | RegistryError::NothingToRestore(_)
            | RegistryError::ContentGone { .. },
        ) => Answer::Refused,
        Err(_) => Answer::Unknown,
    }
}
