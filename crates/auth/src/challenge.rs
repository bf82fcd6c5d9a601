//! What a refused caller is told: values for a challenge, without a word of HTTP.

use crate::{AccessRequest, Action, Caller, Scope};
use roadstead_oci::RepositoryName;

/// Why a presented token was refused. Clients throw a token away only when they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChallengeError {
    /// The token is not valid: wrong, foreign, ended.
    InvalidToken,
    /// The token is valid and was made for less.
    InsufficientScope,
}

impl ChallengeError {
    /// Returns the value of the challenge's `error` parameter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
        }
    }
}

/// How a request that was not allowed is answered. It never depends on whether the repository exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The caller is asked for credentials, or for a token with these scopes.
    Challenge {
        /// What a token needs; empty for the ping.
        scopes: Vec<Scope>,
        /// What was wrong with the token that came; none came when there is none.
        error: Option<ChallengeError>,
    },
    /// The caller is known, and no other token would help: a password was right.
    Forbidden,
}

impl Refusal {
    /// Decides how to refuse `caller` a request that needs `scopes`.
    #[must_use]
    pub fn of(caller: &Caller, scopes: Vec<Scope>) -> Self {
        if caller.has_no_credentials() {
            return Self::Challenge {
                scopes,
                error: None,
            };
        }
        if caller.token_access().is_some() {
            return Self::Challenge {
                scopes,
                error: Some(ChallengeError::InsufficientScope),
            };
        }
        Self::Forbidden
    }

    /// Returns the refusal of a token that is not valid.
    #[must_use]
    pub const fn invalid_token(scopes: Vec<Scope>) -> Self {
        Self::Challenge {
            scopes,
            error: Some(ChallengeError::InvalidToken),
        }
    }
}

/// Returns the scopes that a challenge names for a request.
///
/// Whoever needs push is told to ask for `pull,push`, on every step of a push alike: clients keep a
/// token under the words of its scope. `mount_from` is the other repository of a mount.
#[must_use]
pub fn needed_scopes(
    request: &AccessRequest<'_>,
    mount_from: Option<&RepositoryName>,
) -> Vec<Scope> {
    let mut scopes = match request {
        AccessRequest::Repository { name, action } | AccessRequest::Tag { name, action, .. } => {
            let actions: &[Action] = match action {
                Action::Pull => &[Action::Pull],
                Action::Push | Action::TagOverwrite => &[Action::Pull, Action::Push],
                Action::Delete => &[Action::Delete],
                Action::Admin => &[Action::Admin],
            };
            vec![Scope::repository(name, actions)]
        }
        AccessRequest::Catalog => vec![Scope::Catalog],
        AccessRequest::Administration => Vec::new(),
    };
    if let Some(source) = mount_from {
        scopes.push(Scope::repository(source, &[Action::Pull]));
    }
    scopes
}

/// Writes scopes as a challenge has them: `None` when there are none, for an empty parameter
/// confuses clients.
#[must_use]
pub fn scope_parameter(scopes: &[Scope]) -> Option<String> {
    let texts: Vec<String> = scopes.iter().map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rights, TokenAccess};

    fn name(text: &str) -> RepositoryName {
        RepositoryName::parse(text).unwrap()
    }

    #[test]
    fn every_step_of_a_push_asks_for_the_same_words() {
        let app = name("team/app");
        let tag = roadstead_oci::Tag::parse("1").unwrap();
        for request in [
            AccessRequest::push(&app),
            AccessRequest::overwrite(&app, &tag),
        ] {
            assert_eq!(
                scope_parameter(&needed_scopes(&request, None)).as_deref(),
                Some("repository:team/app:pull,push")
            );
        }
        assert_eq!(
            scope_parameter(&needed_scopes(
                &AccessRequest::push(&app),
                Some(&name("base"))
            ))
            .as_deref(),
            Some("repository:team/app:pull,push repository:base:pull")
        );
        assert_eq!(
            scope_parameter(&needed_scopes(&AccessRequest::delete(&app), None)).as_deref(),
            Some("repository:team/app:delete")
        );
        assert_eq!(scope_parameter(&[]), None);
    }

    #[test]
    fn only_a_token_that_came_is_found_fault_with() {
        let error = |caller: &Caller| match Refusal::of(caller, Vec::new()) {
            Refusal::Challenge { error, .. } => Some(error),
            Refusal::Forbidden => None,
        };
        assert_eq!(error(&Caller::anonymous()), Some(None));
        let with_token = Caller::with_token(Rights::anonymous(), TokenAccess::default());
        assert_eq!(
            error(&with_token),
            Some(Some(ChallengeError::InsufficientScope))
        );
        assert_eq!(error(&Caller::with_password(Rights::anonymous())), None);
    }
}
