//! Administration in this process: of a running server, or of a store that a command opened.
//!
//! What can be done, and how a request asks for it, is in the API; here is what it works on.

mod direct;
mod socket;

pub(crate) use direct::Direct;
pub(crate) use socket::{Socket, path_in};

use crate::access::Gate;
use crate::stores::Stores;
use roadstead_api::AuditLog;
use roadstead_api::administration::Administration;
use roadstead_auth::Passwords;
use roadstead_config::{Config, Storage};
use roadstead_registry::{Background, Registry};
use std::sync::Arc;

/// Puts together what administrators of a running server work on.
pub(crate) fn administration(
    config: &Config,
    stores: &Stores,
    registry: &Registry,
    gate: &Gate,
    passwords: Arc<Passwords>,
    audit: AuditLog,
) -> Arc<Administration> {
    Arc::new(Administration {
        registry: registry.clone(),
        records: Arc::clone(&stores.records),
        clock: Arc::clone(&stores.clock),
        passwords,
        rules: Arc::clone(&gate.rules),
        is_open: config.access.is_open(),
        authenticator: gate.authenticator.clone(),
        keys: gate.keys.clone(),
        audit,
    })
}

/// Lets commands of this machine administer a server whose store they cannot open themselves.
pub(crate) fn serve_socket(
    config: &Config,
    administration: Arc<Administration>,
    background: &Background,
) {
    let Storage::Local(local) = &config.storage else {
        return;
    };
    match Socket::open(&local.path, administration) {
        Ok(socket) => socket.serve(background),
        // Such as a path that is too long for a socket: pulls and pushes do not need it.
        Err(error) => tracing::warn!(
            error = format!("{error:#}"),
            "commands cannot administer the server while it runs, but with --server"
        ),
    }
}
