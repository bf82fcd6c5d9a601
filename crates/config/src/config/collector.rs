//! The collector: the section `gc`.

use crate::Period;

/// What takes back the space of what nobody names any more, and how careful it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector {
    /// How often a pass begins; `None` leaves it to `roadstead gc run`.
    pub interval: Option<Period>,
    /// Calls to the storage that it makes in a second at most.
    pub calls_per_second: u32,
    /// How long what nobody names is left alone.
    pub grace: Period,
    /// How long it then waits, condemned, before it is looked at again and goes.
    pub condemned: Period,
    /// How long after it made sure of a blob a push may name it.
    pub reference_window: Period,
    /// How long a request to the storage may take to land.
    pub request_life: Period,
    /// How long manifests are kept that nothing names; `None` keeps them.
    pub untagged: Option<Period>,
}

impl Default for Collector {
    fn default() -> Self {
        Self {
            interval: Some(Period::hours(1)),
            calls_per_second: 2000,
            grace: Period::hours(24),
            condemned: Period::hours(1),
            reference_window: Period::seconds(5 * 60),
            request_life: Period::seconds(15 * 60),
            untagged: None,
        }
    }
}
