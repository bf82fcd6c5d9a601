//! What a job can be. Another kind takes four lines here: a variant, and its arm in `kind`, `parse`,
//! `options` and `run`; its options are a struct with `deny_unknown_fields` and a default.

use crate::Result;
use crate::backup::BackupOptions;
use crate::collector::CollectorOptions;
use crate::fsck::FsckOptions;
use crate::progress::Progress;
use crate::registry::Registry;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Long work, and what exactly is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Makes a backup.
    Backup(BackupOptions),
    /// Makes one pass of the collector.
    Collect(CollectorOptions),
    /// Checks, and repairs when asked, what is stored.
    Fsck(FsckOptions),
}

impl Job {
    /// The names of all kinds.
    pub const KINDS: &'static [&'static str] = &["backup", "collect", "fsck"];

    /// Returns the name of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Backup(_) => "backup",
            Self::Collect(_) => "collect",
            Self::Fsck(_) => "fsck",
        }
    }

    /// Reads a job from the name of its kind and its options, which may be missing.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(kind: &str, options: Option<Value>) -> std::result::Result<Self, String> {
        let options = options.unwrap_or_else(|| Value::Object(serde_json::Map::default()));
        match kind {
            "backup" => read(options).map(Self::Backup),
            "collect" => read(options).map(Self::Collect),
            "fsck" => read(options).map(Self::Fsck),
            _ => Err(format!(
                "there is no kind of job {kind:.40?}; kinds are: {}",
                Self::KINDS.join(", ")
            )),
        }
    }

    /// Returns the options as a record keeps them.
    pub(super) fn options(&self) -> Value {
        let options = match self {
            Self::Backup(options) => serde_json::to_value(options),
            Self::Collect(options) => serde_json::to_value(options),
            Self::Fsck(options) => serde_json::to_value(options),
        };
        options.expect("options have string keys and no failing member")
    }

    /// Does the work; returns the report.
    pub(super) async fn run(self, registry: Registry, progress: Progress) -> Result<Value> {
        match self {
            Self::Backup(options) => {
                let report = registry.back_up(options, progress).await?;
                Ok(serde_json::to_value(report).expect("a report has string keys"))
            }
            Self::Collect(options) => {
                let report = registry.collect(options, &progress).await?;
                Ok(serde_json::to_value(report).expect("a report has string keys"))
            }
            Self::Fsck(options) => {
                let report = registry.fsck(options, progress).await?;
                Ok(serde_json::to_value(report).expect("a report has string keys"))
            }
        }
    }
}

fn read<T: DeserializeOwned>(options: Value) -> std::result::Result<T, String> {
    serde_json::from_value(options).map_err(|error| format!("options: {error}"))
}
