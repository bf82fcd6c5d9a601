//! `SecretReference`: where a secret is to be read, never the secret itself.

use crate::Environment;
use crate::substitute::{has_reference, substitute};
use crate::value::{SettingValue, Shown};

/// A text such as `${env:NAME}` or `${file:PATH}` that gives a secret when it is needed. The
/// configuration holds and shows the reference alone, so that no log and no
/// `roadstead config print` ever has the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretReference(String);

impl SecretReference {
    /// Reads the secret. The error is a clause that names the reference.
    pub fn resolve(&self, environment: &Environment) -> Result<String, String> {
        substitute(&self.0, environment)
    }

    /// Returns the reference as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SettingValue for Option<SecretReference> {
    const KIND: &'static str = "secret: `${env:NAME}` or `${file:PATH}`";
    const TEXT_ONLY: bool = true;
    const IS_SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        if has_reference(text) {
            return Ok(Some(SecretReference(text.to_owned())));
        }
        // The loader never repeats what was written here.
        Err("is written out; put it in as ${env:NAME} or ${file:PATH}".to_owned())
    }

    fn shown(&self) -> Shown {
        self.as_ref().map_or(Shown::Null, |reference| {
            Shown::Text(reference.as_str().to_owned())
        })
    }
}
