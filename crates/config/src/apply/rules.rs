//! A list of rules or identities in a file.

use super::{Builder, Source};
use crate::load::Node;
use crate::settings::Setting;
use crate::substitute::substitute;
use crate::value::{List, SettingValue};
use crate::{Problem, identities, rules};

impl Builder<'_> {
    /// Takes a list of maps; a mistake is told at its own place.
    pub(super) fn apply_entries(
        &mut self,
        source: &Source<'_>,
        setting: &'static Setting,
        node: &Node,
    ) {
        let environment = self.environment;
        let substitute = |text: &str| substitute(text, environment);
        let read = match setting.list() {
            List::Identities => identities::read(node, &substitute).map(|list| list.shown()),
            _ => rules::read(node, &substitute).map(|list| list.shown()),
        };
        match read {
            Ok(shown) => {
                let text = shown.text();
                self.set(setting, &text, &text, source.origin(node.place));
            }
            Err((place, message)) => {
                let key = setting.key().to_owned();
                self.fail(source.origin(place), Problem::BadValue { key, message });
            }
        }
    }
}
