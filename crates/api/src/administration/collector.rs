//! `/collector`: what is condemned, since when, and what the last pass did. A pass is a job.

use super::Administration;
use super::answer::{Failure, Outcome, Output};
use super::input::Input;
use super::moment::Moment;
use roadstead_registry::{CollectorReport, CollectorStatus, CondemnedStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The state of the collector.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CollectorView {
    /// Whether a pass is being made, by whichever server.
    pub is_running: bool,
    /// When the last pass began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_started: Option<Moment>,
    /// When the last pass came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_finished: Option<Moment>,
    /// What it did, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// What it did, as a job tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub last: Option<Value>,
    /// What is condemned, a line for each kind of records that has any.
    pub condemned: Vec<CondemnedView>,
}

/// What is condemned of one kind of records.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CondemnedView {
    /// `manifests`, `links` or `blobs`.
    #[schema(example = "blobs")]
    pub level: String,
    /// How many.
    pub records: u64,
    /// The size of what they name. Of links it comes back with their blobs.
    pub size_bytes: u64,
    /// Since when the first of them are.
    pub since: Moment,
    /// From when on the next pass may remove the first of them.
    pub first_due: Moment,
    /// From when on the next pass may remove the last of them.
    pub last_due: Moment,
}

/// Tells the state of the collector.
#[utoipa::path(get, path = "/collector", tag = "collector", responses(
    (status = 200, body = CollectorView), (status = "default", body = Failure)))]
pub(crate) async fn show(administration: &Administration, _input: &Input<'_>) -> Outcome {
    let status = administration.registry.collector_status().await?;
    Ok(Output::shown(&CollectorView::from(status)))
}

impl From<CollectorStatus> for CollectorView {
    fn from(status: CollectorStatus) -> Self {
        let last = status.last.as_ref();
        Self {
            is_running: status.is_running,
            last_started: status
                .last_started
                .map(|at| Moment::of_millis(at.as_millis())),
            last_finished: last.map(|last| Moment::of_millis(last.finished.as_millis())),
            summary: last.map(CollectorReport::to_string),
            last: last.map(|last| serde_json::to_value(last).expect("a report has string keys")),
            condemned: status.condemned.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<CondemnedStatus> for CondemnedView {
    fn from(status: CondemnedStatus) -> Self {
        Self {
            level: status.level,
            records: status.records,
            size_bytes: status.bytes,
            since: Moment::of_millis(status.since.as_millis()),
            first_due: Moment::of_millis(status.first_due.as_millis()),
            last_due: Moment::of_millis(status.last_due.as_millis()),
        }
    }
}
