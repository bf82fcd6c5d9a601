//! What a registry means: blobs, uploads, manifests, tags, referrers and the catalog, over two stores.
//!
//! Nothing here knows HTTP. Every fact is one record, changed only by compare-and-set; operations
//! over several records are ordered so that a crash at any point leaves nothing wrong, only
//! something unacknowledged. The rules are told in `docs/storage.md`.

mod background;
mod backup;
mod blob;
mod catalog;
mod collected;
mod collector;
mod error;
mod finished_uploads;
mod fsck;
mod history;
mod ids;
mod jobs;
pub mod layout;
mod link;
mod listed_referrers;
mod locations;
mod manifest;
mod mount;
mod open_uploads;
mod pace;
mod progress;
mod protect;
mod protected;
pub mod record;
mod referrer;
mod register;
mod registry;
mod rehash;
mod scrub;
mod scrubbed;
mod settings;
mod sweep;
mod tag;
mod tag_restore;
mod tag_values;
#[cfg(test)]
mod testing;
mod upload;
mod verifications;
mod verify;
mod window;

pub use background::Background;
pub use backup::{BackupOptions, RecordReader};
pub use blob::{Blob, BlobBody, BlobMeta};
pub use catalog::CatalogPage;
pub use collected::CollectorTotals;
pub use collector::{
    CollectorOptions, CollectorReport, CollectorStatus, CondemnedStatus, LevelReport,
};
pub use error::{RegistryError, Result};
pub use fsck::{Finding, FsckOptions, FsckReport, Severity};
pub use ids::{Generation, IdSource, JobId, Nonce, RandomIds, UploadId};
pub use jobs::{Job, JobPage, JobSeen};
pub use manifest::{
    Availability, ManifestMeta, ManifestPush, ManifestRestore, Pushed, RemovedManifest,
    RemovedPage, Restored, Retention, StoredManifest,
};
pub use mount::{MountSource, Mounted};
pub use progress::Progress;
pub use referrer::{ReferrersPage, ReferrersQuery};
pub use registry::Registry;
pub use roadstead_storage::{DataFile, Timestamp};
pub use scrub::ScrubStatus;
pub use scrubbed::ScrubCounts;
pub use settings::{CollectorSettings, INLINE_BLOB_BYTES, INLINE_MANIFEST_BYTES, Settings, YOUNG};
pub use tag::TagPage;
pub use tag_restore::{DeletedTag, DeletedTagsPage, RestorePoint, TagRestore, TagRestored};
pub use tag_values::HistoryPage;
pub use upload::{Closing, OpenSession, SessionPage, UploadWriter};
