//! Who may use the registry: the section `access`.

use crate::value::{SettingValue, Shown, quoted};
use std::path::PathBuf;

/// Who may use the registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Whether everybody may do everything.
    pub open: Openness,
    /// A htpasswd file with users; none without it.
    pub htpasswd: Option<PathBuf>,
    /// Who may do what where.
    pub rules: Vec<AccessRule>,
}

impl Access {
    /// Tells whether everybody may do everything.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.open {
            Openness::Open => true,
            Openness::Closed => false,
            Openness::Auto => self.rules.is_empty() && self.htpasswd.is_none(),
        }
    }
}

/// Whether everybody may do everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Openness {
    /// They may as long as there are neither rules nor a htpasswd file, and this machine alone is
    /// listened to.
    #[default]
    Auto,
    /// They may.
    Open,
    /// Nobody may what no rule allows.
    Closed,
}

impl SettingValue for Openness {
    const KIND: &'static str = "`true`, `false` or `auto`";

    fn parse(text: &str) -> Result<Self, String> {
        if text.trim().eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        match bool::parse(text) {
            Ok(true) => Ok(Self::Open),
            Ok(false) => Ok(Self::Closed),
            Err(_) => Err("is neither true nor false nor auto".to_owned()),
        }
    }

    fn shown(&self) -> Shown {
        match self {
            Self::Auto => Shown::Text("auto".to_owned()),
            Self::Open => Shown::Flag(true),
            Self::Closed => Shown::Flag(false),
        }
    }
}

/// One rule, as it is written. What the texts may be is the business of who decides by them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRule {
    /// Whom it is about.
    pub subjects: Vec<String>,
    /// Which repositories.
    pub repositories: Vec<String>,
    /// Which tags; when empty, requests with a tag and without.
    pub tags: Vec<String>,
    /// Which actions.
    pub actions: Vec<String>,
    /// `allow` or `deny`; `allow` when it is not written.
    pub effect: Option<String>,
}

impl AccessRule {
    /// Returns the lists that are not empty, with their keys.
    pub(crate) fn lists(&self) -> Vec<(&'static str, &[String])> {
        let lists: [(&'static str, &[String]); 4] = [
            ("subjects", &self.subjects),
            ("repositories", &self.repositories),
            ("tags", &self.tags),
            ("actions", &self.actions),
        ];
        lists
            .into_iter()
            .filter(|(_, texts)| !texts.is_empty())
            .collect()
    }

    /// Writes the rule on one line, as YAML reads it.
    pub(crate) fn line(&self) -> String {
        let mut members: Vec<String> = self
            .lists()
            .into_iter()
            .map(|(key, texts)| {
                let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
                format!("{key}: [{}]", texts.join(", "))
            })
            .collect();
        if let Some(effect) = &self.effect {
            members.push(format!("effect: {}", quoted(effect)));
        }
        format!("{{{}}}", members.join(", "))
    }
}
