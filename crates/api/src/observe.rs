//! What the outside can see of the requests: metrics and one log line for each.

mod collector;
mod exchange;
mod labels;
mod metrics;
mod refusals;
mod uploads;

pub(crate) use exchange::{Exchange, Observed};
pub use metrics::HttpMetrics;
