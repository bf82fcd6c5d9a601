//! The right name that is nearest to a wrong one.

use crate::environment::{VARIABLE_PREFIX, variable_of};
use crate::settings::{self, Setting};

/// Names that differ more than this are no slip of the hand.
const LEAST_SIMILARITY: f64 = 0.72;

/// Returns the candidate that is most like `wrong`, if one is like enough.
fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = normal(wrong);
    let mut best = None;
    let mut best_similarity = LEAST_SIMILARITY;
    for candidate in candidates {
        let similarity = strsim::jaro_winkler(&wrong, &normal(candidate));
        if similarity > best_similarity {
            best_similarity = similarity;
            best = Some(candidate);
        }
    }
    best
}

/// `externalURL`, `external-url` and `EXTERNAL_URL` are one name to whoever types them.
fn normal(name: &str) -> String {
    name.chars()
        .filter(|letter| !matches!(letter, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Says what to write instead of an unknown key: the nearest of its section, else a setting of
/// that name elsewhere, else all keys of the section.
pub(crate) fn advice(section: &str, key: &str) -> String {
    let dotted = settings::join(section, key);
    if settings::find(&dotted).is_some() {
        return format!("write it nested: `{}`", nested(&dotted));
    }
    let siblings = settings::children(section);
    if let Some(near) = nearest(key, siblings.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    let is_named = |full: &&str| full.rsplit('.').next().is_some_and(|last| last == key);
    if let Some(elsewhere) = settings::settings().iter().map(Setting::key).find(is_named) {
        return format!("did you mean `{}`?", nested(elsewhere));
    }
    if section.is_empty() {
        format!("the keys are {}", siblings.join(", "))
    } else {
        format!("the keys of `{section}` are {}", siblings.join(", "))
    }
}

/// Shows how a dotted key is written in YAML: `storage: {local: {path: …}}`.
fn nested(dotted: &str) -> String {
    let depth = dotted.matches('.').count();
    format!("{}: …{}", dotted.replace('.', ": {"), "}".repeat(depth))
}

/// Returns the setting's variable that is most like an unknown one.
pub(crate) fn nearest_variable(name: &str) -> Option<String> {
    let names: Vec<String> = settings::settings().iter().map(Setting::variable).collect();
    let exact_words = |candidate: &&String| candidate.replace("__", "_") == name.replace("__", "_");
    if let Some(same) = names.iter().find(exact_words) {
        return Some(same.clone());
    }
    // The prefix is the same in all and would make everything look near.
    let bare = |full: &str| full.trim_start_matches(VARIABLE_PREFIX).to_owned();
    let candidates: Vec<String> = names.iter().map(|full| bare(full)).collect();
    let near = nearest(&bare(name), candidates.iter().map(String::as_str))?;
    Some(variable_of(&near.replace("__", ".").to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let names = ["local", "memory"];
        assert_eq!(nearest("locl", names), Some("local"));
        assert_eq!(nearest("Memory", names), Some("memory"));
        assert_eq!(
            nearest("externalURL", ["listen", "external_url"]),
            Some("external_url")
        );
        assert_eq!(nearest("zzz", names), None);
        assert_eq!(nearest("", names), None);
    }
}
