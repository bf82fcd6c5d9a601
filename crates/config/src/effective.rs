//! From all sources to the configuration in force, and how that is shown.

use crate::apply::Builder;
use crate::options::{LoadOptions, Loaded};
use crate::settings::Setting;
use crate::value::Shown;
use crate::{Config, ConfigErrors, load};

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
        // YAML has no spelling for a text that is left out but leaving it out.
        let is_said =
            |setting: &Setting, shown: &Shown| !(setting.is_text_only() && *shown == Shown::Null);
        let shown = |setting: &Setting| {
            let shown = setting.show(self)?;
            is_said(setting, &shown).then_some((setting.key(), shown))
        };
        let values: Vec<_> = crate::settings().iter().filter_map(shown).collect();
        load::write(&values)
    }
}
