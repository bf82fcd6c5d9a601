//! Object names of record keys.
//!
//! Servers that keep objects as files cannot hold `a` beside `a/b`: one name would be a file and a
//! folder. So each name ends with `!`, which comes nowhere else before a slash, and whatever sorts
//! at or below `!` inside a key is written as `!` and two hexadecimal digits. Byte order, prefixes
//! and pages of names are then those of the keys.

use std::fmt::Write;

const END: char = '!';

/// Returns the name of the object that holds a key.
pub(in crate::drivers) fn name(key: &str) -> String {
    let mut name = prefix(key);
    name.push(END);
    name
}

/// Returns what the names of all keys begin with that begin with `prefix`.
pub(in crate::drivers) fn prefix(prefix: &str) -> String {
    let mut name = String::with_capacity(prefix.len() + 1);
    for character in prefix.chars() {
        if character <= END {
            // Writing into a string cannot fail.
            let _ = write!(name, "{END}{:02x}", u32::from(character));
        } else {
            name.push(character);
        }
    }
    name
}

/// Returns the key of a name; `None` for a name that no driver made.
pub(in crate::drivers) fn key(name: &str) -> Option<String> {
    let mut rest = name.strip_suffix(END)?;
    let mut key = String::with_capacity(rest.len());
    while let Some((plain, escaped)) = rest.split_once(END) {
        let digits = escaped.get(..2)?;
        let character = char::from(u8::from_str_radix(digits, 16).ok()?);
        key.push_str(plain);
        key.push(character);
        rest = &escaped[2..];
    }
    key.push_str(rest);
    (self::name(&key) == name).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 21] = [
        "", "\0", "\u{1f}x", " ", "!", "!!", "!21", "\"", "1", "1 ", "1!", "1-alpine", "1.0",
        "1/0", "A", "a", "a b", "a!/b", "a/", "a/b", "é",
    ];

    #[test]
    fn names_sort_as_their_keys_and_are_read_back() {
        for one in KEYS {
            assert_eq!(key(&name(one)).as_deref(), Some(one));
            for other in KEYS {
                assert_eq!(
                    name(one).cmp(&name(other)),
                    one.cmp(other),
                    "{one:?} {other:?}"
                );
                let begins = name(one).starts_with(&prefix(other));
                assert_eq!(begins, one.starts_with(other), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn no_name_is_a_folder_of_another() {
        for one in KEYS {
            for other in KEYS {
                assert!(
                    !name(one).starts_with(&format!("{}/", name(other))),
                    "{one:?} {other:?}"
                );
            }
        }
    }

    #[test]
    fn the_names_of_the_registry_stay_readable() {
        assert_eq!(name("repo/a/b/_tag/1.0"), "repo/a/b/_tag/1.0!");
    }

    #[test]
    fn other_names_are_no_keys() {
        for other in ["", "a", "a!2", "a!zz!", "a!41!", "a!é!", "a!2", "a!+1!"] {
            assert_eq!(key(other), None, "{other:?}");
        }
    }
}
