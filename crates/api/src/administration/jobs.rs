//! `/jobs`: long work that is asked for here, and what came of it; any server tells of all of them.

use super::answer::{Failure, Outcome, Output};
use super::input::{Input, Requester};
use super::moment::Moment;
use super::pages::{Page, PageQuery};
use super::{ADMINISTRATION_PATH, Administration};
use crate::error::AdminError;
use roadstead_registry::record::{JobProgress, JobState};
use roadstead_registry::{Job, JobId, JobSeen};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What is asked for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewJob {
    /// The kind of work, such as `fsck`.
    #[schema(example = "fsck")]
    pub kind: String,
    /// What exactly; each kind has options of its own, all of which may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub options: Option<Value>,
}

/// A job.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct JobView {
    /// Its id; those of newer jobs come first.
    pub id: String,
    /// The kind of work.
    #[schema(example = "fsck")]
    pub kind: String,
    /// What exactly was asked for.
    #[schema(value_type = Object)]
    pub options: Value,
    /// Who asked.
    pub by: String,
    /// `running`, `done`, `failed`, or `interrupted` when whoever worked on it was cut off.
    #[schema(example = "running")]
    pub state: String,
    /// When it was asked for.
    pub started: Moment,
    /// When whoever works on it last said so.
    pub heartbeat: Moment,
    /// How far it is.
    pub progress: JobProgressView,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What came of it; lists of jobs leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub report: Option<Value>,
}

/// How far a job is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = JobProgress)]
pub struct JobProgressView {
    /// How much is done.
    pub done: u64,
    /// How much there is to do, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// What is being done.
    pub text: String,
}

impl JobView {
    /// Tells whether there is nothing more to wait for.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.state != "running"
    }
}

/// Begins a job. The answer's `Location` is where it tells how far it is.
#[utoipa::path(post, path = "/jobs", tag = "jobs", request_body = NewJob, responses(
    (status = 202, body = JobView, headers(("location" = String))),
    (status = "default", body = Failure)))]
pub(crate) async fn start(administration: &Administration, input: &Input<'_>) -> Outcome {
    let asked: NewJob = input.body()?;
    let job = Job::parse(&asked.kind, asked.options).map_err(AdminError::Invalid)?;
    // It writes to a directory of the server's machine, which is nobody's over the network.
    if matches!(job, Job::Backup(_)) && matches!(input.request.by, Requester::Caller(_)) {
        let reason = "a backup is asked for on the machine of the server, which it is written to";
        return Err(AdminError::Forbidden(reason.to_owned()));
    }
    let by = input.request.by.to_string();
    let seen = administration.registry.job_start(job, &by).await?;
    let location = format!("{ADMINISTRATION_PATH}/jobs/{}", seen.id);
    let told = format!("began job {}: {}", seen.id, asked.kind);
    Ok(Output::accepted(&view(seen, true), location).logged_as("job.start", told))
}

/// Tells of a job.
#[utoipa::path(get, path = "/jobs/{id}", tag = "jobs", params(("id" = String, Path)), responses(
    (status = 200, body = JobView), (status = "default", body = Failure)))]
pub(crate) async fn show(administration: &Administration, input: &Input<'_>) -> Outcome {
    let unknown = || AdminError::Absent("job of this id".to_owned());
    let id = JobId::parse(input.path(0)).ok_or_else(unknown)?;
    let seen = administration.registry.job(id).await?;
    Ok(Output::shown(&view(seen.ok_or_else(unknown)?, true)))
}

/// Lists jobs of the last seven days, the newest first, without their reports.
#[utoipa::path(get, path = "/jobs", tag = "jobs", params(PageQuery), responses(
    (status = 200, body = Page<JobView>), (status = "default", body = Failure)))]
pub(crate) async fn list(administration: &Administration, input: &Input<'_>) -> Outcome {
    let (after, limit) = input.page()?;
    let page = administration
        .registry
        .jobs(after.as_deref(), limit)
        .await?;
    let items = page.jobs.into_iter().map(|seen| view(seen, false));
    let more = page.next.is_some();
    Ok(Output::shown(&Page::new(items.collect(), page.next, more)))
}

fn view(seen: JobSeen, with_report: bool) -> JobView {
    let record = seen.record;
    let state = match record.state {
        JobState::Running if seen.is_interrupted => "interrupted",
        JobState::Running => "running",
        JobState::Done => "done",
        JobState::Failed => "failed",
    };
    let JobProgress { done, total, text } = record.progress;
    let report = serde_json::from_slice(&record.report);
    JobView {
        id: seen.id.to_string(),
        kind: record.kind,
        options: record.options,
        by: record.by,
        state: state.to_owned(),
        started: Moment::of_millis(record.started.as_millis()),
        heartbeat: Moment::of_millis(record.heartbeat.as_millis()),
        progress: JobProgressView { done, total, text },
        error: record.error,
        report: report.ok().filter(|_| with_report),
    }
}
