//! What must be left when nobody does anything any more and the collector had its time: exactly
//! what the manifests that are there name.

use crate::content::{Content, REPOSITORIES, TAGS, repository, tag};
use crate::invariants::Store;
use crate::promises::Promises;
use roadstead_registry::layout;
use roadstead_registry::record::{
    BlobRecord, LinkRecord, ManifestRecord, ManifestState, ReferrerRecord, TagRecord,
};
use std::collections::BTreeSet;

impl Store<'_> {
    /// Compares what is stored with what is referenced.
    pub(crate) async fn check_nothing_is_left(
        &self,
        content: &Content,
        promises: &Promises,
    ) -> Result<(), String> {
        let mut links = BTreeSet::new();
        let mut blobs = BTreeSet::new();
        let mut tagged = BTreeSet::new();
        let mut referrers = BTreeSet::new();
        for at in 0..REPOSITORIES.len() {
            let name = repository(at);
            for (number, image) in content.images.iter().enumerate() {
                let key = layout::manifest(&name, &image.digest);
                let Some(manifest) = self.read::<ManifestRecord>(&key).await else {
                    continue;
                };
                if manifest.state != ManifestState::Live {
                    return Err(format!("{key} is {:?}", manifest.state));
                }
                for &blob in &image.blobs {
                    let digest = &content.blobs[blob].0;
                    let link = layout::link(&name, digest);
                    // What a client deleted stays away.
                    if self.read::<LinkRecord>(&link).await.is_some() {
                        blobs.insert(layout::blob(digest));
                        links.insert(link);
                    }
                }
                if let Some(subject) = &manifest.subject {
                    let entry = layout::referrer(&name, subject, &image.digest);
                    // A push that died before its answer may have left the manifest without it.
                    let is_acknowledged = promises.manifest(at, number) == Some(true);
                    let read = self.read::<ReferrerRecord>(&entry).await;
                    if is_acknowledged || read.is_some() {
                        referrers.insert(entry);
                    }
                }
            }
            for tag_at in 0..TAGS.len() {
                let tag = tag(tag_at);
                let value = self.read::<TagRecord>(&layout::tag(&name, &tag)).await;
                if let Some(value) = value {
                    tagged.insert(layout::tagged(&name, &value.digest, &tag));
                }
            }
        }
        self.compare("links", layout::LINKS, "", &links).await?;
        self.compare("blobs", layout::BLOBS, "", &blobs).await?;
        self.compare("reverse entries", "repo/", "/_tagged/", &tagged)
            .await?;
        self.compare("referrer entries", "repo/", "/_referrer/", &referrers)
            .await?;
        let none = BTreeSet::new();
        self.compare("retained manifests", "repo/", "/_removed/", &none)
            .await?;
        self.compare("sessions", layout::UPLOADS, "", &none).await?;
        self.compare("lists of condemned", layout::CONDEMNED, "", &none)
            .await?;
        let mut owned = BTreeSet::new();
        for key in &blobs {
            let blob = self.read::<BlobRecord>(key).await;
            let data = blob.and_then(|blob| blob.content.data().cloned());
            owned.extend(data.map(|data| data.key));
        }
        let objects = self.objects().await;
        if objects != owned {
            return Err(format!("data is {objects:?}, owned is {owned:?}"));
        }
        if self.data.upload_count() > 0 {
            return Err(format!("{} uploads are left", self.data.upload_count()));
        }
        Ok(())
    }

    async fn compare(
        &self,
        what: &str,
        prefix: &str,
        part: &str,
        expected: &BTreeSet<String>,
    ) -> Result<(), String> {
        let keys = self.keys(prefix).await;
        let found: BTreeSet<String> = keys.into_iter().filter(|key| key.contains(part)).collect();
        if found == *expected {
            return Ok(());
        }
        let more: Vec<_> = found.difference(expected).collect();
        let less: Vec<_> = expected.difference(&found).collect();
        Err(format!("{what}: left over {more:?}, missing {less:?}"))
    }
}
