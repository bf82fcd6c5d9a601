//! Defaults, file, environment, command line: each goes over the one before.

mod rules;

use crate::environment::{CONFIG_FILE_VARIABLE, Environment};
use crate::load::{self, Content, Node, Pair, Place};
use crate::nearest::{advice, nearest_variable};
use crate::options::{Loaded, Override};
use crate::settings::{self, Setting, join};
use crate::substitute::{has_reference, substitute};
use crate::value::List;
use crate::{Config, ConfigError, ConfigErrors, Origin, Problem, validate};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// No configuration is larger than this; a wrong path may name anything.
const FILE_LIMIT_BYTES: u64 = 1024 * 1024;

/// A configuration in the making.
pub(crate) struct Builder<'a> {
    environment: &'a Environment,
    config: Config,
    /// Where each setting, and each driver, was named last.
    origins: BTreeMap<String, Origin>,
    errors: Vec<ConfigError>,
}

/// A file that is being applied.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn origin(&self, place: Place) -> Origin {
        let position = load::locate(self.text, place);
        Origin::File {
            path: self.path.to_owned(),
            position,
        }
    }
}

impl<'a> Builder<'a> {
    pub(crate) fn new(environment: &'a Environment) -> Self {
        let config = Config::default();
        Self {
            environment,
            config,
            origins: BTreeMap::new(),
            errors: Vec::new(),
        }
    }

    fn fail(&mut self, origin: Origin, problem: Problem) {
        self.errors.push(ConfigError::new(origin, problem));
    }

    pub(crate) fn file_named(&mut self, given: Option<&Path>) -> Option<PathBuf> {
        if let Some(path) = given {
            return Some(path.to_owned());
        }
        match self.environment.get(CONFIG_FILE_VARIABLE)? {
            Ok("") => None,
            Ok(path) => Some(PathBuf::from(path)),
            Err(_) => {
                let origin = Origin::Variable(CONFIG_FILE_VARIABLE.to_owned());
                self.fail(origin, Problem::Syntax("is not UTF-8".to_owned()));
                None
            }
        }
    }

    pub(crate) fn apply_file(&mut self, path: &Path) {
        let whole_file = Origin::File {
            path: path.to_owned(),
            position: None,
        };
        let text = match read(path) {
            Ok(text) => text,
            Err(problem) => return self.fail(whole_file, problem),
        };
        match load::parse(&text) {
            Ok(root) => self.apply_root(&Source { path, text: &text }, &root),
            Err(malformed) => {
                let position = malformed.position;
                let origin = Origin::File {
                    path: path.to_owned(),
                    position,
                };
                self.fail(origin, Problem::Syntax(malformed.message));
            }
        }
    }

    fn apply_root(&mut self, source: &Source<'_>, root: &Node) {
        match &root.content {
            Content::Map(pairs) => self.apply_section(source, "", pairs),
            Content::Null => {}
            Content::Bare(_) | Content::Text(_) | Content::List(_) => {
                let message = "is not a map of keys and values such as `listen: 127.0.0.1:5000`";
                self.fail(
                    source.origin(root.place),
                    Problem::Syntax(message.to_owned()),
                );
            }
        }
    }

    fn apply_section(&mut self, source: &Source<'_>, section: &str, pairs: &[Pair]) {
        for (index, pair) in pairs.iter().enumerate() {
            let key = join(section, &pair.key);
            if pairs[..index].iter().any(|earlier| earlier.key == pair.key) {
                self.fail(source.origin(pair.place), Problem::DuplicateKey { key });
                continue;
            }
            // A dot in a key is never a way to write a nested one.
            if pair.key.contains('.') || pair.key.is_empty() {
                self.unknown_key(source, section, pair);
            } else if let Some(setting) = settings::find(&key) {
                self.apply_node(source, setting, &pair.node);
            } else if settings::is_section(&key) {
                self.enter_section(source, &key, pair);
            } else {
                self.unknown_key(source, section, pair);
            }
        }
    }

