//! What a configuration is made from, what comes out, and how it is shown.

use crate::apply::Builder;
use crate::environment::Environment;
use crate::settings::Setting;
use crate::{Config, ConfigErrors, load};
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

impl Config {
    /// Makes the configuration from the defaults, the file, the environment and the command line,
    /// each stronger than the one before. Returns every mistake, not the first alone.
    pub fn load(options: &LoadOptions<'_>) -> Result<Loaded, ConfigErrors> {
        let mut builder = Builder::new(&options.environment);
        let file = builder.file_named(options.file);
        if let Some(path) = &file {
            builder.apply_file(path);
        }
        builder.apply_environment();
        for given in &options.overrides {
            builder.apply_override(given);
        }
        builder.finish(file)
    }

    /// Returns the whole configuration as YAML that loads as the same configuration.
    #[must_use]
    pub fn effective_yaml(&self) -> String {
        let shown = |setting: &Setting| Some((setting.key(), setting.show(self)?));
        let values: Vec<_> = crate::settings().iter().filter_map(shown).collect();
        load::write(&values)
    }
}
