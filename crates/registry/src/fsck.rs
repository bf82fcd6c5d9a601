//! Checks what is stored.

use crate::Result;
use crate::progress::Progress;
use crate::registry::Registry;
use serde::{Deserialize, Serialize};

/// What a check is asked to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FsckOptions {}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FsckReport {}

impl Registry {
    /// Checks what is stored.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn fsck(&self, _options: FsckOptions, progress: Progress) -> Result<FsckReport> {
        progress.begin("records", None);
        Ok(FsckReport::default())
    }
}
