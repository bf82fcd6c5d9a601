//! A strict JSON scanner that goes over a document before anything is built from it.
//!
//! It accepts what RFC 8259 does, less what parsers disagree on: duplicate keys, lone surrogates, numbers beyond a
//! double. It also counts descriptors and checks the few types that serde would let pass. It never recurses: open
//! containers are a list of at most [`MAX_DEPTH`] frames.

use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};

use super::members::{compare_keys, decode_key, place_of_member};
use super::place::Place;
use super::{MAX_DEPTH, MAX_DESCRIPTORS, ManifestError};

/// An object or array that is not closed yet.
struct Frame {
    place: Place,
    close: u8,
    /// Where this object's keys begin in the scanner's list of keys.
    first_key: usize,
}

/// A member's name, with a hash of what it spells: sorting by hash keeps hostile keys from costing more than others.
struct Key<'a> {
    hash: u64,
    raw: &'a str,
}

impl Key<'_> {
    fn compare(&self, other: &Self) -> Ordering {
        self.hash
            .cmp(&other.hash)
            .then_with(|| compare_keys(self.raw, other.raw))
    }
}

/// What has just been read.
enum Step {
    Opened,
    Complete,
}

struct Scanner<'a> {
    text: &'a str,
    position: usize,
    frames: Vec<Frame>,
    /// The keys of all open objects, innermost last.
    keys: Vec<Key<'a>>,
    /// Seeded anew for every document, so that no client can choose keys that collide.
    hasher: RandomState,
    /// Room for the one escaped key that is being hashed.
    decoded: String,
    descriptors: usize,
}

/// Takes the bytes as text.
pub(super) fn text(bytes: &[u8]) -> Result<&str, ManifestError> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.starts_with('\u{feff}') => Err(syntax("byte-order mark", 0)),
        Ok(text) => Ok(text),
        Err(error) => Err(syntax("invalid UTF-8", error.valid_up_to())),
    }
}

/// Goes over a whole document.
pub(super) fn scan(text: &str) -> Result<(), ManifestError> {
    let mut scanner = Scanner {
        text,
        position: 0,
        frames: Vec::new(),
        keys: Vec::new(),
        hasher: RandomState::new(),
        decoded: String::new(),
        descriptors: 0,
    };
    let mut place = Place::Document;
    loop {
        let step = scanner.value(place)?;
        match scanner.next_place(&step)? {
            Some(next) => place = next,
            None => return Ok(()),
        }
    }
}

/// Tells why a value that begins with `byte` may not stand in `place`.
///
/// Only what serde would let pass is checked: it takes an array for a struct, and never looks into annotations.
fn mismatch(place: Place, byte: u8) -> Option<&'static str> {
    match place {
        Place::Document if byte != b'{' => Some("document is not an object"),
        Place::Descriptor if byte == b'[' => Some("descriptor is not an object"),
        Place::Annotations if !matches!(byte, b'{' | b'n') => Some("annotations are not an object"),
        Place::AnnotationValue if byte != b'"' => Some("value of an annotation is not a string"),
        _ => None,
    }
}

