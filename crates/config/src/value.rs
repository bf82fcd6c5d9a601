//! What every setting's type can do: be read from text, and be shown again.
//!
//! The file, the environment and the command line all give text, so a value means the same
//! wherever it is written.

use crate::{AccessRule, CertificateIdentity};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A value as the effective configuration and the documentation show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Null,
    Flag(bool),
    Number(u64),
    Text(String),
    /// A driver that is chosen and has no settings of its own.
    Chosen,
    Rules(Vec<AccessRule>),
    Identities(Vec<CertificateIdentity>),
}

impl Shown {
    /// Returns the text that reads back as the same value.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Flag(flag) => flag.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Chosen => "{}".to_owned(),
            Self::Rules(rules) => {
                let lines: Vec<String> = rules.iter().map(AccessRule::line).collect();
                format!("[{}]", lines.join(", "))
            }
            Self::Identities(identities) => {
                let line = |identity: &CertificateIdentity| {
                    let [(name, pattern), (key, subject)] = identity.members();
                    format!(
                        "{{{name}: {}, {key}: {}}}",
                        quoted(pattern),
                        quoted(subject)
                    )
                };
                let lines: Vec<String> = identities.iter().map(line).collect();
                format!("[{}]", lines.join(", "))
            }
        }
    }
}

/// Whether a setting may be a list in YAML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// It is one value.
    Never,
    /// A list of texts is the same as one text with commas.
    Texts,
    /// It is a list of rules.
    Rules,
    /// It is a list of identities.
    Identities,
}

/// Writes a text as YAML reads it on one line.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The type of a setting.
pub(crate) trait SettingValue: Sized {
    /// The type's name in the documentation.
    const KIND: &'static str;

    /// Whether YAML must write it as text: a number or a boolean there has lost its spelling.
    const TEXT_ONLY: bool = false;

    /// Whether YAML may write it as a list, and of what.
    const LIST: List = List::Never;

    /// Whether the value refers to a secret and is kept as it was written.
    const IS_SECRET: bool = false;

    /// Reads the value. The error goes on after "`text`": "is not a size; write …".
    fn parse(text: &str) -> Result<Self, String>;

    /// Shows the value so that reading it again gives the same one.
    fn shown(&self) -> Shown;
}

/// Tells whether a word switches a setting off. YAML turns some spellings of it into `false`.
pub(crate) fn is_off(text: &str) -> bool {
    let text = text.trim();
    text.eq_ignore_ascii_case("off") || text.eq_ignore_ascii_case("false")
}

impl SettingValue for bool {
    const KIND: &'static str = "`true` or `false`";

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" => Ok(true),
            "false" | "off" | "no" => Ok(false),
            _ => Err("is neither true nor false".to_owned()),
        }
    }

    fn shown(&self) -> Shown {
        Shown::Flag(*self)
    }
}

impl SettingValue for u32 {
    const KIND: &'static str = "whole number";

    fn parse(text: &str) -> Result<Self, String> {
        text.trim()
            .parse()
            .map_err(|_| "is not a whole number, or too large a one".to_owned())
    }

    fn shown(&self) -> Shown {
        Shown::Number(u64::from(*self))
    }
}

impl SettingValue for String {
    const KIND: &'static str = "text";
    const TEXT_ONLY: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.chars().any(char::is_control) {
            return Err("has a control character".to_owned());
        }
        Ok(text.to_owned())
    }

    fn shown(&self) -> Shown {
        Shown::Text(self.clone())
    }
}

/// A text that may be left out; the empty one counts as none.
impl SettingValue for Option<String> {
    const KIND: &'static str = "text";
    const TEXT_ONLY: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Some(String::parse(text)?).filter(|text| !text.is_empty()))
    }

    fn shown(&self) -> Shown {
        self.as_ref().map_or(Shown::Null, String::shown)
    }
}

/// A path that may be left out.
impl SettingValue for Option<PathBuf> {
    const KIND: &'static str = "path";
    const TEXT_ONLY: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text == "null" {
            return Ok(None);
        }
        PathBuf::parse(text).map(Some)
    }

    fn shown(&self) -> Shown {
        self.as_ref().map_or(Shown::Null, PathBuf::shown)
    }
}

impl SettingValue for PathBuf {
    const KIND: &'static str = "path";
    const TEXT_ONLY: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is not a path".to_owned());
        }
        if text.contains('\0') {
            return Err("has a zero byte, which no path has".to_owned());
        }
        Ok(Self::from(text))
    }

    fn shown(&self) -> Shown {
        Shown::Text(self.to_string_lossy().into_owned())
    }
}

impl SettingValue for SocketAddr {
    const KIND: &'static str = "address:port";

    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(address) = text.parse() {
            return Ok(address);
        }
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        if port.parse::<u16>().is_err() {
            return Err(
                "is not an address and port; write one like 127.0.0.1:5000 or [::]:5000".to_owned(),
            );
        }
        if host.is_empty() {
            return Err(format!(
                "has no address; write 127.0.0.1:{port} for this machine alone or 0.0.0.0:{port} \
                 for everybody"
            ));
        }
        if host.eq_ignore_ascii_case("localhost") {
            return Err(format!(
                "names a host, not an address; write 127.0.0.1:{port}"
            ));
        }
        Err(
            "does not begin with an IP address; write one like 127.0.0.1:5000 or [::]:5000"
                .to_owned(),
        )
    }

    fn shown(&self) -> Shown {
        Shown::Text(self.to_string())
    }
}

/// A listener that the word `off` switches off.
impl SettingValue for Option<SocketAddr> {
    const KIND: &'static str = "address:port or `off`";

    fn parse(text: &str) -> Result<Self, String> {
        if is_off(text) {
            Ok(None)
        } else {
            SocketAddr::parse(text).map(Some)
        }
    }

    fn shown(&self) -> Shown {
        self.map_or_else(|| Shown::Text("off".to_owned()), |address| address.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_an_ip_address_and_says_what_to_write() {
        for (text, part) in [
            (":5000", "write 127.0.0.1:5000"),
            ("5000", "write 127.0.0.1:5000"),
            ("localhost:5000", "write 127.0.0.1:5000"),
            ("registry:5000", "does not begin with an IP address"),
            ("127.0.0.1", "write one like"),
            ("127.0.0.1:70000", "write one like"),
        ] {
            let message = SocketAddr::parse(text).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
        assert!(SocketAddr::parse("[::]:5000").is_ok());
    }

    #[test]
    fn a_listener_is_switched_off_by_a_word() {
        assert_eq!(Option::<SocketAddr>::parse("off"), Ok(None));
        assert_eq!(Option::<SocketAddr>::parse("false"), Ok(None));
    }
}
