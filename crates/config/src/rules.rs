//! The list of access rules: from a part of a document to rules and back to text.

use crate::AccessRule;
use crate::load::{self, Content, Node, Place};
use crate::value::{List, SettingValue, Shown};

/// Rules are a list of maps; a text holds them as YAML, on one line or several.
impl SettingValue for Vec<AccessRule> {
    const KIND: &'static str = "list of rules";
    const LIST: List = List::Rules;

    fn parse(text: &str) -> Result<Self, String> {
        let node = load::parse(text).map_err(|malformed| {
            let message = malformed.message;
            format!("is no list of rules: {message}")
        })?;
        read(&node, &|text| Ok(text.to_owned())).map_err(|(_, message)| message)
    }

    fn shown(&self) -> Shown {
        Shown::Rules(self.clone())
    }
}

/// Makes the text of one value.
type Substitute<'a> = &'a dyn Fn(&str) -> Result<String, String>;
/// Where something is wrong, and what.
type Wrong = (Place, String);

/// Reads rules; `substitute` makes the texts of what is written.
pub(crate) fn read(node: &Node, substitute: Substitute<'_>) -> Result<Vec<AccessRule>, Wrong> {
    let items = match &node.content {
        Content::List(items) => items,
        Content::Map(pairs) if pairs.is_empty() => return Ok(Vec::new()),
        _ => return Err((node.place, "is no list of rules".to_owned())),
    };
    items.iter().map(|item| rule(item, substitute)).collect()
}

fn rule(node: &Node, substitute: Substitute<'_>) -> Result<AccessRule, Wrong> {
    let Content::Map(pairs) = &node.content else {
        let message =
            "has an entry that is no rule; write {subjects: […], repositories: […], actions: […]}";
        return Err((node.place, message.to_owned()));
    };
    let mut rule = AccessRule::default();
    let mut met: Vec<&str> = Vec::new();
    for pair in pairs {
        if met.contains(&pair.key.as_str()) {
            return Err((pair.place, format!("has a rule with `{}` twice", pair.key)));
        }
        met.push(&pair.key);
        match pair.key.as_str() {
            "subjects" => rule.subjects = texts(&pair.key, &pair.node, substitute)?,
            "repositories" => rule.repositories = texts(&pair.key, &pair.node, substitute)?,
            "tags" => rule.tags = texts(&pair.key, &pair.node, substitute)?,
            "actions" => rule.actions = texts(&pair.key, &pair.node, substitute)?,
            "effect" => rule.effect = Some(text(&pair.key, &pair.node, substitute)?),
            unknown => {
                let message = format!(
                    "has a rule with the unknown key `{unknown}`; the keys are subjects, \
                     repositories, tags, actions, effect"
                );
                return Err((pair.place, message));
            }
        }
    }
    Ok(rule)
}

fn texts(key: &str, node: &Node, substitute: Substitute<'_>) -> Result<Vec<String>, Wrong> {
    let Content::List(items) = &node.content else {
        return Err((
            node.place,
            format!("has a rule whose {key} are no list; write [{key}, …]"),
        ));
    };
    items
        .iter()
        .map(|item| text(key, item, substitute))
        .collect()
}

fn text(key: &str, node: &Node, substitute: Substitute<'_>) -> Result<String, Wrong> {
    let (Content::Text(written) | Content::Bare(written)) = &node.content else {
        return Err((
            node.place,
            format!("has a rule whose {key} hold something that is no text"),
        ));
    };
    let text = substitute(written).map_err(|message| (node.place, message))?;
    if text.chars().any(char::is_control) {
        let message = format!("has a rule whose {key} hold a control character");
        return Err((node.place, message));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
- {subjects: [anonymous], repositories: [\"public/**\"], actions: [pull]}
- {subjects: [\"*\"], repositories: [\"a'\\\"b\"], tags: [1.0], actions: [push], effect: deny}
";

    #[test]
    fn rules_read_back_from_one_line() {
        let rules = Vec::<AccessRule>::parse(TEXT).expect("are rules");
        assert_eq!(rules.len(), 2);
        assert_eq!(rules[0].repositories, ["public/**"]);
        assert_eq!(rules[1].effect.as_deref(), Some("deny"));
        assert_eq!(Vec::<AccessRule>::parse(&rules.shown().text()), Ok(rules));
        assert_eq!(Vec::<AccessRule>::parse("[]"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_rule_is_told() {
        for (text, part) in [
            ("x", "is no list of rules"),
            ("[x]", "no rule"),
            ("[{subject: [a]}]", "unknown key `subject`"),
            ("[{subjects: a}]", "are no list"),
            ("[{subjects: [[a]]}]", "no text"),
            ("[{subjects: [\"a\\tb\"]}]", "control character"),
            ("[{effect: deny, effect: allow}]", "twice"),
            ("[", "is no list of rules: "),
        ] {
            let message = Vec::<AccessRule>::parse(text).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
