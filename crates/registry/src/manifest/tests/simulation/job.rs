//! The requests that are simulated.

use super::super::intercepted::Call;
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

impl Job {
    /// Tells whether a push begins with this call, or begins again because of it.
    pub(super) fn begins_again(self, call: &Call, is_lost: bool) -> bool {
        match self {
            Self::SetTag(_) | Self::SetBoth(_) => {
                call.is("put", "/_tagged/") && call.key.ends_with(TAG)
            }
            Self::PutDigest(1) => call.is("get", "/_referrer/"),
            Self::PutDigest(_) => is_lost && call.is("put", "/_manifest/"),
            _ => false,
        }
    }
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

/// Draws requests that meet each other: mostly about one tag and the manifest that loses it.
pub(super) fn draw_jobs(dice: &mut Dice) -> Vec<Job> {
    let mut jobs = match dice.below(6) {
        0 => vec![Job::SetTag(0), Job::DeleteDigest(0)],
        1 => vec![Job::SetTag(0), Job::SetTag(1), Job::DeleteDigest(0)],
        2 => vec![Job::SetTag(1), Job::DeleteDigest(0), Job::GetTag],
        3 => vec![Job::DeleteDigest(0), Job::DeleteDigest(0), Job::SetTag(0)],
        4 => vec![Job::SetTag(0), Job::SetTag(1), Job::DeleteTag],
        _ => vec![draw_job(dice), draw_job(dice)],
    };
    for _ in 0..=dice.below(2) {
        jobs.push(draw_job(dice));
    }
    jobs
}

fn draw_job(dice: &mut Dice) -> Job {
    let image = dice.below(2);
    match dice.below(9) {
        0..=1 => Job::SetTag(image),
        2 => Job::SetBoth(image),
        3 => Job::PutDigest(image),
        4 => Job::DeleteDigest(image),
        5 => Job::DeleteTag,
        6 => Job::GetTag,
        7 => Job::HeadTag,
        _ => Job::GetDigest(image),
    }
}
