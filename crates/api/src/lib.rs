//! The HTTP face of Roadstead, the only crate that knows actix-web.
//!
//! A request goes through `dispatch`, which reads its path, asks `access` whether its sender may,
//! and hands it to one of the `handlers`. A handler makes one call of the registry and builds the
//! answer from the parts in `respond`, `range_response` and `outgoing`. Every failure is an
//! `ApiError`, and `error` alone knows its status.
//!
//! What administrators do is in `administration`, as operations on resources which know nothing of
//! what brought the request: this listener, the socket of `admin_socket`, or a command.
//!
//! Nothing here keeps state between requests, and no body of a blob is ever held in memory.

mod access;
mod admin;
mod admin_socket;
pub mod administration;
mod audit;
mod body;
mod call;
mod conditional;
mod connection;
mod dispatch;
mod error;
mod guard;
mod handlers;
mod observe;
mod origin;
mod outgoing;
mod page;
mod parameters;
mod proxy_protocol;
mod range_response;
mod redirect;
mod respond;
mod server;
mod state;
mod tls;
mod transport;

pub use admin::{AdminState, bind_admin};
pub use admin_socket::{AdminSocket, bind_admin_socket};
pub use audit::{AuditCounts, AuditEvent, AuditLog, Whence};
pub use body::BodyPace;
pub use guard::{Access, Guard};
pub use observe::HttpMetrics;
pub use origin::TrustedProxies;
pub use redirect::policy::{RedirectPolicy, RedirectRules};
pub use server::{Bound, ServerSettings, Stopper, bind};
pub use state::AppState;
pub use tls::Tls;