fn syntax(reason: &'static str, offset: usize) -> ManifestError {
    ManifestError::Syntax { reason, offset }
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn fail<T>(&self, reason: &'static str) -> Result<T, ManifestError> {
        Err(syntax(reason, self.position))
    }

    /// Passes over white space and returns the byte after it.
    fn next_token(&mut self) -> Option<u8> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
        self.peek()
    }

    /// Reads a scalar to its end, or opens a container.
    fn value(&mut self, place: Place) -> Result<Step, ManifestError> {
        let Some(byte) = self.next_token() else {
            return self.fail("unexpected end");
        };
        if let Some(reason) = mismatch(place, byte) {
            return self.fail(reason);
        }
        if place == Place::Descriptor {
            self.descriptors += 1;
            if self.descriptors > MAX_DESCRIPTORS {
                return Err(ManifestError::TooManyDescriptors);
            }
        }
        match byte {
            b'{' => self.open(place, b'}'),
            b'[' => self.open(place, b']'),
            b'"' => self.string().map(|_| Step::Complete),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.fail("expected a value"),
        }
    }

    fn open(&mut self, place: Place, close: u8) -> Result<Step, ManifestError> {
        if self.frames.len() == MAX_DEPTH {
            return self.fail("nested too deep");
        }
        self.position += 1;
        self.frames.push(Frame {
            place,
            close,
            first_key: self.keys.len(),
        });
        Ok(Step::Opened)
    }

    /// Goes on to the next value and returns its place; `None` at the end of the document.
    fn next_place(&mut self, step: &Step) -> Result<Option<Place>, ManifestError> {
        let mut opened = matches!(step, Step::Opened);
        loop {
            let token = self.next_token();
            let Some(frame) = self.frames.last() else {
                return if token.is_none() {
                    Ok(None)
                } else {
                    self.fail("trailing data")
                };
            };
            let close = frame.close;
            match token {
                Some(byte) if byte == close => {
                    self.position += 1;
                    self.close()?;
                    opened = false;
                }
                Some(_) if opened => return self.element().map(Some),
                Some(b',') => {
                    self.position += 1;
                    return self.element().map(Some);
                }
                Some(_) => return self.fail("expected a comma or the end of an object or array"),
                None => return self.fail("unexpected end"),
            }
        }
    }

    /// Reads up to the value of the next element of the innermost container.
    fn element(&mut self) -> Result<Place, ManifestError> {
        let Some(&Frame { place, close, .. }) = self.frames.last() else {
            return self.fail("trailing data");
        };
        if close == b']' {
            return Ok(if place == Place::DescriptorList {
                Place::Descriptor
            } else {
                Place::Other
            });
        }
        if self.next_token() != Some(b'"') {
            return self.fail("expected a member name");
        }
        let start = self.position;
        let key = self.string()?;
        let hash = self.hash(key);
        self.keys.push(Key { hash, raw: key });
        if self.next_token() != Some(b':') {
            return self.fail("expected a colon");
        }
        self.position += 1;
        place_of_member(place, key).map_err(|reason| syntax(reason, start))
    }

    /// Hashes what a key spells.
    fn hash(&mut self, raw_key: &str) -> u64 {
        if !raw_key.contains('\\') {
            return self.hasher.hash_one(raw_key);
        }
        self.decoded.clear();
        decode_key(raw_key, &mut self.decoded);
        self.hasher.hash_one(self.decoded.as_str())
    }

    fn close(&mut self) -> Result<(), ManifestError> {
        let Some(frame) = self.frames.pop() else {
            return self.fail("trailing data");
        };
        let keys = &mut self.keys[frame.first_key..];
        keys.sort_unstable_by(Key::compare);
        let has_duplicate = keys
            .windows(2)
            .any(|pair| pair[0].compare(&pair[1]).is_eq());
        if has_duplicate {
            return self.fail("duplicate member in the object that ends");
        }
        self.keys.truncate(frame.first_key);
        Ok(())
    }

    fn literal(&mut self, word: &'static str) -> Result<Step, ManifestError> {
        // The position is always at a character's edge: tokens begin with ASCII.
        if !self.text[self.position..].starts_with(word) {
            return self.fail("expected a value");
        }
        self.position += word.len();
        Ok(Step::Complete)
    }

    /// Reads a string and returns the text between its quotes, still escaped.
    fn string(&mut self) -> Result<&'a str, ManifestError> {
        self.position += 1;
        let start = self.position;
        loop {
            match self.peek() {
                None => return self.fail("unexpected end in a string"),
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(0..0x20) => return self.fail("control character in a string"),
                Some(_) => self.position += 1,
            }
        }
        let content = &self.text[start..self.position];
        self.position += 1;
        Ok(content)
    }

    fn escape(&mut self) -> Result<(), ManifestError> {
        self.position += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.position += 1;
                Ok(())
            }
            Some(b'u') => {
                let unit = self.unicode_escape()?;
                match unit {
                    0xd800..0xdc00 => self.low_surrogate(),
                    0xdc00..0xe000 => self.fail("lone surrogate"),
                    _ => Ok(()),
                }
            }
            _ => self.fail("unknown escape"),
        }
    }

    fn low_surrogate(&mut self) -> Result<(), ManifestError> {
        if self.peek() == Some(b'\\') {
            self.position += 1;
            if self.peek() == Some(b'u') && (0xdc00..0xe000).contains(&self.unicode_escape()?) {
                return Ok(());
            }
        }
        self.fail("lone surrogate")
    }

    /// Reads `uXXXX`.
    fn unicode_escape(&mut self) -> Result<u16, ManifestError> {
        let digits = self.text.get(self.position + 1..self.position + 5);
        let is_hex = |digits: &&str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let Some(unit) = digits
            .filter(is_hex)
            .and_then(|digits| u16::from_str_radix(digits, 16).ok())
        else {
            return self.fail("unknown escape");
        };
        self.position += 5;
        Ok(unit)
    }

    fn number(&mut self) -> Result<Step, ManifestError> {
        let start = self.position;
        if self.peek() == Some(b'-') {
            self.position += 1;
        }
        if self.peek() == Some(b'0') {
            self.position += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.position += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.position += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.position += 1;
            }
            self.digits()?;
        }
        let is_finite = self.text[start..self.position]
            .parse::<f64>()
            .is_ok_and(f64::is_finite);
        if is_finite {
            Ok(Step::Complete)
        } else {
            Err(syntax("number out of range", start))
        }
    }

    fn digits(&mut self) -> Result<(), ManifestError> {
        let start = self.position;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.position += 1;
        }
        if self.position == start {
            self.fail("expected a digit")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
