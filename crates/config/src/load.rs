//! YAML: text to a tree of nodes that know where they stand, and back. The only file that knows
//! `serde_yaml`.
//!
//! The YAML reader tells positions in its errors alone. So every node is numbered in the order it
//! is met, and [`locate`] reads the text once more and raises an error at that node.

use crate::value::Shown;
use crate::{AccessRule, CertificateIdentity};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Mapping, Value};
use std::cell::Cell;
use std::fmt;

/// A place in a text: the number of a node, or of a key, in the order they are met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(usize);

/// A part of a document.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) content: Content,
}

/// What a node holds.
#[derive(Debug)]
pub(crate) enum Content {
    Null,
    /// A number or a boolean, as text; its spelling in the file is lost.
    Bare(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Pair>),
}

/// A key and what it names.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) place: Place,
    pub(crate) key: String,
    pub(crate) node: Node,
}

/// Why a text is no configuration, and at which line and column, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) position: Option<(usize, usize)>,
    pub(crate) message: String,
}

/// Reads a document. An empty one is an empty map.
pub(crate) fn parse(text: &str) -> Result<Node, Malformed> {
    let walk = Walk {
        met: Cell::new(0),
        stop_at: None,
    };
    let document = serde_yaml::Deserializer::from_str(text);
    NodeSeed(&walk)
        .deserialize(document)
        .map_err(|error| malformed(&error))
}

/// Returns line and column of a place, counted from 1, in a text that [`parse`] has read.
pub(crate) fn locate(text: &str, place: Place) -> Option<(usize, usize)> {
    let walk = Walk {
        met: Cell::new(0),
        stop_at: Some(place),
    };
    let document = serde_yaml::Deserializer::from_str(text);
    let error = NodeSeed(&walk).deserialize(document).err()?;
    error
        .location()
        .map(|location| (location.line(), location.column()))
}

fn malformed(error: &serde_yaml::Error) -> Malformed {
    let position = error
        .location()
        .map(|location| (location.line(), location.column()));
    let mut message = error.to_string();
    if let Some((line, column)) = position {
        // The place stands before the message already.
        message = message.replacen(&format!(" at line {line} column {column}"), "", 1);
    }
    Malformed { position, message }
}

