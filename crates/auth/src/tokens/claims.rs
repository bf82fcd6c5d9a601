//! The two JSON parts of a token, strict in what they read.

use super::TokenError;
use crate::{Grant, SubjectName, TokenAccess};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

const TYPE: &str = "JWT";
const ALGORITHM: &str = "EdDSA";

/// The header. Unknown members are refused: none of them could mean anything here but an attack.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    typ: String,
    alg: String,
    pub(super) kid: String,
}

impl Header {
    pub(super) fn of(key: &str) -> Self {
        Self {
            typ: TYPE.to_owned(),
            alg: ALGORITHM.to_owned(),
            kid: key.to_owned(),
        }
    }

    pub(super) fn read(part: &str) -> Result<Self, TokenError> {
        let header: Self = read_part(part)?;
        if header.typ != TYPE {
            return Err(TokenError::Malformed);
        }
        if header.alg != ALGORITHM {
            return Err(TokenError::Algorithm);
        }
        Ok(header)
    }

    pub(super) fn write(&self) -> String {
        write_part(self)
    }
}

/// The claims. All are required but the last three, which are private to this program: they keep
/// what rules are asked about, so that a replica can tell what the catalog shows, or whether a new
/// token would help, without reading the identity's record.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) sub: String,
    pub(super) aud: String,
    pub(super) exp: u64,
    pub(super) nbf: u64,
    pub(super) iat: u64,
    pub(super) jti: String,
    pub(super) access: TokenAccess,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) groups: Vec<SubjectName>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) grants: Vec<Grant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<Vec<Grant>>,
}

impl Claims {
    pub(super) fn read(part: &str) -> Result<Self, TokenError> {
        read_part(part)
    }

    pub(super) fn write(&self) -> String {
        write_part(self)
    }
}

fn read_part<T: DeserializeOwned>(part: &str) -> Result<T, TokenError> {
    let json = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)
}

fn write_part<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_vec(value).expect("it has string keys and no failing member");
    URL_SAFE_NO_PAD.encode(json)
}
