//! Long work that a command asks for: it runs behind the request in this process, and any replica
//! tells from its record how far it is and what came of it.
//!
//! A job is no lock and holds nothing: cut off at any point it leaves what a crash there would. Its
//! record then says `running` with a heartbeat that stands still, which is shown as interrupted.
//! What a job can be is in `jobs/kind.rs`.

mod kind;

#[cfg(test)]
mod tests;

pub use kind::Job;

use crate::ids::JobId;
use crate::progress::Progress;
use crate::record::{Encoded, JobProgress, JobRecord, JobState};
use crate::registry::Registry;
use crate::{RegistryError, Result, layout};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use roadstead_storage::{Condition, MAX_RECORD_BYTES, Timestamp};
use std::time::Duration;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

/// How often progress is written at most.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// How often a job without progress shows that somebody works on it.
const BEAT_EVERY: Duration = Duration::from_secs(15);
/// How old a heartbeat is when nobody can be at work any more.
const STALE: Duration = Duration::from_mins(2);
/// How long the record of a job is kept.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// Records of old jobs that are removed when another begins.
const REMOVED_AT_ONCE: usize = 100;
/// How many records one listing reads at once.
const READS_AT_ONCE: usize = 16;
/// The longest report, in bytes: a record has room for it and for its header.
const MAX_REPORT_BYTES: usize = MAX_RECORD_BYTES - 16 * 1024;

/// A job as its record shows it.
#[derive(Clone, Debug)]
pub struct JobSeen {
    /// Its id.
    pub id: JobId,
    /// What is known of it.
    pub record: JobRecord,
    /// Whether whoever worked on it was cut off.
    pub is_interrupted: bool,
}

/// A page of jobs, the newest first.
#[derive(Clone, Debug, Default)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<JobSeen>,
    /// The id that the next page begins after, when there is one.
    pub next: Option<String>,
}

impl Registry {
    /// Begins a job and returns it as it begins.
    ///
    /// # Errors
    /// `Storage`, `Contended`: the job was not begun.
    pub async fn job_start(&self, job: Job, by: &str) -> Result<JobSeen> {
        let now = self.inner.records.now().await?;
        let id = JobId::at(now, &*self.inner.ids);
        let record = JobRecord {
            kind: job.kind().to_owned(),
            options: job.options(),
            by: by.to_owned(),
            state: JobState::Running,
            started: now,
            heartbeat: now,
            progress: JobProgress::default(),
            error: None,
            report: Bytes::new(),
        };
        let key = layout::job(&id);
        // Nobody else draws this id: whatever the outcome, the record is this one or not there,
        // and the next beat writes it.
        let _ = self
            .put_bytes(&key, record.encode(), Condition::Any)
            .await?;
        if let Err(error) = self.remove_old_jobs(now).await {
            warn!(%error, "failed to remove the records of old jobs; the next job tries again");
        }
        let (registry, running) = (self.clone(), record.clone());
        self.inner.background.spawn(async move {
            registry.run_job(id, job, running).await;
        });
        Ok(JobSeen {
            id,
            record,
            is_interrupted: false,
        })
    }

    /// Tells of one job; `None` when there is none of this id.
    ///
    /// # Errors
    /// `Storage`, `RecordUnreadable`.
    pub async fn job(&self, id: JobId) -> Result<Option<JobSeen>> {
        let seen = self.read::<JobRecord>(&layout::job(&id)).await?;
        let Some(record) = seen.record else {
            return Ok(None);
        };
        let now = self.inner.records.now().await?;
        let is_interrupted =
            record.state == JobState::Running && now.since(record.heartbeat) > STALE;
        Ok(Some(JobSeen {
            id,
            record,
            is_interrupted,
        }))
    }

    /// Lists jobs, the newest first, after the id `after`.
    ///
    /// # Errors
    /// `Storage`, `RecordUnreadable`.
    pub async fn jobs(&self, after: Option<&str>, limit: usize) -> Result<JobPage> {
        let page = self.list_names(layout::JOBS, after, limit).await?;
        let next = page.names.last().cloned().filter(|_| page.more);
        let ids = page.names.iter().filter_map(|name| JobId::parse(name));
        let read: Vec<Option<JobSeen>> = stream::iter(ids.map(|id| self.job(id)))
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(JobPage {
            jobs: read.into_iter().flatten().collect(),
            next,
        })
    }

    /// Removes the records of jobs that began long ago. Their ids lie behind all younger ones.
    async fn remove_old_jobs(&self, now: Timestamp) -> Result<()> {
        let after = layout::job(&JobId::oldest_at(now.minus(KEPT)));
        let page = self
            .inner
            .records
            .list(layout::JOBS, Some(&after), REMOVED_AT_ONCE);
        for entry in page.await?.entries {
            let seen = self.read::<JobRecord>(&entry.key).await?;
            // One that runs for so long still beats.
            let is_old = |record: JobRecord| now.since(record.heartbeat) > KEPT;
            if seen.record.is_some_and(is_old) {
                let condition = Condition::Matches(seen.version);
                let _ = self.remove(&entry.key, condition).await?;
            }
        }
        Ok(())
    }

    /// Does the work and writes down how far it is until it ends.
    async fn run_job(&self, id: JobId, job: Job, mut record: JobRecord) {
        let kind = record.kind.clone();
        info!(job = %id, kind, by = record.by, "job {id} begins: {kind}");
        let stop = self.inner.background.stop();
        let progress = Progress::new(stop.clone());
        let mut work = std::pin::pin!(job.run(self.clone(), progress.clone()));
        let mut write = tokio::time::interval(WRITE_EVERY);
        write.set_missed_tick_behavior(MissedTickBehavior::Delay);
        write.tick().await;
        let mut written_at = self.inner.clock.monotonic();
        let ended = loop {
            tokio::select! {
                ended = &mut work => break ended.map_err(|error| error.to_string()),
                () = stop.cancelled() => break Err("the program that worked on it was stopped".to_owned()),
                _ = write.tick() => {
                    let now = self.inner.clock.monotonic();
                    let told = progress.now();
                    let is_due = now.saturating_sub(written_at) >= BEAT_EVERY;
                    if told != record.progress || is_due {
                        record.progress = told;
                        self.write_job(id, &mut record).await;
                        written_at = now;
                    }
                }
            }
        };
        record.progress = progress.now();
        match ended.and_then(|report| in_bounds(&report)) {
            Ok(report) => {
                record.state = JobState::Done;
                record.report = report;
                info!(job = %id, kind, "job {id} is done: {kind}");
            }
            Err(error) => {
                warn!(job = %id, kind, error, "job {id} failed: {kind}");
                record.state = JobState::Failed;
                record.error = Some(error);
            }
        }
        self.write_job(id, &mut record).await;
    }

    /// Writes the record, which nobody else writes.
    async fn write_job(&self, id: JobId, record: &mut JobRecord) {
        let written = async {
            record.heartbeat = self.inner.records.now().await?;
            let _ = self
                .put_bytes(&layout::job(&id), record.encode(), Condition::Any)
                .await?;
            Ok::<_, RegistryError>(())
        };
        if let Err(error) = written.await {
            warn!(job = %id, %error, "failed to write down how far job {id} is");
        }
    }
}

fn in_bounds(report: &serde_json::Value) -> std::result::Result<Bytes, String> {
    let bytes = serde_json::to_vec(report).map_err(|error| error.to_string())?;
    if bytes.len() > MAX_REPORT_BYTES {
        return Err(format!(
            "its report has {} bytes, more than a record holds",
            bytes.len()
        ));
    }
    Ok(bytes.into())
}
