//! `/scrub`: how far the hashing of all stored content is.

use super::Administration;
use super::answer::{Failure, Outcome, Output};
use super::input::Input;
use super::moment::Moment;
use roadstead_registry::record::ScrubPass;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far the scrub is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ScrubView {
    /// Within how many seconds all content is hashed; missing where it is switched off here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_secs: Option<u64>,
    /// How much of the pass is over, in thousandths.
    pub permille: u16,
    /// The present pass, or the last one until the next begins; missing before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<ScrubPassView>,
    /// The pass before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<ScrubPassView>,
}

/// One pass over all content.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ScrubPass)]
pub struct ScrubPassView {
    /// When it began.
    pub started: Moment,
    /// When it came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Moment>,
    /// How many blobs and manifests were hashed.
    pub checked: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many of them were damaged; the log tells which.
    pub damaged: u64,
}

/// Tells how far the scrub is, whichever server is at it.
#[utoipa::path(get, path = "/scrub", tag = "scrub", responses(
    (status = 200, body = ScrubView), (status = "default", body = Failure)))]
pub(crate) async fn show(administration: &Administration, _input: &Input<'_>) -> Outcome {
    let registry = &administration.registry;
    let period = registry.settings().scrub_period;
    let status = registry.scrub_status().await?;
    let (permille, pass, before) = match status {
        Some(status) => (status.permille, Some(view(&status.pass)), status.before),
        None => (0, None, None),
    };
    Ok(Output::shown(&ScrubView {
        period_secs: period.map(|period| period.as_secs()),
        permille,
        pass,
        before: before.as_ref().map(view),
    }))
}

fn view(pass: &ScrubPass) -> ScrubPassView {
    ScrubPassView {
        started: Moment::of_millis(pass.started.as_millis()),
        ended: pass.ended.map(|ended| Moment::of_millis(ended.as_millis())),
        checked: pass.checked,
        bytes: pass.bytes,
        damaged: pass.damaged,
    }
}