    fn enter_section(&mut self, source: &Source<'_>, key: &str, pair: &Pair) {
        self.note(key, source.origin(pair.place));
        match &pair.node.content {
            Content::Map(pairs) => self.apply_section(source, key, pairs),
            // A section whose keys are all commented out.
            Content::Null => {}
            Content::Bare(_) | Content::Text(_) | Content::List(_) => {
                let keys = settings::children(key).join(", ");
                let mut message = format!("takes keys ({keys}), not a value");
                if key == "admin" {
                    message.push_str("; `admin: {listen: off}` switches it off");
                }
                let problem = Problem::BadValue {
                    key: key.to_owned(),
                    message,
                };
                self.fail(source.origin(pair.node.place), problem);
            }
        }
    }

    fn unknown_key(&mut self, source: &Source<'_>, section: &str, pair: &Pair) {
        let key = join(section, &pair.key);
        let advice = advice(section, &pair.key);
        self.fail(
            source.origin(pair.place),
            Problem::UnknownKey { key, advice },
        );
    }

    fn apply_node(&mut self, source: &Source<'_>, setting: &'static Setting, node: &Node) {
        let origin = source.origin(node.place);
        let key = setting.key();
        let no_such = |what: &str| format!("takes a value ({}), not {what}", setting.kind());
        let message = match &node.content {
            Content::Text(text) => return self.apply_text(setting, text, origin),
            Content::Bare(text) if setting.is_text_only() => {
                format!("`{text}` must be text; put it in quotes")
            }
            Content::Bare(text) => return self.set(setting, text, text, origin),
            Content::Null => match self.set_null(setting) {
                Ok(()) => return self.note(key, origin),
                Err(message) => message,
            },
            Content::Map(pairs) if pairs.is_empty() => {
                return self.set(setting, "{}", "{}", origin);
            }
            Content::Map(_) => no_such("keys"),
            Content::List(_) if matches!(setting.list(), List::Rules | List::Identities) => {
                return self.apply_entries(source, setting, node);
            }
            Content::List(items) if setting.list() == List::Texts => match texts(items) {
                Some(texts) => return self.apply_text(setting, &texts.join(", "), origin),
                None => "must be a list of texts; put each in quotes".to_owned(),
            },
            Content::List(_) => no_such("a list"),
        };
        self.fail(
            origin,
            Problem::BadValue {
                key: key.to_owned(),
                message,
            },
        );
    }

    /// Takes an empty value where the setting has a meaning for it.
    fn set_null(&mut self, setting: &Setting) -> Result<(), String> {
        if !setting.is_text_only() && setting.set(&mut self.config, "null").is_ok() {
            return Ok(());
        }
        Err(match setting.text(&Config::default()) {
            Some(text) => format!("has no value; remove the key to keep the default, `{text}`"),
            None => "has no value".to_owned(),
        })
    }

    pub(crate) fn apply_environment(&mut self) {
        let environment = self.environment;
        for (name, value) in environment.settings() {
            let origin = Origin::Variable(name.to_owned());
            let setting = settings::settings()
                .iter()
                .find(|setting| setting.variable() == name);
            match (setting, value) {
                (Some(setting), Ok(text)) => self.apply_text(setting, text, origin),
                (Some(_), Err(_)) => self.fail(origin, Problem::Syntax("is not UTF-8".to_owned())),
                (None, _) => {
                    let nearest = nearest_variable(name);
                    self.fail(origin, Problem::UnknownVariable { nearest });
                }
            }
        }
    }

    pub(crate) fn apply_override(&mut self, given: &Override) {
        let origin = Origin::Option(given.option.to_owned());
        if let Some(setting) = settings::find(given.key) {
            return self.set(setting, &given.value, &given.value, origin);
        }
        let key = given.key.to_owned();
        let advice = advice("", given.key);
        self.fail(origin, Problem::UnknownKey { key, advice });
    }

    /// Sets a value in which variables and files may be put in.
    fn apply_text(&mut self, setting: &Setting, written: &str, origin: Origin) {
        match substitute(written, self.environment) {
            // What is kept is the reference; that it gives something was just seen.
            Ok(_) if setting.is_secret() => self.set_secret(setting, written, origin),
            Ok(text) => self.set(setting, &text, written, origin),
            Err(message) => {
                let key = setting.key().to_owned();
                self.fail(origin, Problem::BadValue { key, message });
            }
        }
    }

