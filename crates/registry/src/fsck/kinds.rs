//! Every kind of record, in one table: which keys are its own, how it is read, and which data it
//! names. A kind that is not here is told as unknown, and while there is one no data is deleted, for
//! it may name some. Whoever adds a kind of record adds an entry.

use crate::record::{
    BlobRecord, BlobState, CatalogRecord, CollectorRecord, CondemnedRecord, Encoded, HistoryRecord,
    JobRecord, LeaseRecord, LinkRecord, ManifestRecord, ReferencesRecord, ReferrerRecord,
    RemovedRecord, ScrubRecord, SessionRecord, TagRecord, TaggedRecord,
};
use crate::{JobId, RegistryError, Result, UploadId, layout};
use bytes::Bytes;
use roadstead_oci::{Digest, RepositoryName, Tag};
use roadstead_storage::DataRef;

/// A record that was understood.
#[derive(Clone, Debug)]
pub(super) enum Record {
    Blob(Digest, BlobRecord),
    Link(RepositoryName, Digest, LinkRecord),
    Manifest(RepositoryName, Digest, Box<ManifestRecord>),
    Tag(RepositoryName, Tag, TagRecord),
    Tagged(RepositoryName, Digest, Tag),
    /// The repository and the referrer.
    Referrer(RepositoryName, Digest, ReferrerRecord),
    Session(Box<SessionRecord>),
    /// One of which nothing but its own text is to be checked, and the data that it names.
    Plain(Vec<DataRef>),
}

/// A kind of record.
pub(super) struct Kind {
    /// What reports call it.
    pub(super) name: &'static str,
    /// Reads a record; `None` when the key is not of this kind.
    read: fn(&str, &Bytes) -> Option<Result<Record>>,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "session",
        read: |key, bytes| {
            UploadId::parse(key.strip_prefix(layout::UPLOADS)?)?;
            Some(decode(key, bytes, |record| {
                Record::Session(Box::new(record))
            }))
        },
    },
    Kind {
        name: "blob",
        read: |key, bytes| {
            let digest = digest(key.strip_prefix("blob/")?)?;
            Some(decode(key, bytes, |record: BlobRecord| {
                Record::Blob(digest, record)
            }))
        },
    },
    Kind {
        name: "link",
        read: |key, bytes| {
            let (path, _) = key.strip_prefix("link/")?.rsplit_once('/')?;
            let (digest, repository) = (digest(path)?, layout::repository_of_link(key)?);
            Some(decode(key, bytes, |record: LinkRecord| {
                Record::Link(repository, digest, record)
            }))
        },
    },
    Kind {
        name: "manifest",
        read: |key, bytes| {
            let (repository, rest) = in_repository(key, "_manifest/")?;
            let digest = digest(rest)?;
            Some(decode(key, bytes, |record| {
                Record::Manifest(repository, digest, Box::new(record))
            }))
        },
    },
    Kind {
        name: "tag",
        read: |key, bytes| {
            let (repository, rest) = in_repository(key, "_tag/")?;
            let tag = Tag::parse(rest).ok()?;
            Some(decode(key, bytes, |record: TagRecord| {
                Record::Tag(repository, tag, record)
            }))
        },
    },
    Kind {
        name: "reverse entry",
        read: |key, bytes| {
            let (repository, rest) = in_repository(key, "_tagged/")?;
            let (path, tag) = rest.rsplit_once('/')?;
            let (digest, tag) = (digest(path)?, Tag::parse(tag).ok()?);
            Some(decode(key, bytes, |_: TaggedRecord| {
                Record::Tagged(repository, digest, tag)
            }))
        },
    },
    Kind {
        name: "referrer entry",
        read: |key, bytes| {
            let (repository, rest) = in_repository(key, "_referrer/")?;
            let (path, name) = rest.rsplit_once('/')?;
            let (_, referrer) = (digest(path)?, layout::digest_of_referrer(name)?);
            Some(decode(key, bytes, |record| {
                Record::Referrer(repository, referrer, record)
            }))
        },
    },
    Kind {
        name: "history entry",
        read: |key, bytes| {
            let (_, rest) = in_repository(key, "_history/")?;
            Tag::parse(rest.split_once('/')?.0).ok()?;
            Some(decode(key, bytes, |_: HistoryRecord| {
                Record::Plain(Vec::new())
            }))
        },
    },
    Kind {
        name: "catalog entry",
        read: |key, bytes| {
            RepositoryName::parse(key.strip_prefix(layout::CATALOG)?).ok()?;
            Some(decode(key, bytes, |_: CatalogRecord| {
                Record::Plain(Vec::new())
            }))
        },
    },
    Kind {
        name: "deleted manifest",
        read: |key, bytes| {
            let (_, rest) = in_repository(key, "_removed/")?;
            digest(rest)?;
            Some(decode(key, bytes, |_: RemovedRecord| {
                Record::Plain(Vec::new())
            }))
        },
    },
    Kind {
        name: "collector",
        read: |key, bytes| {
            let plain = || Record::Plain(Vec::new());
            match key {
                layout::COLLECTOR_LEASE => Some(decode(key, bytes, |_: LeaseRecord| plain())),
                layout::COLLECTOR_STATE => Some(decode(key, bytes, |_: CollectorRecord| plain())),
                _ if key.starts_with(layout::CONDEMNED) => {
                    Some(decode(key, bytes, |_: CondemnedRecord| plain()))
                }
                _ if key.starts_with(layout::REFERENCES) => {
                    Some(decode(key, bytes, |_: ReferencesRecord| plain()))
                }
                _ => None,
            }
        },
    },
    Kind {
        name: "job",
        read: |key, bytes| {
            JobId::parse(key.strip_prefix(layout::JOBS)?)?;
            Some(decode(key, bytes, |_: JobRecord| Record::Plain(Vec::new())))
        },
    },
    Kind {
        name: "scrub",
        read: |key, bytes| {
            let is_own = key == layout::SCRUB;
            is_own.then(|| decode(key, bytes, |_: ScrubRecord| Record::Plain(Vec::new())))
        },
    },
    Kind {
        name: "identity or rule",
        read: |key, bytes| {
            let rest = key.strip_prefix("auth/")?;
            let (kind, _) = rest.split_once('/').unwrap_or((rest, ""));
            let known = [
                "user",
                "robot",
                "robot-used",
                "access-token",
                "signing-keys",
                "rules",
            ];
            known
                .contains(&kind)
                .then(|| json_behind_version(key, bytes))
        },
    },
    Kind {
        name: "mark of the store",
        read: |key, _| {
            // The lone writer's mark, and what a trial leaves that was cut off.
            let is_own = key == "meta/writer" || key.starts_with("meta/probe/");
            is_own.then(|| Ok(Record::Plain(Vec::new())))
        },
    },
];