/// Writes keys and values as a document, nesting the keys at their dots.
pub(crate) fn write(values: &[(&'static str, Shown)]) -> String {
    let mut document = Mapping::new();
    for (key, shown) in values {
        let mut section = &mut document;
        let mut words: Vec<&str> = key.split('.').collect();
        let last = words.pop().unwrap_or(key);
        for word in words {
            let entry = section
                .entry(Value::from(word))
                .or_insert_with(|| Mapping::new().into());
            section = entry
                .as_mapping_mut()
                .expect("no setting is a section of others");
        }
        section.insert(Value::from(last), value_of(shown));
    }
    serde_yaml::to_string(&document).expect("plain values can be written")
}

fn value_of(shown: &Shown) -> Value {
    match shown {
        Shown::Null => Value::Null,
        Shown::Flag(flag) => Value::from(*flag),
        Shown::Number(number) => Value::from(*number),
        Shown::Text(text) => Value::from(text.as_str()),
        Shown::Chosen => Mapping::new().into(),
        Shown::Rules(rules) => Value::Sequence(rules.iter().map(rule_value).collect()),
        Shown::Identities(identities) => {
            Value::Sequence(identities.iter().map(identity_value).collect())
        }
    }
}

fn identity_value(identity: &CertificateIdentity) -> Value {
    let members = identity.members();
    let members = members.map(|(key, text)| (Value::from(key), Value::from(text)));
    Value::Mapping(members.into_iter().collect())
}

fn rule_value(rule: &AccessRule) -> Value {
    let mut members = Mapping::new();
    for (key, texts) in rule.lists() {
        let texts = texts
            .iter()
            .map(|text| Value::from(text.as_str()))
            .collect();
        members.insert(Value::from(key), Value::Sequence(texts));
    }
    if let Some(effect) = &rule.effect {
        members.insert(Value::from("effect"), Value::from(effect.as_str()));
    }
    members.into()
}

/// Counts what is met, and stops where it is told to.
struct Walk {
    met: Cell<usize>,
    stop_at: Option<Place>,
}

impl Walk {
    fn meet<E: Error>(&self) -> Result<Place, E> {
        let place = Place(self.met.get());
        self.met.set(place.0 + 1);
        if self.stop_at == Some(place) {
            Err(E::custom("here"))
        } else {
            Ok(place)
        }
    }

    fn node<E: Error>(&self, content: Content) -> Result<Node, E> {
        Ok(Node {
            place: self.meet()?,
            content,
        })
    }
}

struct NodeSeed<'a>(&'a Walk);

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value without a tag")
    }

    fn visit_none<E: Error>(self) -> Result<Node, E> {
        self.0.node(Content::Map(Vec::new()))
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        self.0.node(Content::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        self.0.node(Content::Bare(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        self.0.node(Content::Bare(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        self.0.node(Content::Bare(value.to_string()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Node, E> {
        self.0.node(Content::Bare(value.to_string()))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Node, E> {
        self.0.node(Content::Bare(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        self.0.node(Content::Bare(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        self.0.node(Content::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let place = self.0.meet()?;
        let mut nodes = Vec::new();
        while let Some(node) = items.next_element_seed(NodeSeed(self.0))? {
            nodes.push(node);
        }
        Ok(Node {
            place,
            content: Content::List(nodes),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let place = self.0.meet()?;
        let mut pairs = Vec::new();
        while let Some((place, key)) = entries.next_key_seed(KeySeed(self.0))? {
            let node = entries.next_value_seed(NodeSeed(self.0))?;
            pairs.push(Pair { place, key, node });
        }
        Ok(Node {
            place,
            content: Content::Map(pairs),
        })
    }
}

struct KeySeed<'a>(&'a Walk);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = (Place, String);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = (Place, String);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key that is text")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok((self.0.meet()?, key.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(node: &Node) -> &[Pair] {
        match &node.content {
            Content::Map(pairs) => pairs,
            other => panic!("expected a map, found {other:?}"),
        }
    }

    #[test]
    fn keys_and_values_are_located_in_every_style() {
        let text =
            "a: 1\nb:\n  c: \"two\"\n  d: {e: true, 'f': [1, 2]}\n# comment\n\"g\" :\n    x\n";
        let root = parse(text).expect("is YAML");
        let mut found = Vec::new();
        locate_all(text, &root, &mut found);
        let expected = [
            ("a", (1, 1), (1, 4)),
            ("b", (2, 1), (3, 3)),
            ("c", (3, 3), (3, 6)),
            ("d", (4, 3), (4, 6)),
            ("e", (4, 7), (4, 10)),
            ("f", (4, 16), (4, 21)),
            ("g", (6, 1), (7, 5)),
        ];
        assert_eq!(
            found,
            expected.map(|(key, one, two)| (key.to_owned(), one, two))
        );
    }

    type Position = (usize, usize);

    fn locate_all(text: &str, node: &Node, found: &mut Vec<(String, Position, Position)>) {
        let Content::Map(pairs) = &node.content else {
            return;
        };
        for pair in pairs {
            let key = locate(text, pair.place).expect("is there");
            let value = locate(text, pair.node.place).expect("is there");
            found.push((pair.key.clone(), key, value));
            locate_all(text, &pair.node, found);
        }
    }

    #[test]
    fn an_empty_document_is_an_empty_map() {
        for text in ["", "\n", "# only a comment\n"] {
            assert!(map(&parse(text).expect("is YAML")).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_yaml_is_refused_at_its_place() {
        for (text, position) in [
            ("a: [1", Some((2, 1))),
            ("a: b: c", Some((1, 5))),
            ("a: !tag b", Some((1, 4))),
            ("{a: 1}: 2", Some((1, 1))),
            ("a: *nowhere", Some((1, 4))),
        ] {
            let malformed = parse(text).expect_err(text);
            assert_eq!(
                malformed.position, position,
                "{text}: {}",
                malformed.message
            );
        }
        assert!(parse("a: 1\n---\nb: 2\n").is_err());
    }

    #[test]
    fn values_are_written_nested_and_quoted_where_it_matters() {
        let text = write(&[
            ("listen", Shown::Text("[::]:5000".to_owned())),
            ("storage.local.path", Shown::Text("true".to_owned())),
            ("storage.local.cache", Shown::Number(7)),
            ("external_url", Shown::Null),
        ]);
        let expected = "listen: '[::]:5000'\nstorage:\n  local:\n    path: 'true'\n    cache: 7\n\
                        external_url: null\n";
        assert_eq!(text, expected);
    }
}
