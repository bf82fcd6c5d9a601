//! What can be wrong with a configuration, and where it is written.

use std::fmt;
use std::path::PathBuf;

/// Where a setting, or a mistake, is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In a file, at a line and column that count from 1; neither when all of it is meant.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// Line and column.
        position: Option<(usize, usize)>,
    },
    /// In an environment variable.
    Variable(String),
    /// On the command line, in this option.
    Option(String),
    /// In the defaults, or in a configuration that no file made.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File {
                path,
                position: Some((line, column)),
            } => {
                write!(formatter, "{}:{line}:{column}", path.display())
            }
            Self::File {
                path,
                position: None,
            } => write!(formatter, "{}", path.display()),
            Self::Variable(name) => write!(formatter, "environment variable {name}"),
            Self::Option(name) => write!(formatter, "option {name}"),
            Self::Default => formatter.write_str("configuration"),
        }
    }
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] std::io::Error),
    /// The file is larger than any configuration is.
    #[error("is over {limit} bytes, too large for a configuration")]
    TooLarge {
        /// The most that is read.
        limit: u64,
    },
    /// The file is not YAML, or YAML of a kind that a configuration does not use.
    #[error("{0}")]
    Syntax(String),
    /// No setting has this key.
    #[error("unknown key `{key}`; {advice}")]
    UnknownKey {
        /// The whole dotted key.
        key: String,
        /// What to do about it: the nearest right key, or all there are.
        advice: String,
    },
    /// No setting has this environment variable.
    #[error("no setting has this name{}", .nearest.as_ref().map_or_else(String::new, |name| format!("; did you mean {name}?")))]
    UnknownVariable {
        /// The nearest right name.
        nearest: Option<String>,
    },
    /// The key is written twice.
    #[error("`{key}` is written twice in this section")]
    DuplicateKey {
        /// The whole dotted key.
        key: String,
    },
    /// A value is not one of the setting's type, out of its range, or at odds with another.
    #[error("{key}: {message}")]
    BadValue {
        /// The whole dotted key.
        key: String,
        /// What is wrong with it and what to write.
        message: String,
    },
    /// More than one storage driver is named.
    #[error("storage names two drivers, `{first}` ({first_origin}) and `{second}`; keep one")]
    TwoDrivers {
        /// The driver that was named first.
        first: String,
        /// Where that was.
        first_origin: Origin,
        /// The driver that is named here.
        second: String,
    },
}

/// One mistake and where it is written.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {problem}")]
pub struct ConfigError {
    origin: Origin,
    #[source]
    problem: Problem,
}

impl ConfigError {
    pub(crate) const fn new(origin: Origin, problem: Problem) -> Self {
        Self { origin, problem }
    }

    /// Returns where the mistake is written.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Returns what is wrong.
    #[must_use]
    pub const fn problem(&self) -> &Problem {
        &self.problem
    }
}

/// All mistakes that were found, in the order of the file, the environment and the command line;
/// never empty. Its display has one line for each.
#[derive(Debug)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    pub(crate) fn check(errors: Vec<ConfigError>) -> Result<(), Self> {
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Self(errors))
        }
    }

    /// Makes a mistake of a setting that its user found: `message` goes on after the key.
    #[must_use]
    pub fn of(key: &str, message: String) -> Self {
        let key = key.to_owned();
        let problem = Problem::BadValue { key, message };
        Self(vec![ConfigError::new(Origin::Default, problem)])
    }

    /// Returns the mistakes.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
