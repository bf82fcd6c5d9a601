//! What a request proves itself with: the value of its `Authorization`.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::fmt;

/// Clients differ in whether they write the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The longest value that is looked at, in bytes.
pub const MAX_CREDENTIALS_BYTES: usize = 64 * 1024;

/// What a request proves itself with. `Debug` hides the secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing; also Basic credentials of no name and no password, which some clients send.
    None,
    /// A name and a password.
    Basic {
        /// The name, which ended at the first colon.
        name: String,
        /// The password, which may hold colons and any characters.
        password: String,
    },
    /// A token.
    Bearer(String),
}

/// Why credentials cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// There are several, and whoever reads the first and whoever reads the last must not differ.
    #[error("request has several authorizations")]
    Several,
    /// They are longer than [`MAX_CREDENTIALS_BYTES`].
    #[error("authorization is too long")]
    TooLong,
    /// Their scheme is neither Basic nor Bearer.
    #[error("authorization has an unknown scheme")]
    Scheme,
    /// They are of a known scheme, and broken.
    #[error("authorization is malformed")]
    Malformed,
}

impl Credentials {
    /// Reads the values of a request's `Authorization` headers, of which there may be one.
    pub fn read<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Result<Self, CredentialsError> {
        let Some(value) = values.next() else {
            return Ok(Self::None);
        };
        if values.next().is_some() {
            return Err(CredentialsError::Several);
        }
        if value.len() > MAX_CREDENTIALS_BYTES {
            return Err(CredentialsError::TooLong);
        }
        let value = std::str::from_utf8(value).map_err(|_| CredentialsError::Malformed)?;
        let (scheme, rest) = value
            .trim_matches(' ')
            .split_once(' ')
            .unwrap_or((value, ""));
        let rest = rest.trim_matches(' ');
        if scheme.eq_ignore_ascii_case("bearer") {
            if rest.is_empty() || rest.contains(char::is_whitespace) {
                return Err(CredentialsError::Malformed);
            }
            return Ok(Self::Bearer(rest.to_owned()));
        }
        if scheme.eq_ignore_ascii_case("basic") {
            return Self::basic(rest);
        }
        Err(CredentialsError::Scheme)
    }

    fn basic(encoded: &str) -> Result<Self, CredentialsError> {
        let malformed = CredentialsError::Malformed;
        let bytes = BASE64.decode(encoded).map_err(|_| malformed)?;
        let text = String::from_utf8(bytes).map_err(|_| malformed)?;
        let (name, password) = text.split_once(':').ok_or(malformed)?;
        if name.is_empty() && password.is_empty() {
            return Ok(Self::None);
        }
        if name.is_empty() || text.contains('\0') {
            return Err(malformed);
        }
        Ok(Self::Basic {
            name: name.to_owned(),
            password: password.to_owned(),
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => formatter.write_str("None"),
            Self::Basic { name, .. } => write!(formatter, "Basic({name:?}, …)"),
            Self::Bearer(_) => formatter.write_str("Bearer(…)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Result<Credentials, CredentialsError> {
        Credentials::read(values.iter().map(|value| value.as_bytes()))
    }

    fn basic(text: impl AsRef<[u8]>) -> Result<Credentials, CredentialsError> {
        read(&[&format!("Basic {}", BASE64.encode(text))])
    }

    fn pair(name: &str, password: &str) -> Credentials {
        Credentials::Basic {
            name: name.into(),
            password: password.into(),
        }
    }

    #[test]
    fn a_password_may_hold_colons_and_any_characters() {
        assert_eq!(basic("ops:a:b::c"), Ok(pair("ops", "a:b::c")));
        assert_eq!(basic("ops:Grüße ☃"), Ok(pair("ops", "Grüße ☃")));
        assert_eq!(basic("robot+ci:"), Ok(pair("robot+ci", "")));
        assert_eq!(read(&["Basic b3BzOng"]), Ok(pair("ops", "x")));
    }

    #[test]
    fn no_name_and_no_password_are_no_credentials() {
        assert_eq!(read(&[]), Ok(Credentials::None));
        assert_eq!(read(&["Basic Og=="]), Ok(Credentials::None));
    }

    #[test]
    fn case_92_odd_headers_are_refused_and_lower_case_is_accepted() {
        let bearer = Ok(Credentials::Bearer("abc".into()));
        assert_eq!(read(&["bearer abc"]), bearer);
        assert_eq!(read(&["BEARER     abc"]), bearer);
        assert_eq!(
            read(&["Bearer abc", "Bearer abc"]),
            Err(CredentialsError::Several)
        );
        for value in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Basic",
            "Basic ",
            "Basic !!!",
            "bearerabc",
        ] {
            assert!(read(&[value]).is_err(), "{value}");
        }
        assert_eq!(read(&["Digest abc"]), Err(CredentialsError::Scheme));
        assert_eq!(read(&[""]), Err(CredentialsError::Scheme));
        assert_eq!(basic("no colon"), Err(CredentialsError::Malformed));
        assert_eq!(basic(b"ops:\xff\xfe"), Err(CredentialsError::Malformed));
        assert_eq!(basic(":password"), Err(CredentialsError::Malformed));
        assert_eq!(basic("ops:a\0b"), Err(CredentialsError::Malformed));
        let long = format!("Bearer {}", "a".repeat(MAX_CREDENTIALS_BYTES));
        assert_eq!(read(&[&long]), Err(CredentialsError::TooLong));
        assert_eq!(
            Credentials::read([&b"Bearer \xff"[..]].into_iter()),
            Err(CredentialsError::Malformed)
        );
    }

    #[test]
    fn no_secret_is_shown() {
        let shown = format!("{:?} {:?}", basic("ops:secret"), read(&["Bearer secret"]));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