/// Finds the kind of a record and reads it. `None` when no kind knows the key.
pub(super) fn read(key: &str, bytes: &Bytes) -> Option<(&'static str, Result<Record>)> {
    KINDS
        .iter()
        .find_map(|kind| Some((kind.name, (kind.read)(key, bytes)?)))
}

impl Record {
    /// Tells whether a reader relies on the data that the record names, whole.
    pub(super) fn must_have_data(&self) -> bool {
        match self {
            Self::Blob(_, record) => {
                matches!(record.state, BlobState::Live | BlobState::Condemned)
            }
            Self::Manifest(_, _, record) => record.is_readable() && !record.is_damaged,
            // A link whose data is gone is mended from the blob's record when it is read.
            Self::Link(..)
            | Self::Session(_)
            | Self::Tag(..)
            | Self::Tagged(..)
            | Self::Referrer(..)
            | Self::Plain(_) => false,
        }
    }

    /// Returns the data objects that the record names, so that nobody else may delete them.
    pub(super) fn data(&self) -> Vec<DataRef> {
        let one = |data: Option<&DataRef>| data.cloned().into_iter().collect();
        match self {
            Self::Blob(_, record) => one(record.content.data()),
            Self::Link(_, _, record) => one(record.content.data()),
            Self::Manifest(_, _, record) => one(record.content.data()),
            Self::Session(session) => {
                let upload = session.staged.upload.as_ref();
                let data = upload.map(|upload| DataRef {
                    key: upload.key.clone(),
                    length: upload.length,
                });
                one(data.as_ref())
            }
            Self::Tag(..) | Self::Tagged(..) | Self::Referrer(..) => Vec::new(),
            Self::Plain(data) => data.clone(),
        }
    }
}

fn decode<R: Encoded>(key: &str, bytes: &Bytes, make: impl FnOnce(R) -> Record) -> Result<Record> {
    R::decode(key, bytes).map(make)
}

/// Reads `<alg>/<hex>`.
fn digest(path: &str) -> Option<Digest> {
    let (algorithm, hex) = path.split_once('/')?;
    Digest::parse(&format!("{algorithm}:{hex}")).ok()
}

/// Takes a key of a repository apart: no component of a name begins with `_`.
fn in_repository<'a>(key: &'a str, section: &str) -> Option<(RepositoryName, &'a str)> {
    let rest = key.strip_prefix("repo/")?;
    let (name, _) = rest.split_once("/_")?;
    let rest = rest.get(name.len() + 1..)?.strip_prefix(section)?;
    Some((RepositoryName::parse(name).ok()?, rest))
}

/// Looks at a record of another part of the program from outside: a version and JSON.
fn json_behind_version(key: &str, bytes: &Bytes) -> Result<Record> {
    let unreadable = |reason: String| RegistryError::RecordUnreadable {
        key: key.to_owned(),
        reason,
    };
    match bytes.split_first() {
        Some((1, json)) => serde_json::from_slice::<serde::de::IgnoredAny>(json)
            .map(|_| Record::Plain(Vec::new()))
            .map_err(|error| unreadable(error.to_string())),
        Some((version, _)) => Err(unreadable(format!("it has version {version}"))),
        None => Err(unreadable("it is empty".to_owned())),
    }
}
