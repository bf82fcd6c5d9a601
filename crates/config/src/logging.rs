//! How much is logged, and in which form.

use crate::value::{SettingValue, Shown};
use std::fmt;

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// What is logged: a level, or levels by module as in `info,roadstead_storage=debug`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogFilter(String);

impl LogFilter {
    /// Returns the directives as the tracing filter reads them.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl SettingValue for LogFilter {
    const KIND: &'static str = "level, or levels by module";
    const TEXT_ONLY: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        let mut directives = Vec::new();
        for directive in text.split(',').map(str::trim) {
            let (target, level) = match directive.split_once('=') {
                Some((target, level)) => (Some(target.trim()), level.trim()),
                None => (None, directive),
            };
            let level = level.to_ascii_lowercase();
            if !LEVELS.contains(&level.as_str()) {
                return Err(
                    "is not a level; write error, warn, info, debug, trace or off, or a \
                            list like info,roadstead_storage=debug"
                        .to_owned(),
                );
            }
            match target {
                Some(target) if !is_module_path(target) => {
                    return Err("names what is no module before `=`".to_owned());
                }
                Some(target) => directives.push(format!("{target}={level}")),
                None => directives.push(level),
            }
        }
        Ok(Self(directives.join(",")))
    }

    fn shown(&self) -> Shown {
        Shown::Text(self.0.clone())
    }
}

fn is_module_path(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    !text.is_empty() && text.bytes().all(is_inner)
}

/// In which form log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LogFormat {
    /// For humans on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Lines for humans.
    Human,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Human => "human",
            Self::Json => "json",
        }
    }
}

impl SettingValue for LogFormat {
    const KIND: &'static str = "`auto`, `human` or `json`";

    fn parse(text: &str) -> Result<Self, String> {
        let lower = text.trim().to_ascii_lowercase();
        [Self::Auto, Self::Human, Self::Json]
            .into_iter()
            .find(|format| format.as_str() == lower)
            .ok_or_else(|| "is not a format; write auto, human or json".to_owned())
    }

    fn shown(&self) -> Shown {
        Shown::Text(self.as_str().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_by_module_are_kept_in_one_spelling() {
        let filter = LogFilter::parse("INFO, roadstead_storage::drivers = Debug");
        assert_eq!(
            filter.expect("is a filter").as_str(),
            "info,roadstead_storage::drivers=debug"
        );
    }

    #[test]
    fn what_is_no_level_is_refused() {
        for text in ["", "loud", "info,", "a b=info", "=info", "x[span]=info"] {
            assert!(LogFilter::parse(text).is_err(), "{text}");
        }
        assert!(LogFormat::parse("xml").is_err());
        assert_eq!(LogFormat::parse("JSON"), Ok(LogFormat::Json));
    }
}
