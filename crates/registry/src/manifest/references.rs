//! What a manifest names: which records a push protects, and what it finds missing.

use crate::protect::Intent;
use crate::record::ManifestRecord;
use crate::registry::Registry;
use crate::window::Window;
use crate::{RegistryError, Result, layout};
use futures::future::try_join_all;
use roadstead_oci::{Descriptor, Digest, Manifest, ManifestMediaType, RepositoryName};
use std::collections::BTreeMap;

/// How many records are protected at once. A document may name thousands.
pub(super) const AT_ONCE: usize = 64;

/// Which record holds what a descriptor names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Held {
    /// A link of the repository.
    Blob,
    /// A manifest record of the repository.
    Manifest,
}

/// Content that a manifest names, however often.
#[derive(Debug, Default)]
struct Named {
    /// Whether a push without it is refused.
    is_required: bool,
    /// The sizes that descriptors give and that must be true.
    sizes: Vec<u64>,
}

/// All that one manifest names, its subject left out: that need not exist, and a push protects
/// nothing for it.
#[derive(Debug, Default)]
pub(crate) struct References {
    named: BTreeMap<(Held, Digest), Named>,
}

impl References {
    /// Collects what `manifest` names. `sparse` requires none of it to be there.
    pub(crate) fn of(manifest: &Manifest, sparse: bool) -> Self {
        let mut references = Self::default();
        if let Some(config) = manifest.config() {
            references.add(Held::Blob, config).require(!sparse);
        }
        for layer in manifest.layers() {
            if roadstead_oci::is_non_distributable(&layer.media_type) {
                // It may live elsewhere, and its size is what its author says. Where it is here
                // all the same, it is protected like any other.
                references.enter(Held::Blob, layer);
            } else {
                references.add(Held::Blob, layer).require(!sparse);
            }
        }
        for child in manifest.children() {
            // Build caches are indexes of plain blobs.
            let held = match ManifestMediaType::parse(&child.media_type) {
                Some(_) => Held::Manifest,
                None => Held::Blob,
            };
            references.add(held, child).require(!sparse);
        }
        references
    }

    fn enter(&mut self, held: Held, descriptor: &Descriptor) -> &mut Named {
        let key = (held, descriptor.digest.clone());
        self.named.entry(key).or_default()
    }

    fn add(&mut self, held: Held, descriptor: &Descriptor) -> &mut Named {
        let named = self.enter(held, descriptor);
        if !named.sizes.contains(&descriptor.size) {
            named.sizes.push(descriptor.size);
        }
        named
    }
}

impl Named {
    fn require(&mut self, is_required: bool) {
        self.is_required |= is_required;
    }
}

impl References {
    /// Returns what has to be there, and which record holds it.
    pub(crate) fn required(&self) -> impl Iterator<Item = (Held, &Digest)> {
        let required = self.named.iter().filter(|(_, named)| named.is_required);
        required.map(|((held, digest), _)| (*held, digest))
    }

    /// Returns the blobs among what is named.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Digest> {
        self.held_as(Held::Blob)
    }

    /// Returns the manifests among what is named.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = &Digest> {
        self.held_as(Held::Manifest)
    }

    fn held_as(&self, held: Held) -> impl Iterator<Item = &Digest> {
        let named = self
            .named
            .keys()
            .filter(move |(as_what, _)| *as_what == held);
        named.map(|(_, digest)| digest)
    }
}

impl Registry {
    /// Protects everything that a manifest names, and checks that it is there and as large as its
    /// descriptors say. Returns the earliest window; `None` when nothing is named.
    ///
    /// # Errors
    /// `ManifestBlobUnknown` with all that is missing; `SizeMismatch`; `Storage`, `Contended`.
    pub(super) async fn protect_references(
        &self,
        repository: &RepositoryName,
        references: &References,
    ) -> Result<Option<Window>> {
        let named: Vec<_> = references.named.iter().collect();
        let mut found = Vec::with_capacity(named.len());
        for some in named.chunks(AT_ONCE) {
            let protecting = some
                .iter()
                .map(|((held, digest), _)| self.protect_named(repository, *held, digest));
            let protected = try_join_all(protecting).await?;
            let some = some.iter().zip(protected);
            found.extend(some.map(|(((_, digest), named), found)| (digest, named, found)));
        }
        let missing: Vec<_> = found
            .iter()
            .filter(|(_, named, found)| named.is_required && found.is_none())
            .map(|(digest, ..)| Digest::clone(digest))
            .collect();
        if !missing.is_empty() {
            return Err(RegistryError::ManifestBlobUnknown(missing));
        }
        let mut earliest: Option<Window> = None;
        for (digest, named, found) in found {
            let Some((stored, window)) = found else {
                continue;
            };
            if let Some(&described) = named.sizes.iter().find(|&&size| size != stored) {
                return Err(RegistryError::SizeMismatch {
                    digest: digest.clone(),
                    described,
                    stored,
                });
            }
            earliest = Some(earliest.map_or(window, |earliest| earliest.min(window)));
        }
        Ok(earliest)
    }

    async fn protect_named(
        &self,
        repository: &RepositoryName,
        held: Held,
        digest: &Digest,
    ) -> Result<Option<(u64, Window)>> {
        match held {
            Held::Blob => self.protect_link(repository, digest).await,
            Held::Manifest => {
                let key = layout::manifest(repository, digest);
                let found = self.protect::<ManifestRecord>(&key, Intent::Use).await?;
                Ok(found.map(|(child, window)| (child.content.length(), window)))
            }
        }
    }
}
