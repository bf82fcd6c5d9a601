//! Access tokens: secrets of a user's own, each with an end and with less than the user's rights.

use crate::record::{self, Records, Step, after, change};
use crate::rights::check_grants;
use crate::secret::{NewSecret, SecretHash, SecretKind, access_token_id};
use crate::{AuthError, Grant, Result, SubjectName, layout};
use roadstead_storage::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// The most bytes of a label.
pub const MAX_LABEL_BYTES: usize = 128;
/// The most access tokens of one user.
pub const MAX_ACCESS_TOKENS: usize = 100;

/// An access token, as the record holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessToken {
    /// The user it belongs to: not their name, which another may bear later, but their id.
    pub owner_id: String,
    /// What the user calls it.
    pub label: String,
    /// What it is good for, within the user's rights.
    pub scopes: Vec<Grant>,
    /// When it was made, by the store's clock.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Option<Timestamp>,
    hash: SecretHash,
}

/// The access tokens in the record store.
#[derive(Clone)]
pub struct AccessTokens {
    records: Records,
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AccessTokens")
    }
}

impl AccessTokens {
    /// Looks after the access tokens in these records.
    #[must_use]
    pub fn new(records: Records) -> Self {
        Self { records }
    }

    /// Makes an access token, which is shown this once, and returns its id too.
    pub async fn create(
        &self,
        owner: &SubjectName,
        owner_id: &str,
        label: &str,
        scopes: Vec<Grant>,
        expires_in: Option<Duration>,
    ) -> Result<(String, NewSecret)> {
        check_grants(&scopes)?;
        if label.len() > MAX_LABEL_BYTES || label.chars().any(char::is_control) {
            return Err(AuthError::Invalid(format!(
                "a label has at most {MAX_LABEL_BYTES} bytes and no control characters"
            )));
        }
        let (ids, _) = self.ids(owner, None, MAX_ACCESS_TOKENS).await?;
        if ids.len() >= MAX_ACCESS_TOKENS {
            return Err(AuthError::Invalid(format!(
                "a user has at most {MAX_ACCESS_TOKENS} access tokens"
            )));
        }
        let now = self.records.now().await?;
        let secret = NewSecret::make(SecretKind::AccessToken);
        let id = secret.id().to_owned();
        let token = AccessToken {
            owner_id: owner_id.to_owned(),
            label: label.to_owned(),
            scopes,
            created: now,
            expires: expires_in.map(|span| after(now, span)),
            hash: secret.hash(),
        };
        change(
            &self.records,
            &layout::access_token(owner, &id),
            |present: Option<AccessToken>| {
                if present.is_some() {
                    return Err(AuthError::Exists(format!("access token {id}")));
                }
                Ok(Step::Put(token.clone(), ()))
            },
        )
        .await?;
        Ok((id, secret))
    }

    /// Reads an access token.
    pub async fn get(&self, owner: &SubjectName, id: &str) -> Result<Option<AccessToken>> {
        record::read(&self.records, &layout::access_token(owner, id)).await
    }

    /// Removes an access token.
    pub async fn remove(&self, owner: &SubjectName, id: &str) -> Result<()> {
        change(
            &self.records,
            &layout::access_token(owner, id),
            |token: Option<AccessToken>| {
                token
                    .map(|_| Step::Remove(()))
                    .ok_or_else(|| AuthError::Absent(format!("access token {id}")))
            },
        )
        .await
    }

    /// Removes all access tokens of a name, for tidiness: those of a user who was removed are
    /// worth nothing anyway.
    pub async fn remove_all(&self, owner: &SubjectName) -> Result<()> {
        loop {
            let (ids, more) = self.ids(owner, None, MAX_ACCESS_TOKENS).await?;
            for id in &ids {
                match self.remove(owner, id).await {
                    Ok(()) | Err(AuthError::Absent(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// Lists ids of a user's access tokens in byte order, at most `limit`, and whether more follow.
    pub async fn ids(
        &self,
        owner: &SubjectName,
        start_after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<String>, bool)> {
        let prefix = layout::access_tokens_of(owner);
        record::list_names(&self.records, &prefix, start_after, limit).await
    }

    /// Returns the access token that `text` is, when it is one of this user and has not ended.
    pub(crate) async fn check(
        &self,
        owner: &SubjectName,
        owner_id: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<Option<AccessToken>> {
        let Some(id) = access_token_id(text) else {
            return Ok(None);
        };
        let token = self.get(owner, id).await?;
        Ok(token.filter(|token| {
            token.hash.is_of(text)
                && token.owner_id == owner_id
                && token.expires.is_none_or(|end| now < end)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fixture, START};

    fn name(text: &str) -> SubjectName {
        SubjectName::parse(text).unwrap()
    }

    #[tokio::test]
    async fn a_token_works_for_its_user_until_it_ends() {
        let tokens = AccessTokens::new(Fixture::new().records);
        let ops = name("ops");
        let day = Duration::from_hours(24);
        let made = tokens.create(&ops, "1", "laptop", vec![], Some(day)).await;
        let (id, secret) = made.unwrap();
        let dev = name("dev");
        let check = |owner, owner_id, now| tokens.check(owner, owner_id, secret.expose(), now);
        assert_eq!(
            check(&ops, "1", START).await.unwrap().unwrap().label,
            "laptop"
        );
        assert!(check(&ops, "1", after(START, day)).await.unwrap().is_none());
        assert!(check(&dev, "1", START).await.unwrap().is_none());
        // A user of the same name who came later.
        assert!(check(&ops, "2", START).await.unwrap().is_none());
        tokens.remove(&ops, &id).await.unwrap();
        assert!(check(&ops, "1", START).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn the_id_alone_opens_nothing() {
        let tokens = AccessTokens::new(Fixture::new().records);
        let ops = name("ops");
        let (_, secret) = tokens.create(&ops, "1", "", vec![], None).await.unwrap();
        // The same id with another secret behind it, and a checksum that is right.
        let other = NewSecret::make(SecretKind::AccessToken);
        let forged = format!("{}{}", &secret.expose()[..16], &other.expose()[16..]);
        assert!(
            tokens
                .check(&ops, "1", &forged, START)
                .await
                .unwrap()
                .is_none()
        );
    }

    #[tokio::test]
    async fn all_tokens_of_a_user_can_be_removed() {
        let tokens = AccessTokens::new(Fixture::new().records);
        for owner in ["ops", "ops", "opsx"] {
            tokens
                .create(&name(owner), "1", "", vec![], None)
                .await
                .unwrap();
        }
        tokens.remove_all(&name("ops")).await.unwrap();
        assert!(
            tokens
                .ids(&name("ops"), None, 10)
                .await
                .unwrap()
                .0
                .is_empty()
        );
        assert_eq!(
            tokens.ids(&name("opsx"), None, 10).await.unwrap().0.len(),
            1
        );
    }

    #[tokio::test]
    async fn labels_are_short_and_plain() {
        let tokens = AccessTokens::new(Fixture::new().records);
        for label in ["a\nb", &"x".repeat(129)] {
            assert!(
                tokens
                    .create(&name("ops"), "1", label, vec![], None)
                    .await
                    .is_err()
            );
        }
    }
}
