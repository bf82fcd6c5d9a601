//! Backups of a store that can make them: what its records mean to one, and how one is asked for.

use crate::layout;
use crate::progress::Progress;
use crate::record::{BlobRecord, BlobState, Encoded, LinkRecord, LinkState};
use crate::record::{Content, ManifestRecord, ManifestState};
use crate::registry::Registry;
use crate::{RegistryError, Result};
use bytes::Bytes;
use roadstead_oci::{Digest, Hasher};
use roadstead_storage::{
    BackupGuide, BackupReport, Kind, Look, NamedObject, Operation, StorageError,
};
use serde::{Deserialize, Serialize};
use std::io::{self, Read};
use std::path::PathBuf;

/// What a backup is asked to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackupOptions {
    /// The directory that backups lie in, on the machine that has the store open.
    pub directory: PathBuf,
}

/// Reads records for a backup, and tells how far it is.
#[derive(Debug)]
pub struct RecordReader {
    progress: Progress,
}

impl RecordReader {
    /// Makes a reader that tells `progress` how far the work is.
    #[must_use]
    pub const fn new(progress: Progress) -> Self {
        Self { progress }
    }
}

impl Registry {
    /// Makes a backup of the store in a directory, while everything goes on.
    ///
    /// # Errors
    /// `Unsupported` for a store that makes none; `Storage`: no backup was made, and the next one
    /// goes on with the data that this one copied.
    pub async fn back_up(
        &self,
        options: BackupOptions,
        progress: Progress,
    ) -> Result<BackupReport> {
        let Some(store) = self.inner.backup.get().cloned() else {
            return Err(RegistryError::Unsupported(
                "this store makes no backups: docs/operations.md says how a bucket is copied",
            ));
        };
        let BackupOptions { directory } = options;
        if !directory.is_absolute() {
            return Err(RegistryError::Unsupported(
                "name the directory of backups from the root on",
            ));
        }
        let reader = RecordReader::new(progress);
        let made = tokio::task::spawn_blocking(move || store.back_up(&directory, &reader));
        let made = made
            .await
            .map_err(|error| StorageError::new(Kind::Unavailable, Operation::Open, "", error))?;
        Ok(made?)
    }
}

impl BackupGuide for RecordReader {
    fn look(&self, key: &str, record: &[u8]) -> Look {
        match read(key, record) {
            Ok(look) => look,
            Err(error) => Look::Unreadable(error.to_string()),
        }
    }

    fn hashes_to(&self, digest: &str, content: &mut dyn Read) -> io::Result<bool> {
        let digest = Digest::parse(digest).map_err(io::Error::other)?;
        let mut hasher = Hasher::new(digest.algorithm());
        let mut block = vec![0; 1 << 20];
        loop {
            let read = content.read(&mut block)?;
            if read == 0 {
                return Ok(hasher.finish() == digest);
            }
            hasher.update(&block[..read]);
        }
    }

    fn begin(&self, step: &str) {
        self.progress.begin(step, None);
    }

    fn add(&self, done: u64) {
        self.progress.add(done);
    }

    fn is_stopped(&self) -> bool {
        self.progress.is_stopped()
    }
}

/// Tells what a record means. Sessions, jobs and the mark of a lone writer belong to the processes of
/// this life of the store; everything else is what a crash at that instant would have left.
fn read(key: &str, record: &[u8]) -> Result<Look> {
    let is_of_this_life = key.starts_with(layout::UPLOADS)
        || key.starts_with(layout::JOBS)
        || key.starts_with("meta/");
    if is_of_this_life {
        return Ok(Look::Drop);
    }
    let bytes = || Bytes::copy_from_slice(record);
    if let Some(path) = key.strip_prefix("blob/") {
        let blob = BlobRecord::decode(key, &bytes())?;
        let must_exist = match blob.state {
            BlobState::Live | BlobState::Condemned => true,
            BlobState::Dead | BlobState::Rotten => false,
        };
        return Ok(object(
            &blob.content,
            must_exist,
            layout::digest_of_path(path),
        ));
    }
    if key.starts_with("link/") {
        let link = LinkRecord::decode(key, &bytes())?;
        let must_exist = match link.state {
            LinkState::Live | LinkState::Condemned | LinkState::Hidden => true,
            LinkState::Dead | LinkState::Rotten => false,
        };
        return Ok(object(&link.content, must_exist, None));
    }
    // No component of a repository's name begins with `_`.
    if let Some((_, path)) = key.split_once("/_manifest/")
        && key.starts_with("repo/")
    {
        let manifest = ManifestRecord::decode(key, &bytes())?;
        let must_exist = match manifest.state {
            ManifestState::Live | ManifestState::Condemned | ManifestState::Deleting => true,
            ManifestState::Dead => false,
        };
        let digest = layout::digest_of_path(path);
        return Ok(object(&manifest.content, must_exist, digest));
    }
    Ok(Look::Keep)
}

fn object(content: &Content, must_exist: bool, digest: Option<Digest>) -> Look {
    match content.data() {
        // A rotten object need not hash to anything.
        Some(data) => Look::Object(NamedObject {
            data: data.clone(),
            must_exist,
            digest: digest
                .filter(|_| must_exist)
                .map(|digest| digest.to_string()),
        }),
        None => Look::Keep,
    }
}

#[cfg(test)]
mod tests;
