//! What every handler works with.

use crate::administration::Administration;
use crate::audit::AuditLog;
use crate::body::BodyPace;
use crate::guard::Access;
use crate::observe::HttpMetrics;
use crate::origin::TrustedProxies;
use crate::redirect::policy::RedirectPolicy;
use roadstead_registry::{IdSource, Registry};
use std::sync::Arc;

/// The registry and everything around it that requests need. Clones share all of it.
#[derive(Clone)]
pub struct AppState {
    /// What requests are about.
    pub registry: Registry,
    /// Who may use it.
    pub access: Access,
    /// Where changes and refusals are told.
    pub audit: AuditLog,
    /// What administrators may do to it over the network; `None` where nobody has rights.
    pub administration: Option<Arc<Administration>>,
    /// Where requests are counted.
    pub metrics: Arc<HttpMetrics>,
    /// Where request ids and multipart boundaries come from.
    pub ids: Arc<dyn IdSource>,
    /// Whose word about clients is believed.
    pub proxies: TrustedProxies,
    /// Which pulls are sent to the storage.
    pub redirect: RedirectPolicy,
    /// How slow a client may send.
    pub pace: BodyPace,
}

impl std::fmt::Debug for AppState {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("AppState")
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}
