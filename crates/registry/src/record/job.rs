//! `gc/job/<id>`: long work that somebody asked for, and what came of it.

use super::{Encoded, decode, encode};
use crate::Result;
use bytes::Bytes;
use roadstead_storage::Timestamp;
use serde::{Deserialize, Serialize};

/// A job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRecord {
    /// What it does, by a name: a program of another version may know other kinds.
    pub kind: String,
    /// What was asked for beside the kind.
    pub options: serde_json::Value,
    /// Who asked for it.
    pub by: String,
    /// Where in its life it is.
    pub state: JobState,
    /// When it was asked for, by the store's clock.
    pub started: Timestamp,
    /// When whoever runs it last wrote this record, by the store's clock.
    pub heartbeat: Timestamp,
    /// How far it is.
    pub progress: JobProgress,
    /// Why it failed.
    pub error: Option<String>,
    /// What came of it: JSON, and nothing before it is done.
    pub report: Bytes,
}

/// The life of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Somebody works on it, or did until they were cut off.
    Running,
    /// It came to its end and has a report.
    Done,
    /// It did not come to its end.
    Failed,
}

/// How far a job is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobProgress {
    /// How much is done, in whatever the text says.
    pub done: u64,
    /// How much there is to do, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// What is being done.
    pub text: String,
}

#[derive(Serialize, Deserialize)]
struct JobHeader {
    kind: String,
    options: serde_json::Value,
    by: String,
    state: JobState,
    started: Timestamp,
    heartbeat: Timestamp,
    progress: JobProgress,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Encoded for JobRecord {
    fn encode(&self) -> Bytes {
        let header = JobHeader {
            kind: self.kind.clone(),
            options: self.options.clone(),
            by: self.by.clone(),
            state: self.state,
            started: self.started,
            heartbeat: self.heartbeat,
            progress: self.progress.clone(),
            error: self.error.clone(),
        };
        encode(&header, &self.report)
    }

    fn decode(key: &str, bytes: &Bytes) -> Result<Self> {
        let (header, report) = decode::<JobHeader>(key, bytes)?;
        Ok(Self {
            kind: header.kind,
            options: header.options,
            by: header.by,
            state: header.state,
            started: header.started,
            heartbeat: header.heartbeat,
            progress: header.progress,
            error: header.error,
            report,
        })
    }
}
