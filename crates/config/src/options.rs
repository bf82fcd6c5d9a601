//! What a configuration is made from, and what comes out.

use crate::Config;
use crate::environment::Environment;
use std::path::{Path, PathBuf};

/// Where a configuration comes from.
#[derive(Debug, Default)]
pub struct LoadOptions<'a> {
    /// The file; without it, the one that `ROADSTEAD_CONFIG` names, and without that none.
    pub file: Option<&'a Path>,
    /// What the command line says, the strongest.
    pub overrides: Vec<Override>,
    /// The environment, [`Environment::of_process`] outside tests.
    pub environment: Environment,
}

/// A setting from the command line.
#[derive(Clone, Debug)]
pub struct Override {
    /// The setting's key, such as `listen`.
    pub key: &'static str,
    /// Its value, taken as it is: the shell has put in its variables already.
    pub value: String,
    /// The option's name for messages, such as `--listen`.
    pub option: &'static str,
}

/// A valid configuration and what its owner should know about it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is allowed and yet likely to be regretted, one sentence each.
    pub warnings: Vec<String>,
    /// The file that was read, if one was.
    pub file: Option<PathBuf>,
}
