//! `/keys/rotate`: the keys that sign tokens.

use super::Administration;
use super::answer::{Failure, Outcome, Output};
use super::input::Input;
use roadstead_auth::{KeySettings, OldKeys, SigningKeys};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// How the keys change.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRotation {
    /// Whether the keys that were are forgotten: every token ends, here at once and at other
    /// replicas within a minute.
    #[serde(default)]
    pub drop_old: bool,
}

/// Makes a new key that signs tokens.
#[utoipa::path(post, path = "/keys/rotate", tag = "keys", request_body = KeyRotation, responses(
    (status = 204), (status = "default", body = Failure)))]
pub(crate) async fn rotate(administration: &Administration, input: &Input<'_>) -> Outcome {
    let rotation: KeyRotation = input.optional_body()?;
    let keys = if let Some(keys) = &administration.keys {
        Arc::clone(keys)
    } else {
        let (records, clock) = (&administration.records, &administration.clock);
        let settings = KeySettings::default();
        Arc::new(SigningKeys::open(records.clone(), clock.clone(), settings).await?)
    };
    let (old, change) = if rotation.drop_old {
        (
            OldKeys::Drop,
            "rotated the signing keys and dropped the old",
        )
    } else {
        (OldKeys::Honour, "rotated the signing keys")
    };
    keys.rotate(old).await?;
    Ok(Output::done().logged(change.to_owned()))
}
