//! The list of identities that client certificates stand for: from a part of a document to entries
//! and back to text.

use crate::load::{self, Content, Node, Place};
use crate::value::{List, SettingValue, Shown};
use crate::{CertificateIdentity, CertificateName};

/// Identities are a list of maps; a text holds them as YAML, on one line or several.
impl SettingValue for Vec<CertificateIdentity> {
    const KIND: &'static str = "list of identities";
    const LIST: List = List::Identities;

    fn parse(text: &str) -> Result<Self, String> {
        let node = load::parse(text).map_err(|malformed| {
            let message = malformed.message;
            format!("is no list of identities: {message}")
        })?;
        read(&node, &|text| Ok(text.to_owned())).map_err(|(_, message)| message)
    }

    fn shown(&self) -> Shown {
        Shown::Identities(self.clone())
    }
}

/// Makes the text of one value.
type Substitute<'a> = &'a dyn Fn(&str) -> Result<String, String>;
/// Where something is wrong, and what.
type Wrong = (Place, String);

/// Reads identities; `substitute` makes the texts of what is written.
pub(crate) fn read(
    node: &Node,
    substitute: Substitute<'_>,
) -> Result<Vec<CertificateIdentity>, Wrong> {
    let items = match &node.content {
        Content::List(items) => items,
        Content::Map(pairs) if pairs.is_empty() => return Ok(Vec::new()),
        _ => return Err((node.place, "is no list of identities".to_owned())),
    };
    items
        .iter()
        .map(|item| identity(item, substitute))
        .collect()
}

fn identity(node: &Node, substitute: Substitute<'_>) -> Result<CertificateIdentity, Wrong> {
    let wrong = || {
        let message = "has an entry that is no identity; write {dns: …, subject: …}, or uri, email or \
                       common_name in place of dns";
        (node.place, message.to_owned())
    };
    let Content::Map(pairs) = &node.content else {
        return Err(wrong());
    };
    let mut found: Option<(CertificateName, String)> = None;
    let mut subject: Option<String> = None;
    for pair in pairs {
        let value = text(&pair.node, substitute)?;
        let is_second = if pair.key == "subject" {
            subject.replace(value).is_some()
        } else if let Some(name) = CertificateName::of(&pair.key) {
            found.replace((name, value)).is_some()
        } else {
            let message = format!(
                "has an identity with the unknown key `{}`; the keys are dns, uri, email, \
                 common_name, subject",
                pair.key
            );
            return Err((pair.place, message));
        };
        if is_second {
            let message = "has an identity with two names or subjects; write an entry for each";
            return Err((pair.place, message.to_owned()));
        }
    }
    let (Some((name, pattern)), Some(subject)) = (found, subject) else {
        return Err(wrong());
    };
    Ok(CertificateIdentity {
        name,
        pattern,
        subject,
    })
}

fn text(node: &Node, substitute: Substitute<'_>) -> Result<String, Wrong> {
    let (Content::Text(written) | Content::Bare(written)) = &node.content else {
        let message = "has an identity with something that is no text";
        return Err((node.place, message.to_owned()));
    };
    let text = substitute(written).map_err(|message| (node.place, message))?;
    if text.chars().any(char::is_control) {
        let message = "has an identity with a control character";
        return Err((node.place, message.to_owned()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
- {dns: \"*.nodes.example.com\", subject: \"group:nodes\"}
- {email: \"{user}@example.com\", subject: \"user:{user}\"}
- {common_name: 7, subject: 'a\"b'}
";

    #[test]
    fn identities_read_back_from_one_line() {
        let identities = Vec::<CertificateIdentity>::parse(TEXT).expect("are identities");
        assert_eq!(identities.len(), 3);
        assert_eq!(identities[1].name, CertificateName::Email);
        assert_eq!(identities[1].pattern, "{user}@example.com");
        let again = Vec::<CertificateIdentity>::parse(&identities.shown().text());
        assert_eq!(again, Ok(identities));
        assert_eq!(Vec::<CertificateIdentity>::parse("[]"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_identity_is_told() {
        for (text, part) in [
            ("x", "is no list of identities"),
            ("[x]", "no identity"),
            ("[{dns: a}]", "no identity"),
            ("[{subject: a}]", "no identity"),
            ("[{ip: a, subject: b}]", "unknown key `ip`"),
            ("[{dns: a, uri: b, subject: c}]", "two names"),
            ("[{dns: a, dns: b, subject: c}]", "two names"),
            ("[{dns: [a], subject: b}]", "no text"),
            ("[{dns: \"a\\tb\", subject: b}]", "control character"),
            ("[", "is no list of identities: "),
        ] {
            let message = Vec::<CertificateIdentity>::parse(text).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
