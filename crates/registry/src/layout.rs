//! Every record key, in one file.
//!
//! | key | content |
//! |---|---|
//! | `blob/<alg>/<hex>` | where the content of a digest is, for all repositories |
//! | `link/<alg>/<hex>/<repository, "/" as ":">` | this repository may see this blob |
//! | `repo/<name>/_manifest/<alg>/<hex>` | a manifest: state, generation, exact bytes |
//! | `repo/<name>/_removed/<alg>/<hex>` | a manifest that was deleted and can be brought back: exact bytes |
//! | `repo/<name>/_tag/<tag>` | the manifest that a tag names |
//! | `repo/<name>/_history/<tag>/<inverted time>-<nonce>` | a past value of a tag |
//! | `repo/<name>/_tagged/<alg>/<hex>/<tag>` | reverse index of tags; may be stale |
//! | `repo/<name>/_referrer/<alg>/<hex of subject>/<alg>.<hex>` | a referrer's descriptor |
//! | `catalog/<name>` | the repository exists |
//! | `upload/<id>` | an upload session |
//! | `gc/lease` | who collects |
//! | `gc/state` | the last pass of the collector |
//! | `gc/condemned/<level>/<id>` | some of what is condemned |
//! | `gc/references/<name>/<section>/<alg>/<hex>` | what some manifests name |
//! | `gc/job/<id>` | long work that somebody asked for |
//! | `gc/scrub` | how far the scrub is |
//!
//! A component of a repository name cannot start with `_`, so the keys are unambiguous. A tag comes
//! last in its key: were something behind it, `1-alpine` would sort before `1`.
//!
//! `_removed` sorts behind `_manifest`, and is written before the manifest goes: whoever reads the
//! keys of a repository in their order meets one of the two, whatever happens meanwhile.

use crate::ids::Nonce;
use roadstead_oci::{Digest, RepositoryName, Tag};
use roadstead_storage::Timestamp;

/// Prefix of all catalog entries.
pub const CATALOG: &str = "catalog/";
/// Prefix of all upload sessions.
pub const UPLOADS: &str = "upload/";
/// Prefix of everything that belongs to one repository alone, but its links.
pub const REPOSITORIES: &str = "repo/";
/// Prefix of all links.
pub const LINKS: &str = "link/";
/// Prefix of all blobs.
pub const BLOBS: &str = "blob/";
/// Section of a repository's manifests.
pub const MANIFEST_SECTION: &str = "_manifest";
/// Section of the deleted manifests of a repository that are retained.
pub const REMOVED_SECTION: &str = "_removed";
/// Section of the reverse index of a repository's tags.
pub const TAGGED_SECTION: &str = "_tagged";
/// Key that says who collects.
pub const COLLECTOR_LEASE: &str = "gc/lease";
/// Key of what the last pass of the collector left.
pub const COLLECTOR_STATE: &str = "gc/state";
/// Prefix of the lists of what is condemned.
pub const CONDEMNED: &str = "gc/condemned/";
/// Prefix of what manifests name; what follows it is a key below [`REPOSITORIES`].
pub const REFERENCES: &str = "gc/references/";

/// Key of the scrub's cursor and lease.
pub const SCRUB: &str = "gc/scrub";
/// Prefix of all jobs.
pub const JOBS: &str = "gc/job/";

fn digest_path(digest: &Digest) -> String {
    format!("{}/{}", digest.algorithm().as_str(), digest.hex())
}

/// Key of the record that says where the content of `digest` is.
#[must_use]
pub fn blob(digest: &Digest) -> String {
    format!("blob/{}", digest_path(digest))
}

/// Prefix of all links to `digest`, whatever their repository.
#[must_use]
pub fn links_of(digest: &Digest) -> String {
    format!("link/{}/", digest_path(digest))
}

/// Key of the record that lets `repository` see `digest`.
#[must_use]
pub fn link(repository: &RepositoryName, digest: &Digest) -> String {
    format!(
        "{}{}",
        links_of(digest),
        repository.as_str().replace('/', ":")
    )
}

/// Returns the repository of a link's key, which [`link`] built.
#[must_use]
pub fn repository_of_link(key: &str) -> Option<RepositoryName> {
    let (_, flat) = key.rsplit_once('/')?;
    RepositoryName::parse(&flat.replace(':', "/")).ok()
}

/// Prefix of all manifests of a repository; what follows it in a key is read by [`digest_of_path`].
#[must_use]
pub fn manifests(repository: &RepositoryName) -> String {
    format!("repo/{repository}/_manifest/")
}

/// Key of a manifest.
#[must_use]
pub fn manifest(repository: &RepositoryName, digest: &Digest) -> String {
    format!("{}{}", manifests(repository), digest_path(digest))
}

/// Prefix of all deleted manifests of a repository that are retained; what follows it in a key is
/// read by [`digest_of_path`].
#[must_use]
pub fn removed_all(repository: &RepositoryName) -> String {
    format!("repo/{repository}/_removed/")
}

/// Key of a deleted manifest that is retained.
#[must_use]
pub fn removed(repository: &RepositoryName, digest: &Digest) -> String {
    format!("{}{}", removed_all(repository), digest_path(digest))
}

