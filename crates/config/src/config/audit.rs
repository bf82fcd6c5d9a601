//! The audit log: the section `audit`.

use crate::ByteSize;
use crate::value::{SettingValue, Shown, is_off};
use std::path::PathBuf;

/// Where the audit log goes, and how much of it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Where it goes.
    pub file: AuditTarget,
    /// The size at which a file is set aside and a new one begun.
    pub max_size: ByteSize,
    /// How many files that were set aside are kept.
    pub keep: u32,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            file: AuditTarget::Off,
            max_size: ByteSize::mib(100),
            keep: 10,
        }
    }
}

/// Where the audit log goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AuditTarget {
    /// Nowhere.
    #[default]
    Off,
    /// To the standard output.
    Stdout,
    /// To a file, which is set aside when it is large.
    File(PathBuf),
}

impl SettingValue for AuditTarget {
    const KIND: &'static str = "path, `stdout` or `off`";

    fn parse(text: &str) -> Result<Self, String> {
        if is_off(text) {
            return Ok(Self::Off);
        }
        if text.trim() == "stdout" {
            return Ok(Self::Stdout);
        }
        PathBuf::parse(text).map(Self::File)
    }

    fn shown(&self) -> Shown {
        match self {
            Self::Off => Shown::Text("off".to_owned()),
            Self::Stdout => Shown::Text("stdout".to_owned()),
            Self::File(path) => path.shown(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_paths_are_told_apart_and_come_back() {
        for (text, target) in [
            ("off", AuditTarget::Off),
            ("stdout", AuditTarget::Stdout),
            ("./stdout", AuditTarget::File("./stdout".into())),
            ("/var/log/a.log", AuditTarget::File("/var/log/a.log".into())),
        ] {
            assert_eq!(AuditTarget::parse(text), Ok(target.clone()));
            assert_eq!(target.shown().text(), text);
        }
        assert_eq!(AuditTarget::parse("false"), Ok(AuditTarget::Off));
        assert!(AuditTarget::parse("").is_err());
    }
}
