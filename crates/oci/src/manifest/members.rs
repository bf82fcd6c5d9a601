//! Member names: which ones mean something, and when two spellings are one name to some parser.
//!
//! Works on the text between a key's quotes, still escaped, which the scanner has found well formed.

use std::cmp::Ordering;
use std::str::Chars;

use super::place::Place;

/// Known members of a document. `fsLayers` marks docker's schema 1, which is refused in any spelling.
const DOCUMENT_MEMBERS: [&str; 9] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
    "fsLayers",
];

/// Known members of a descriptor.
const DESCRIPTOR_MEMBERS: [&str; 8] = [
    "mediaType",
    "digest",
    "size",
    "urls",
    "annotations",
    "data",
    "artifactType",
    "platform",
];

/// Returns the place of a member's value, or why the member may not be there.
pub(super) fn place_of_member(parent: Place, raw_key: &str) -> Result<Place, &'static str> {
    let known: &[&'static str] = match parent {
        Place::Document => &DOCUMENT_MEMBERS,
        Place::Descriptor => &DESCRIPTOR_MEMBERS,
        Place::Annotations => return Ok(Place::AnnotationValue),
        _ => return Ok(Place::Other),
    };
    match (parent, known_name(known, raw_key)?) {
        (Place::Document, Some("fsLayers")) => Err("docker schema 1 is not supported"),
        (Place::Document, Some("config" | "subject")) => Ok(Place::Descriptor),
        (Place::Document, Some("layers" | "manifests")) => Ok(Place::DescriptorList),
        (_, Some("annotations")) => Ok(Place::Annotations),
        _ => Ok(Place::Other),
    }
}

/// Finds the known name that `raw_key` spells. Go's decoder ignores case, so a mere resemblance is an error.
fn known_name(known: &[&'static str], raw_key: &str) -> Result<Option<&'static str>, &'static str> {
    if let Some(name) = known.iter().find(|name| **name == raw_key) {
        return Ok(Some(name));
    }
    for name in known {
        if Decoded::new(raw_key).eq(name.chars()) {
            return Ok(Some(name));
        }
        if Decoded::new(raw_key).map(fold).eq(name.chars().map(fold)) {
            return Err("member name differs from a known one in case alone");
        }
    }
    Ok(None)
}

/// Folds case as Go's JSON decoder does for ASCII names: two letters beyond ASCII fold into it.
const fn fold(character: char) -> char {
    match character {
        '\u{017f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    }
}

/// Orders keys by what they spell rather than how.
pub(super) fn compare_keys(left: &str, right: &str) -> Ordering {
    if left.contains('\\') || right.contains('\\') {
        return Decoded::new(left).cmp(Decoded::new(right));
    }
    // The order of UTF-8 bytes is the order of characters, so both ways agree.
    left.cmp(right)
}

/// Appends what a key spells.
pub(super) fn decode_key(raw_key: &str, decoded: &mut String) {
    decoded.extend(Decoded::new(raw_key));
}

/// The characters of a well formed JSON string.
struct Decoded<'a> {
    raw: Chars<'a>,
}

impl<'a> Decoded<'a> {
    fn new(raw: &'a str) -> Self {
        Self { raw: raw.chars() }
    }

    fn hex4(&mut self) -> u32 {
        let mut value = 0;
        for digit in self.raw.by_ref().take(4) {
            value = value * 16 + digit.to_digit(16).unwrap_or(0);
        }
        value
    }
}

impl Iterator for Decoded<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let character = self.raw.next()?;
        if character != '\\' {
            return Some(character);
        }
        let decoded = match self.raw.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = self.hex4();
                let scalar = if (0xd800..0xdc00).contains(&unit) {
                    // The scanner has made sure that `\u` and a low surrogate follow.
                    self.raw.by_ref().take(2).for_each(drop);
                    0x1_0000 + ((unit - 0xd800) << 10) + (self.hex4() & 0x3ff)
                } else {
                    unit
                };
                char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            other => other,
        };
        Some(decoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded() {
        let decoded: String = Decoded::new(r#"a\u0041\"\\\/\b\f\n\r\t\ud83d\ude00é"#).collect();

        assert_eq!(decoded, "aA\"\\/\u{8}\u{c}\n\r\t😀é");
    }

    #[test]
    fn spelling_does_not_change_the_order_of_keys() {
        assert_eq!(compare_keys("layers", r"\u006cayers"), Ordering::Equal);
        assert_eq!(compare_keys("a", r"\u0062"), Ordering::Less);
        assert_eq!(compare_keys("a", "b"), Ordering::Less);
        assert_eq!(compare_keys(r"\ud83d\ude00", "😀"), Ordering::Equal);
    }

    #[test]
    fn case_alone_makes_a_name_ambiguous() {
        for key in [
            "Layers",
            "LAYERS",
            "layer\u{017f}",
            r"\u004cayers",
            "FSLAYERS",
            "mediatype",
        ] {
            assert!(place_of_member(Place::Document, key).is_err(), "{key}");
        }
        assert!(place_of_member(Place::Descriptor, "Digest").is_err());
        assert!(place_of_member(Place::Descriptor, "Layers").is_ok());
        assert!(place_of_member(Place::Other, "Layers").is_ok());
    }

    #[test]
    fn an_escaped_known_name_is_that_name() {
        assert_eq!(
            place_of_member(Place::Document, r"\u006cayers"),
            Ok(Place::DescriptorList)
        );
        assert_eq!(
            place_of_member(Place::Document, "layers"),
            Ok(Place::DescriptorList)
        );
        assert_eq!(
            place_of_member(Place::Document, "layers2"),
            Ok(Place::Other)
        );
    }
}
