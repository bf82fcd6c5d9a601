//! Who sends a request, and by what it was proven.

use crate::{Identity, Rights, TokenAccess};

/// The sender of one request. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    rights: Option<Rights>,
    proof: Proof,
}

/// By what a caller has proven who they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Proof {
    None,
    Password,
    Certificate,
    Token(TokenAccess),
}

const NOBODY: Identity = Identity::Anonymous;

impl Caller {
    /// Returns a caller without credentials.
    #[must_use]
    pub const fn anonymous() -> Self {
        Self {
            rights: None,
            proof: Proof::None,
        }
    }

    /// Returns a caller whose password or secret was right.
    #[must_use]
    pub const fn with_password(rights: Rights) -> Self {
        Self {
            rights: Some(rights),
            proof: Proof::Password,
        }
    }

    /// Returns a caller whose certificate was verified in the handshake.
    #[must_use]
    pub const fn with_certificate(rights: Rights) -> Self {
        Self {
            rights: Some(rights),
            proof: Proof::Certificate,
        }
    }

    /// Returns a caller whose token was valid. It may say of itself that it is anonymous.
    #[must_use]
    pub const fn with_token(rights: Rights, access: TokenAccess) -> Self {
        Self {
            rights: Some(rights),
            proof: Proof::Token(access),
        }
    }

    /// Returns who the caller has proven to be.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        match &self.rights {
            Some(rights) => rights.identity(),
            None => &NOBODY,
        }
    }

    /// Returns what rules are asked about.
    #[must_use]
    pub fn rights(&self) -> Rights {
        self.rights.clone().unwrap_or_else(Rights::anonymous)
    }

    /// Returns what the caller's token was made for, when they came with one.
    #[must_use]
    pub const fn token_access(&self) -> Option<&TokenAccess> {
        if let Proof::Token(access) = &self.proof {
            Some(access)
        } else {
            None
        }
    }

    /// Tells whether the request carried no credentials at all. A certificate is the connection's, and
    /// its bearer may log in as somebody else.
    #[must_use]
    pub const fn has_no_credentials(&self) -> bool {
        matches!(self.proof, Proof::None | Proof::Certificate)
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