    /// Sets a reference to a secret. A variable of the environment is one by itself; a message never
    /// repeats what may be the secret.
    fn set_secret(&mut self, setting: &Setting, written: &str, origin: Origin) {
        let reference = match &origin {
            Origin::Variable(name) if !has_reference(written) => format!("${{env:{name}}}"),
            _ => written.to_owned(),
        };
        let key = setting.key();
        match setting.set(&mut self.config, &reference) {
            Ok(()) => self.note(key, origin),
            Err(message) => {
                self.note_driver(key, &origin);
                let message = format!("the secret {message}");
                let key = key.to_owned();
                self.fail(origin, Problem::BadValue { key, message });
            }
        }
    }

    /// Sets a value. Messages show it as it was written: what was put in may be a secret.
    fn set(&mut self, setting: &Setting, text: &str, written: &str, origin: Origin) {
        let key = setting.key();
        match setting.set(&mut self.config, text) {
            Ok(()) => self.note(key, origin),
            Err(message) => {
                let written = shorten(written);
                let gave = if has_reference(&written) {
                    "gives what "
                } else {
                    ""
                };
                let message = format!("`{written}` {gave}{message}");
                // The driver is named even where its value is wrong.
                self.note_driver(key, &origin);
                self.fail(
                    origin,
                    Problem::BadValue {
                        key: key.to_owned(),
                        message,
                    },
                );
            }
        }
    }

    fn note(&mut self, key: &str, origin: Origin) {
        self.note_driver(key, &origin);
        self.origins.insert(key.to_owned(), origin);
    }

    /// Remembers where a driver was named, and refuses a second one.
    fn note_driver(&mut self, key: &str, origin: &Origin) {
        let Some(below) = key.strip_prefix("storage.") else {
            return;
        };
        let driver = below.split('.').next().unwrap_or(below);
        let named =
            |other: &&str| *other != driver && self.origins.contains_key(&join("storage", other));
        let other = settings::children("storage").into_iter().find(named);
        let own = join("storage", driver);
        if self.origins.contains_key(&own) {
            return;
        }
        self.origins.insert(own, origin.clone());
        if let Some(other) = other
            && let Some(first_origin) = self.origins.get(&join("storage", other)).cloned()
        {
            let (first, second) = (other.to_owned(), driver.to_owned());
            self.fail(
                origin.clone(),
                Problem::TwoDrivers {
                    first,
                    first_origin,
                    second,
                },
            );
        }
    }

    pub(crate) fn finish(mut self, file: Option<PathBuf>) -> Result<Loaded, ConfigErrors> {
        for (key, message) in validate::conflicts(&self.config) {
            let origin = self.origins.get(key).cloned().unwrap_or(Origin::Default);
            self.fail(
                origin,
                Problem::BadValue {
                    key: key.to_owned(),
                    message,
                },
            );
        }
        ConfigErrors::check(self.errors)?;
        let warnings = validate::warnings(&self.config);
        Ok(Loaded {
            config: self.config,
            warnings,
            file,
        })
    }
}

/// Returns the items of a list when all are texts.
fn texts(items: &[Node]) -> Option<Vec<&str>> {
    let texts = items.iter().map(|item| match &item.content {
        Content::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

fn read(path: &Path) -> Result<String, Problem> {
    let file = File::open(path).map_err(Problem::Unreadable)?;
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(Problem::Unreadable)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_LIMIT_BYTES {
        return Err(Problem::TooLarge {
            limit: FILE_LIMIT_BYTES,
        });
    }
    String::from_utf8(bytes).map_err(|_| Problem::Syntax("is not UTF-8".to_owned()))
}

/// Keeps a message to one line of a terminal whatever was written.
fn shorten(written: &str) -> String {
    let clean: String = written
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if clean.chars().count() <= 80 {
        return clean;
    }
    let start: String = clean.chars().take(77).collect();
    format!("{start}...")
}

#[cfg(test)]
mod tests;
