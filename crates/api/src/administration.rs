//! The administration of a registry: users, robots, rules, repositories, as operations on resources.
//!
//! A request here is a method, a path, a query and a body of JSON, whatever brought it: the main
//! listener, where the caller must have the right `admin`; the socket in the data folder; or a
//! command that has the store open itself. All three mean the same by the same words.

mod access_tokens;
mod answer;
mod collector;
mod explain;
mod grants;
mod groups;
mod input;
mod jobs;
mod keys;
mod manifests;
mod moment;
mod openapi;
mod pages;
mod repositories;
mod restoring;
mod robots;
mod router;
mod rules;
mod scrub;
mod tags;
mod uploads;
mod users;

pub use access_tokens::{AccessTokenView, MadeAccessToken, NewAccessToken};
pub use answer::{AdminAnswer, Failure, FailureEntry};
pub use collector::{CollectorView, CondemnedView};
pub use explain::Explanation;
pub use grants::GrantText;
pub use groups::GroupView;
pub use input::{AdminRequest, Requester};
pub use jobs::{JobProgressView, JobView, NewJob};
pub use keys::KeyRotation;
pub use manifests::{ManifestRestoration, RemovedManifestView, RestoredManifest};
pub use moment::Moment;
pub use openapi::document;
pub use pages::Page;
pub use repositories::RepositoryView;
pub use restoring::Restorable;
pub use robots::{MadeRobot, NewRobot, RobotView, SecretRotation, SecretView};
pub use rules::{RuleText, RuleView};
pub use scrub::{ScrubPassView, ScrubView};
pub use tags::{RestoredTag, TagEnding, TagRestoration, TagValue, TagView};
pub use uploads::UploadView;
pub use users::{NewPassword, NewUser, ShownPassword, UserView};

use crate::audit::{AuditEvent, AuditLog};
use roadstead_auth::{
    AccessTokens, Authenticator, Clock, Passwords, Records, Robots, RuleBook, SigningKeys, Users,
};
use roadstead_registry::Registry;
use std::fmt;
use std::sync::Arc;

/// Where the resources are on the main listener and on the socket.
pub const ADMINISTRATION_PATH: &str = "/api/v1";
/// The largest body of a request, in bytes.
pub const MAX_ADMIN_BODY_BYTES: usize = 256 * 1024;

/// What administration works on.
pub struct Administration {
    /// Repositories, tags and uploads.
    pub registry: Registry,
    /// Users, robots, tokens, keys.
    pub records: Records,
    /// The clock that keys go by.
    pub clock: Arc<dyn Clock>,
    /// Hashes new passwords.
    pub passwords: Arc<Passwords>,
    /// The rules of the configuration and the stored ones.
    pub rules: Arc<RuleBook>,
    /// Whether everybody may do everything.
    pub is_open: bool,
    /// Who logs in at this process, when anybody does.
    pub authenticator: Option<Arc<Authenticator>>,
    /// The keys of this process, when it has read them.
    pub keys: Option<Arc<SigningKeys>>,
    /// Where changes are told.
    pub audit: AuditLog,
}

impl fmt::Debug for Administration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Administration")
    }
}

impl Administration {
    /// Does what is asked. A failure is an answer too; one that an operator must look at is logged.
    pub async fn answer(&self, request: AdminRequest<'_>) -> AdminAnswer {
        let outcome = router::run(self, &request).await;
        if request.changes() {
            // Whatever was changed holds at once, here at least.
            if let Some(authenticator) = &self.authenticator {
                authenticator.forget_logins();
            }
        }
        match outcome {
            Ok(output) => {
                if let Some(change) = output.change() {
                    tracing::info!(by = %request.by, "{change}");
                    let by = request.by.to_string();
                    let mut event = AuditEvent::told(output.event(), &by, change.to_owned());
                    if let Some(content) = output.content() {
                        event = event.about(content.clone());
                    }
                    self.audit.record(event.from(&request.whence)).await;
                }
                output.into_answer()
            }
            Err(error) => {
                if error.status().is_server_error() {
                    tracing::warn!(
                        by = %request.by,
                        error = &error as &dyn std::error::Error,
                        "failed to administer the registry"
                    );
                }
                AdminAnswer::of_error(error)
            }
        }
    }

    fn users(&self) -> Users {
        Users::new(self.records.clone())
    }

    fn robots(&self) -> Robots {
        Robots::new(self.records.clone())
    }

    fn access_tokens(&self) -> AccessTokens {
        AccessTokens::new(self.records.clone())
    }
}
