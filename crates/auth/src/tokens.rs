//! Tokens: signed by this deployment, verified by any replica without a call to the store.
//!
//! A token is a compact JWS, signed with Ed25519 (RFC 7515, 7519, 8037). Its header holds `typ`,
//! `alg` and `kid` and nothing else: a header with more (`jwk`, `x5c`, `jku`, `crit`) is refused
//! unread, as is every algorithm but the one that belongs to the type of our keys. Who was verified
//! a moment ago is found by the digest of the token, which spares the signature.

mod claims;

use crate::keys::{Key, SigningKeys};
use crate::{AuthError, Caller, Identity, Rights, SubjectName, TokenAccess};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claims::{Claims, Header};
use ed25519_dalek::{Signature, Signer as _};
use moka::sync::Cache;
use roadstead_storage::Clock;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// The longest token that is looked at, in bytes. None that is made comes near it.
pub const MAX_TOKEN_BYTES: usize = 32 * 1024;
/// How much clocks of replicas may differ.
pub const LEEWAY: Duration = Duration::from_mins(1);
/// The shortest life of a token: clients take shorter ones for this long.
pub const MIN_LIFETIME: Duration = Duration::from_mins(1);
/// The longest life of a token, and so how long it may outlive its user, but for the leeway.
pub const MAX_LIFETIME: Duration = Duration::from_mins(15);
/// How many verified tokens are remembered.
const REMEMBERED: u64 = 10_000;

/// What tokens say of this deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSettings {
    /// Who makes them: `iss`.
    pub issuer: String,
    /// For what: `aud`, the `service` of challenges.
    pub service: String,
    /// How long they live; brought between [`MIN_LIFETIME`] and [`MAX_LIFETIME`].
    pub lifetime: Duration,
}

impl TokenSettings {
    /// The life of a token unless another is set: no client asks for a new one in the middle of an
    /// upload, and no token outlives its user by much.
    pub const LIFETIME: Duration = Duration::from_mins(5);
}

/// Why a token is refused. To the caller all of these are the same `invalid_token`, save the last.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It is longer than [`MAX_TOKEN_BYTES`].
    #[error("token is too large")]
    TooLarge,
    /// It is no compact JWS of three parts, or its header or claims are not those that we write.
    #[error("token is malformed")]
    Malformed,
    /// Its algorithm is not that of our keys.
    #[error("token has an algorithm that is not allowed")]
    Algorithm,
    /// Its key is not one of ours, or no longer.
    #[error("token is signed with an unknown key")]
    UnknownKey,
    /// The signature is wrong.
    #[error("signature of the token is wrong")]
    Signature,
    /// Another deployment made it.
    #[error("token has another issuer")]
    Issuer,
    /// It was made for another service.
    #[error("token is for another service")]
    Audience,
    /// It has ended.
    #[error("token has expired")]
    Expired,
    /// It has not begun.
    #[error("token is not valid yet")]
    NotYet,
    /// The keys could not be read: the token may be good.
    #[error("failed to read the signing keys")]
    Keys(#[source] AuthError),
}

/// A token that was made.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// The token. A secret.
    pub token: String,
    /// How long it lives, in whole seconds.
    pub expires_in_secs: u64,
}

#[derive(Clone, Debug)]
struct Remembered {
    caller: Caller,
    key: String,
    begins_secs: u64,
    ends_secs: u64,
}

/// Makes and verifies tokens.
#[derive(Debug)]
pub struct Tokens {
    keys: Arc<SigningKeys>,
    clock: Arc<dyn Clock>,
    settings: TokenSettings,
    remembered: Cache<[u8; 32], Arc<Remembered>>,
}

impl Tokens {
    /// Makes and verifies tokens with these keys.
    #[must_use]
    pub fn new(keys: Arc<SigningKeys>, clock: Arc<dyn Clock>, mut settings: TokenSettings) -> Self {
        settings.lifetime = settings.lifetime.clamp(MIN_LIFETIME, MAX_LIFETIME);
        Self {
            keys,
            clock,
            remembered: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(MAX_LIFETIME)
                .build(),
            settings,
        }
    }

