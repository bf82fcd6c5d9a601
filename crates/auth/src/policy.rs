//! Who may do what.

use crate::{AccessRequest, Caller};
use std::fmt;

/// What a policy says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a decision that nobody reads protects nothing"]
pub enum Decision {
    /// The caller may.
    Allowed,
    /// The caller may not, and has not said who they are; with credentials they perhaps may.
    WhoAreYou,
    /// The caller may not.
    Denied,
}

impl Decision {
    /// Tells whether the caller may.
    #[must_use]
    pub const fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed)
    }
}

/// Decides who may do what.
///
/// A decision does no I/O, so that it costs a request nothing, and never depends on whether the
/// repository exists, so that it gives nothing away.
pub trait AccessPolicy: Send + Sync + fmt::Debug + 'static {
    /// Decides one request.
    fn decide(&self, caller: &Caller, request: &AccessRequest<'_>) -> Decision;
}

/// Allows everything to everybody: the policy of a registry without users.
#[derive(Clone, Copy, Debug, Default)]
pub struct EveryoneMay;

impl AccessPolicy for EveryoneMay {
    fn decide(&self, _caller: &Caller, _request: &AccessRequest<'_>) -> Decision {
        Decision::Allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_oci::RepositoryName;

    #[test]
    fn everyone_may_do_everything() {
        let name = RepositoryName::parse("team/app").expect("is a name");
        let policy: &dyn AccessPolicy = &EveryoneMay;
        for request in [
            AccessRequest::pull(&name),
            AccessRequest::push(&name),
            AccessRequest::delete(&name),
            AccessRequest::Catalog,
        ] {
            assert!(
                policy.decide(&Caller::anonymous(), &request).is_allowed(),
                "{request}"
            );
        }
    }

    #[test]
    fn only_allowed_is_allowed() {
        assert!(!Decision::WhoAreYou.is_allowed());
        assert!(!Decision::Denied.is_allowed());
    }
}
