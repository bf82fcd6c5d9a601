//! A list of rules in a file.

use super::{Builder, Source};
use crate::load::Node;
use crate::settings::Setting;
use crate::substitute::substitute;
use crate::value::SettingValue;
use crate::{Problem, rules};

impl Builder<'_> {
    /// Takes a list of rules; a mistake is told at its own place.
    pub(super) fn apply_rules(
        &mut self,
        source: &Source<'_>,
        setting: &'static Setting,
        node: &Node,
    ) {
        let environment = self.environment;
        let substitute = |text: &str| substitute(text, environment);
        match rules::read(node, &substitute) {
            Ok(rules) => {
                let text = rules.shown().text();
                self.set(setting, &text, &text, source.origin(node.place));
            }
            Err((place, message)) => {
                let key = setting.key().to_owned();
                self.fail(source.origin(place), Problem::BadValue { key, message });
            }
        }
    }
}
