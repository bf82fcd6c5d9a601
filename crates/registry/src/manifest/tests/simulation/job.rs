//! The requests that are simulated.

use super::super::*;
use super::{Dice, OTHER_TAG, TAG};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    SetTag(usize),
    SetBoth(usize),
    PutDigest(usize),
    DeleteDigest(usize),
    DeleteTag,
    GetTag,
    HeadTag,
    GetDigest(usize),
}

/// How a request was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Done,
    Missing,
    Found(Digest),
    /// An error that tells nothing about what was done.
    Failed(String),
}

/// Makes a request and puts its answer into one form.
pub(super) async fn perform(registry: Registry, job: Job, images: [Bytes; 2]) -> Said {
    let repository = name(REPOSITORY);
    let digest = |at: usize| digest_of(&images[at]);
    let said = match job {
        Job::SetTag(at) => put(&registry, by_tag(TAG), &images[at])
            .await
            .map(|_| Said::Done),
        Job::PutDigest(at) => put_digest(&registry, &images[at]).await.map(|_| Said::Done),
        Job::SetBoth(at) => {
            let mut push = push_of(digest(at).into(), &images[at]);
            push.tags = vec![tag(TAG), tag(OTHER_TAG)];
            registry.manifest_put(push).await.map(|_| Said::Done)
        }
        Job::DeleteDigest(at) => delete(&registry, &images[at]).await.map(|()| Said::Done),
        Job::DeleteTag => {
            let deleted = registry.tag_delete(&repository, &tag(TAG), "bob").await;
            deleted.map(|()| Said::Done)
        }
        Job::GetTag => {
            let stored = registry.manifest_get(&repository, &by_tag(TAG)).await;
            stored.map(|stored| Said::Found(stored.meta.digest))
        }
        Job::HeadTag => {
            let meta = registry.manifest_head(&repository, &by_tag(TAG)).await;
            meta.map(|meta| Said::Found(meta.digest))
        }
        Job::GetDigest(at) => {
            let reference = digest(at).into();
            let meta = registry.manifest_head(&repository, &reference).await;
            meta.map(|meta| Said::Found(meta.digest))
        }
    };
    match said {
        Ok(said) => said,
        Err(RegistryError::ManifestUnknown(_) | RegistryError::NameUnknown(_)) => Said::Missing,
        Err(error) => Said::Failed(error.to_string()),
    }
}

pub(super) fn draw_job(dice: &mut Dice) -> Job {
    match dice.below(12) {
        0..=2 => Job::SetTag(0),
        3 | 4 => Job::SetTag(1),
        5 => Job::SetBoth(dice.below(2)),
        6 => Job::PutDigest(dice.below(2)),
        7 | 8 => Job::DeleteDigest(0),
        9 => Job::DeleteDigest(1),
        10 => Job::DeleteTag,
        _ => match dice.below(3) {
            0 => Job::GetTag,
            1 => Job::HeadTag,
            _ => Job::GetDigest(dice.below(2)),
        },
    }
}
