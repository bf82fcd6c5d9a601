//! `/v2/`: whether this is a registry, and whether the caller may talk to it.

use crate::respond::{self, Reply};
use actix_web::http::StatusCode;

/// Answers `GET /v2/`.
pub(crate) fn ping() -> Reply {
    respond::json(StatusCode::OK, "{}")
}