    /// Returns the service that tokens are for.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.settings.service
    }

    /// Makes a token for `rights` with what the rules left of what was asked for.
    #[must_use]
    pub fn issue(&self, rights: &Rights, access: &TokenAccess) -> Issued {
        let keys = self.keys.current();
        let now = self.now_secs();
        let id: u128 = rand::random();
        let claims = Claims {
            iss: self.settings.issuer.clone(),
            sub: subject_of(rights.identity()),
            aud: self.settings.service.clone(),
            exp: now + self.settings.lifetime.as_secs(),
            nbf: now,
            iat: now,
            jti: format!("{id:032x}"),
            access: access.clone(),
            groups: rights.groups().to_vec(),
            grants: rights.grants().to_vec(),
            limit: rights.limit().map(<[_]>::to_vec),
        };
        Issued {
            token: sign(keys.signing(), &claims),
            expires_in_secs: self.settings.lifetime.as_secs(),
        }
    }

    /// Verifies a token and returns who sends it. That the token was made for what the request
    /// needs is the policy's matter.
    pub async fn verify(&self, token: &str) -> Result<Caller, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLarge);
        }
        // The digest is no secret comparison: whoever knows the token's digest knows the token.
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(known) = self.remembered.get(&digest)
            && self.keys.current().find(&known.key).is_some()
        {
            self.check_time(known.begins_secs, known.ends_secs)?;
            return Ok(known.caller.clone());
        }
        let fresh = self.verify_fresh(token).await?;
        let caller = fresh.caller.clone();
        self.remembered.insert(digest, Arc::new(fresh));
        Ok(caller)
    }

    async fn verify_fresh(&self, token: &str) -> Result<Remembered, TokenError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        if claims.contains('.') {
            return Err(TokenError::Malformed);
        }
        let header = Header::read(header)?;
        let key = self.keys.find(&header.kid).await;
        let Some(key) = key.map_err(TokenError::Keys)? else {
            return Err(TokenError::UnknownKey);
        };
        check_signature(&key, signed, signature)?;
        let claims = Claims::read(claims)?;
        if claims.iss != self.settings.issuer {
            return Err(TokenError::Issuer);
        }
        if claims.aud != self.settings.service {
            return Err(TokenError::Audience);
        }
        self.check_time(claims.nbf, claims.exp)?;
        let identity = identity_of(&claims.sub).ok_or(TokenError::Malformed)?;
        let mut rights = Rights::of(identity)
            .with_groups(claims.groups)
            .with_grants(claims.grants);
        if let Some(limit) = claims.limit {
            rights = rights.limited_to(limit);
        }
        Ok(Remembered {
            caller: Caller::with_token(rights, claims.access),
            key: header.kid,
            begins_secs: claims.nbf,
            ends_secs: claims.exp,
        })
    }

    fn check_time(&self, begins_secs: u64, ends_secs: u64) -> Result<(), TokenError> {
        let now = self.now_secs();
        if now >= ends_secs.saturating_add(LEEWAY.as_secs()) {
            return Err(TokenError::Expired);
        }
        if now.saturating_add(LEEWAY.as_secs()) < begins_secs {
            return Err(TokenError::NotYet);
        }
        Ok(())
    }

    fn now_secs(&self) -> u64 {
        self.clock.now().as_millis() / 1000
    }
}

/// Writes an identity as `sub`. No user's name holds the colon of the others.
fn subject_of(identity: &Identity) -> String {
    match identity {
        Identity::Anonymous => String::new(),
        other => other.to_string(),
    }
}

fn identity_of(subject: &str) -> Option<Identity> {
    if subject.is_empty() {
        return Some(Identity::Anonymous);
    }
    let (make, name): (fn(SubjectName) -> Identity, &str) = match subject.split_once(':') {
        Some(("robot", name)) => (Identity::Robot, name),
        Some(("certificate", name)) => (Identity::Bearer, name),
        Some(_) => return None,
        None => (Identity::User, subject),
    };
    SubjectName::parse(name).ok().map(make)
}

fn sign(key: &Key, claims: &Claims) -> String {
    let signed = format!("{}.{}", Header::of(&key.id).write(), claims.write());
    let signature = key.signing.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

fn check_signature(key: &Key, signed: &str, signature: &str) -> Result<(), TokenError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| TokenError::Malformed)?;
    let signature = Signature::from_slice(&bytes).map_err(|_| TokenError::Signature)?;
    key.verifying
        .verify_strict(signed.as_bytes(), &signature)
        .map_err(|_| TokenError::Signature)
}

#[cfg(test)]
mod tests;
