//! Counts of who was not let: requests without credentials, with wrong ones, without the right.

use crate::error::ApiError;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry as MetricsRegistry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    reason: &'static str,
}

/// Tokens that were made, and requests that were refused.
pub(super) struct Refusals {
    tokens: Counter,
    challenged: Counter,
    unauthorized: Counter,
    forbidden: Counter,
    slowed: Counter,
}

impl Refusals {
    pub(super) fn register(registry: &mut MetricsRegistry) -> Self {
        let tokens = Counter::default();
        registry.register("tokens_issued", "Tokens that were made", tokens.clone());
        let denials = Family::<Labels, Counter>::default();
        registry.register(
            "denials",
            "Requests that were refused because of who sent them",
            denials.clone(),
        );
        let denial = |reason| denials.get_or_create_owned(&Labels { reason });
        Self {
            tokens,
            challenged: denial("no_credentials"),
            unauthorized: denial("unauthorized"),
            forbidden: denial("forbidden"),
            slowed: denial("slowed"),
        }
    }

    pub(super) fn token_issued(&self) {
        self.tokens.inc();
    }

    pub(super) fn refused(&self, error: &ApiError, headers: &HeaderMap) {
        match error {
            ApiError::SlowDown(_) => self.slowed.inc(),
            ApiError::Unauthorized { .. } if headers.contains_key(header::AUTHORIZATION) => {
                self.unauthorized.inc()
            }
            ApiError::Unauthorized { .. } => self.challenged.inc(),
            other if other.status().0 == StatusCode::FORBIDDEN => self.forbidden.inc(),
            _ => return,
        };
    }
}