/// Returns the digest of what follows [`manifests`] or [`removed_all`] in a key: `<alg>/<hex>`.
#[must_use]
pub fn digest_of_path(path: &str) -> Option<Digest> {
    let (algorithm, hex) = path.split_once('/')?;
    Digest::from_parts(algorithm, hex).ok()
}

/// Prefix of all tags of a repository; what follows it in a key is the tag.
#[must_use]
pub fn tags(repository: &RepositoryName) -> String {
    format!("repo/{repository}/_tag/")
}

/// Key of a tag.
#[must_use]
pub fn tag(repository: &RepositoryName, tag: &Tag) -> String {
    format!("repo/{repository}/_tag/{tag}")
}

/// Prefix of the past values of all tags of a repository; a tag and a slash follow it in a key.
#[must_use]
pub fn histories_all(repository: &RepositoryName) -> String {
    format!("repo/{repository}/_history/")
}

/// Prefix of all past values of a tag, the newest first.
#[must_use]
pub fn histories(repository: &RepositoryName, tag: &Tag) -> String {
    format!("{}{tag}/", histories_all(repository))
}

/// What comes before the past values of a tag, under [`histories`], that were set at `at` or before.
#[must_use]
pub fn history_until(at: Timestamp) -> String {
    format!("{:020}", u64::MAX - at.as_millis())
}

/// Key of a past value of a tag: its own time and nonce, so that writing it twice is writing it once.
#[must_use]
pub fn history(repository: &RepositoryName, tag: &Tag, at: Timestamp, nonce: Nonce) -> String {
    let inverted = history_until(at);
    format!("{}{inverted}-{nonce}", histories(repository, tag))
}

/// Prefix of the reverse index of a manifest; what follows it in a key is a tag.
#[must_use]
pub fn tagged_all(repository: &RepositoryName, digest: &Digest) -> String {
    format!("repo/{repository}/_tagged/{}/", digest_path(digest))
}

/// Key that says: this tag may name this manifest.
#[must_use]
pub fn tagged(repository: &RepositoryName, digest: &Digest, tag: &Tag) -> String {
    format!("{}{tag}", tagged_all(repository, digest))
}

/// Prefix of all referrers of a subject; what follows it is `<alg>.<hex>` of the referrer.
#[must_use]
pub fn referrers(repository: &RepositoryName, subject: &Digest) -> String {
    format!("repo/{repository}/_referrer/{}/", digest_path(subject))
}

/// Key of one referrer of a subject.
#[must_use]
pub fn referrer(repository: &RepositoryName, subject: &Digest, referrer: &Digest) -> String {
    let name = format!("{}.{}", referrer.algorithm().as_str(), referrer.hex());
    format!("{}{name}", referrers(repository, subject))
}

/// Returns the digest of a referrer from what follows [`referrers`] in its key.
#[must_use]
pub fn digest_of_referrer(name: &str) -> Option<Digest> {
    let (algorithm, hex) = name.split_once('.')?;
    Digest::from_parts(algorithm, hex).ok()
}

/// Key that says: this repository exists.
#[must_use]
pub fn catalog(repository: &RepositoryName) -> String {
    format!("{CATALOG}{repository}")
}

/// Returns the digest at the end of a key, `<alg>/<hex>`, whatever is before it.
#[must_use]
pub fn digest_at_end(key: &str) -> Option<Digest> {
    let (before, _) = key.rsplit_once('/')?;
    let start = before.rfind('/').map_or(0, |slash| slash + 1);
    digest_of_path(&key[start..])
}

/// Key of an upload session.
#[must_use]
pub fn upload(id: &crate::ids::UploadId) -> String {
    format!("{UPLOADS}{id}")
}

/// Key of a job; ids of newer ones come first.
#[must_use]
pub fn job(id: &crate::ids::JobId) -> String {
    format!("{JOBS}{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_oci::Algorithm;

    #[test]
    fn a_digest_is_read_from_the_end_of_a_key_whatever_is_before_it() {
        for algorithm in Algorithm::ALL {
            let digest = Digest::of(algorithm, b"content");
            let repository = RepositoryName::parse("a/b").unwrap();
            let path = digest_path(&digest);
            for key in [blob(&digest), manifest(&repository, &digest), path.clone()] {
                assert_eq!(digest_at_end(&key), Some(digest.clone()), "{key}");
            }
            assert_eq!(digest_of_path(&path), Some(digest.clone()));
            assert_eq!(digest_of_path(&blob(&digest)), None);
            assert_eq!(digest_at_end(&link(&repository, &digest)), None);
            assert_eq!(digest_at_end(&digest.hex()), None);
        }
    }

    #[test]
    fn a_referrer_is_read_from_its_key() {
        let (subject, named) = (Digest::of(Algorithm::Sha256, b"s"), b"r");
        let repository = RepositoryName::parse("a/b").unwrap();
        let named = Digest::of(Algorithm::Sha512, named);

        let key = referrer(&repository, &subject, &named);
        let name = key.strip_prefix(&referrers(&repository, &subject)).unwrap();

        assert_eq!(digest_of_referrer(name), Some(named));
    }
}
