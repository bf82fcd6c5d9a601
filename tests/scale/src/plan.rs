//! What a store holds: how many of everything, and which belongs to which. Everything follows from
//! the numbers, so that whoever measures knows what is there without looking.
//!
//! ```text
//! blobs        0 .. live          named by manifests: blob b by manifest b % manifests
//!              live .. blobs      garbage: every other one is linked in a repository, the rest is not
//! manifests    0 .. big           in the big repository, which has all the `tags`
//!              big .. manifests   in turn in the other repositories, with a tag each
//! ```
//! The first blob of a manifest is its configuration, the others are layers; one layer more is
//! shared by many repositories, as a base image is.

use anyhow::{Context, ensure};
use clap::Args;
use roadstead_oci::{RepositoryName, Tag};
use std::time::Duration;

/// Layers that many repositories share.
const BASES: u64 = 100;
/// A blob of so many bytes is kept in its record.
const INLINE: u64 = roadstead_registry::INLINE_BLOB_BYTES as u64;

/// What a store is to hold.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Blobs, garbage among them.
    #[arg(long, default_value_t = 1_000_000)]
    pub blobs: u64,
    /// How many per cent of the blobs are garbage: no manifest names them, half of them are linked.
    #[arg(long, default_value_t = 50)]
    pub garbage: u64,
    /// Blobs with a data file; all others are kept in their records.
    #[arg(long, default_value_t = 100_000)]
    pub data_files: u64,
    /// The size of a blob with a data file, in bytes; more than 32 KiB.
    #[arg(long, default_value_t = 40_960)]
    pub file_bytes: u64,
    /// The size of every other blob, in bytes.
    #[arg(long, default_value_t = 600)]
    pub blob_bytes: u64,
    /// Manifests in all repositories together.
    #[arg(long, default_value_t = 100_000)]
    pub manifests: u64,
    /// Repositories, the big one among them.
    #[arg(long, default_value_t = 10_000)]
    pub repositories: u64,
    /// Tags of the big repository, `scale/big`.
    #[arg(long, default_value_t = 100_000)]
    pub tags: u64,
    /// How many days ago everything was pushed; more than the grace, and the collector takes the
    /// garbage at once.
    #[arg(long, default_value_t = 3)]
    pub age_days: u64,
    /// Decides the bytes of all content.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Plan {
    /// Says what is wrong with the numbers, if anything.
    ///
    /// # Errors
    /// A sentence for whoever chose them.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(self.garbage <= 100, "--garbage is a share in per cent");
        ensure!(self.repositories > 0, "there must be a repository");
        ensure!(
            self.manifests >= self.repositories,
            "every repository has a manifest: {} manifests are too few for {} repositories",
            self.manifests,
            self.repositories
        );
        ensure!(
            self.live() >= 2 * self.manifests,
            "every manifest has a configuration and a layer of its own: {} blobs that are no \
             garbage are too few for {} manifests",
            self.live(),
            self.manifests
        );
        ensure!(
            self.file_bytes > INLINE,
            "a blob of {} bytes has no file: one of up to {INLINE} is kept in its record",
            self.file_bytes
        );
        ensure!(
            (16..=INLINE).contains(&self.blob_bytes),
            "a blob that is kept in its record has 16 to {INLINE} bytes"
        );
        ensure!(
            self.data_files <= self.blobs,
            "there cannot be more data files than blobs"
        );
        Ok(())
    }

    /// How long ago everything was pushed.
    #[must_use]
    pub const fn age(&self) -> Duration {
        Duration::from_secs(self.age_days * 24 * 60 * 60)
    }

    /// How many blobs manifests name; the others are garbage.
    #[must_use]
    pub fn live(&self) -> u64 {
        self.blobs - self.blobs * self.garbage.min(100) / 100
    }

    /// Tells whether the content of a blob is a file.
    #[must_use]
    pub fn has_file(&self, blob: u64) -> bool {
        self.files_before(blob + 1) > self.files_before(blob)
    }

    /// How many of the first `blobs` have a file: evenly many, wherever one looks.
    #[must_use]
    pub fn files_before(&self, blobs: u64) -> u64 {
        let product = u128::from(blobs) * u128::from(self.data_files);
        u64::try_from(product / u128::from(self.blobs.max(1))).unwrap_or(u64::MAX)
    }

    /// The size of a blob in bytes.
    #[must_use]
    pub fn size(&self, blob: u64) -> u64 {
        if self.has_file(blob) {
            self.file_bytes
        } else {
            self.blob_bytes
        }
    }

    /// How many manifests the big repository has.
    #[must_use]
    pub fn big(&self) -> u64 {
        if self.repositories == 1 {
            return self.manifests;
        }
        (self.manifests / 10).clamp(1, self.manifests - (self.repositories - 1))
    }

    /// The number of a manifest's repository.
    #[must_use]
    pub fn repository_of(&self, manifest: u64) -> u64 {
        match manifest.checked_sub(self.big()) {
            None => 0,
            Some(rest) => 1 + rest % (self.repositories - 1),
        }
    }

    /// The repository that a blob is linked in, but for layers that are shared.
    #[must_use]
    pub fn linked_in(&self, blob: u64) -> Option<u64> {
        if blob < self.live() {
            return Some(self.repository_of(blob % self.manifests));
        }
        blob.is_multiple_of(2).then(|| blob % self.repositories)
    }

    /// The layer that a repository shares with others, unless it is its own anyway.
    #[must_use]
    pub fn base_of(&self, repository: u64) -> Option<u64> {
        let bases = BASES.min(self.live() - self.manifests);
        let base = self.live() - 1 - repository % bases;
        (self.linked_in(base) != Some(repository)).then_some(base)
    }

    /// The blobs that a manifest names, the configuration first.
    pub fn blobs_of(&self, manifest: u64) -> impl Iterator<Item = u64> {
        let step = usize::try_from(self.manifests).unwrap_or(usize::MAX);
        let own = (manifest..self.live()).step_by(step);
        own.chain(self.base_of(self.repository_of(manifest)))
    }

    /// How many links there are.
    #[must_use]
    pub fn links(&self) -> u64 {
        let bases = (0..self.repositories).filter(|&repository| self.base_of(repository).is_some());
        self.live() + self.garbage_links() + bases.count() as u64
    }

    /// How many links are garbage: no manifest of their repository names what they link to.
    #[must_use]
    pub fn garbage_links(&self) -> u64 {
        let garbage = self.live()..self.blobs;
        garbage
            .filter(|blob| self.linked_in(*blob).is_some())
            .count() as u64
    }
}

/// The name of a repository: `scale/big` is the first.
///
/// # Errors
/// None for a number that a plan has.
pub fn repository_name(number: u64) -> anyhow::Result<RepositoryName> {
    let name = match number {
        0 => "scale/big".to_owned(),
        _ => format!("scale/r-{number:06}"),
    };
    RepositoryName::parse(&name).context("the name of a repository")
}

/// A tag of the big repository.
///
/// # Errors
/// None for a number that a plan has.
pub fn big_tag(number: u64) -> anyhow::Result<Tag> {
    Tag::parse(&format!("t-{number:06}")).context("a tag")
}

/// The tag of a manifest of another repository.
///
/// # Errors
/// None for a number that a plan has.
pub fn own_tag(manifest: u64) -> anyhow::Result<Tag> {
    Tag::parse(&format!("m-{manifest:06}")).context("a tag")
}

#[cfg(test)]
mod tests;
