//! The environment: which variables are settings, and which only look like it.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// Every setting's variable begins with this.
pub const VARIABLE_PREFIX: &str = "ROADSTEAD_";

/// Names the configuration file, for those who cannot give `--config`.
pub const CONFIG_FILE_VARIABLE: &str = "ROADSTEAD_CONFIG";

/// What commands that administer a running server read, and no setting: its address, the name to
/// log in with, and the password, access token or secret that goes with it.
pub const CLIENT_VARIABLES: [&str; 3] = [
    "ROADSTEAD_SERVER",
    "ROADSTEAD_LOGIN",
    "ROADSTEAD_LOGIN_PASSWORD",
];

/// Environment variables by name. A value that is not UTF-8 is kept as such a mistake.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, Option<String>>);

impl Environment {
    /// Reads the environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// Returns one of [`CLIENT_VARIABLES`]; an empty one, or one that is not UTF-8, counts as not set.
    #[must_use]
    pub fn of_client(&self, name: &str) -> Option<&str> {
        let value = self.get(name)?.ok()?;
        (CLIENT_VARIABLES.contains(&name) && !value.is_empty()).then_some(value)
    }

    /// Returns a variable: `Err` when it is there and not UTF-8.
    pub(crate) fn get(&self, name: &str) -> Option<Result<&str, NotUtf8>> {
        self.0
            .get(name)
            .map(|value| value.as_deref().ok_or(NotUtf8))
    }

    /// Returns the variables that must be settings, in order of their names. An empty one counts
    /// as not set: that is how container tools unset what an image sets.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&str, Result<&str, NotUtf8>)> {
        self.0
            .iter()
            .filter(|(name, _)| name.starts_with(VARIABLE_PREFIX) && *name != CONFIG_FILE_VARIABLE)
            .filter(|(name, _)| !CLIENT_VARIABLES.contains(&name.as_str()))
            .filter(|(name, _)| !is_service_link(name))
            .filter(|(_, value)| value.as_deref() != Some(""))
            .map(|(name, value)| (name.as_str(), value.as_deref().ok_or(NotUtf8)))
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    /// Names that are not UTF-8 are left out: no setting has one.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let mut environment = BTreeMap::new();
        for (name, value) in variables {
            let Ok(name) = name.into().into_string() else {
                continue;
            };
            environment.insert(name, value.into().into_string().ok());
        }
        Self(environment)
    }
}

/// A variable's value is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotUtf8;

/// Returns the variable of a key: `storage.local.path` is `ROADSTEAD_STORAGE__LOCAL__PATH`.
pub(crate) fn variable_of(key: &str) -> String {
    format!(
        "{VARIABLE_PREFIX}{}",
        key.replace('.', "__").to_ascii_uppercase()
    )
}

/// Tells whether Kubernetes set this variable. It gives every container of a namespace the
/// addresses of the services there: a service called `roadstead` or `roadstead-admin` becomes
/// `ROADSTEAD_SERVICE_HOST`, `ROADSTEAD_PORT`, `ROADSTEAD_ADMIN_PORT_5001_TCP_ADDR` and so on.
fn is_service_link(name: &str) -> bool {
    let rest = name.strip_prefix(VARIABLE_PREFIX).unwrap_or(name);
    let words: Vec<&str> = rest.split('_').collect();
    if words.contains(&"") {
        // No service has an empty word; a nested setting's double underscore makes one.
        return false;
    }
    for (index, word) in words.iter().enumerate() {
        let after = words.get(index + 1..).unwrap_or_default();
        let is_link = match (*word, after) {
            ("SERVICE", ["HOST"] | ["PORT", ..]) | ("PORT", []) => true,
            ("PORT", [number, "TCP" | "UDP" | "SCTP", ..]) => number.parse::<u16>().is_ok(),
            _ => false,
        };
        if is_link {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_sets_for_a_service_is_no_setting() {
        for name in [
            "ROADSTEAD_SERVICE_HOST",
            "ROADSTEAD_SERVICE_PORT",
            "ROADSTEAD_SERVICE_PORT_HTTP",
            "ROADSTEAD_PORT",
            "ROADSTEAD_PORT_5000_TCP",
            "ROADSTEAD_PORT_5000_TCP_PROTO",
            "ROADSTEAD_ADMIN_PORT_5001_TCP_ADDR",
        ] {
            assert!(is_service_link(name), "{name}");
        }
    }

    #[test]
    fn what_commands_read_is_no_setting_and_no_setting_is_called_so() {
        let variables = CLIENT_VARIABLES.map(|name| (name, "x"));
        let environment: Environment = variables.into_iter().collect();
        assert_eq!(environment.settings().count(), 0);
        assert_eq!(environment.of_client("ROADSTEAD_LOGIN"), Some("x"));
        assert_eq!(environment.of_client("ROADSTEAD_LISTEN"), None);
        for setting in crate::settings() {
            assert!(!CLIENT_VARIABLES.contains(&&*setting.variable()));
        }
    }

    #[test]
    fn no_setting_looks_like_a_service_of_kubernetes() {
        for setting in crate::settings() {
            assert!(
                !is_service_link(&setting.variable()),
                "{}",
                setting.variable()
            );
        }
        assert!(!is_service_link("ROADSTEAD_PORTS"));
    }

    #[test]
    fn variables_outside_the_prefix_and_empty_ones_are_left_alone() {
        let environment: Environment = [
            ("HOME", "/root"),
            ("ROADSTEAD_CONFIG", "a.yaml"),
            ("ROADSTEAD_WORKERS", ""),
            ("ROADSTEAD_LISTEN", "127.0.0.1:1"),
        ]
        .into_iter()
        .collect();
        let settings: Vec<_> = environment.settings().collect();
        assert_eq!(settings, [("ROADSTEAD_LISTEN", Ok("127.0.0.1:1"))]);
        assert_eq!(environment.get("HOME"), Some(Ok("/root")));
    }
}
