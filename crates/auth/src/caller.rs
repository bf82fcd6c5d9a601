//! Who sends a request.

use std::fmt;

/// Who somebody has proven to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Identity {
    /// Nobody: the request carried no credentials.
    Anonymous,
}

impl fmt::Display for Identity {
    /// Writes the name that logs and the `by` of records show.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => formatter.write_str("anonymous"),
        }
    }
}

/// The sender of one request. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    identity: Identity,
}

impl Caller {
    /// Returns a caller without credentials.
    #[must_use]
    pub const fn anonymous() -> Self {
        Self {
            identity: Identity::Anonymous,
        }
    }

    /// Returns who the caller has proven to be.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_without_credentials_is_called_anonymous() {
        assert_eq!(Caller::anonymous().identity().to_string(), "anonymous");
    }
}
