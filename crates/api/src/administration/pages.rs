//! Pages of lists: every list has a bound, and says where the next page begins.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The most entries of a page when the request names no number; it may ask for up to 1,000.
pub(crate) const DEFAULT_ENTRIES: usize = 100;
/// How many records one listing reads at once.
pub(crate) const READS_AT_ONCE: usize = 16;

/// A page of a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The entries, in the order of their names.
    pub items: Vec<T>,
    /// The value of `last` that the next page begins after; missing on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page; `last` is the name of its last entry, and `more` whether others follow.
    pub(crate) fn new(items: Vec<T>, last: Option<String>, more: bool) -> Self {
        Self {
            items,
            next: last.filter(|_| more),
        }
    }
}

/// Which page.
#[derive(Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// The most entries, 1 to 1,000; 100 without it.
    #[param(minimum = 1, maximum = 1000, required = false)]
    pub(crate) n: usize,
    /// The name after which the page begins; it need not exist.
    #[param(required = false)]
    pub(crate) last: String,
}
