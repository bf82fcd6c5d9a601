//! Query strings: pairs in, decoded once; and values out.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Why a pair of a query string cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The key has a broken percent escape or is not UTF-8. No parameter of the protocol can be meant.
    #[error("query parameter name is not valid percent-encoded UTF-8")]
    Key,
    /// The value of this key has a broken percent escape or is not UTF-8.
    #[error("value of query parameter {0:?} is not valid percent-encoded UTF-8")]
    Value(String),
}

/// Iterates over the pairs of a raw query string, without the leading `?`, in their order.
///
/// Each key and value is percent-decoded once, `+` counts as a space, a key without `=` has an empty value, and empty
/// pairs are passed over. Nothing is allocated for a pair without escapes.
#[derive(Debug, Clone)]
pub struct QueryPairs<'a> {
    rest: &'a str,
}

impl<'a> QueryPairs<'a> {
    /// Begins at the first pair of `query`.
    #[must_use]
    pub const fn new(query: &'a str) -> Self {
        Self { rest: query }
    }
}

impl<'a> Iterator for QueryPairs<'a> {
    type Item = Result<(Cow<'a, str>, Cow<'a, str>), QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let (pair, rest) = self.rest.split_once('&').unwrap_or((self.rest, ""));
            self.rest = rest;
            if !pair.is_empty() {
                return Some(decode_pair(pair));
            }
        }
    }
}

fn decode_pair(pair: &str) -> Result<(Cow<'_, str>, Cow<'_, str>), QueryError> {
    let (raw_key, raw_value) = pair.split_once('=').unwrap_or((pair, ""));
    let key = decode_form(raw_key).ok_or(QueryError::Key)?;
    match decode_form(raw_value) {
        Some(value) => Ok((key, value)),
        None => Err(QueryError::Value(key.into_owned())),
    }
}

/// Decodes a form value: percent escapes, and `+` for a space.
fn decode_form(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.contains('+') {
        return percent_decode(raw);
    }
    // The plus goes first: an escaped one must stay a plus.
    let spaced = raw.replace('+', " ");
    percent_decode(&spaced).map(|decoded| Cow::Owned(decoded.into_owned()))
}

/// Decodes percent escapes once; `None` when one is broken or the result is not UTF-8.
pub(crate) fn percent_decode(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.contains('%') {
        return Some(Cow::Borrowed(raw));
    }
    let bytes = raw.as_bytes();
    // The decoder leaves a broken escape as it is, and two layers might then read it differently.
    for (index, &byte) in bytes.iter().enumerate() {
        let is_whole = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
        if byte == b'%' && !bytes.get(index + 1..index + 3).is_some_and(is_whole) {
            return None;
        }
    }
    percent_decode_str(raw).decode_utf8().ok()
}

/// Encodes a text so that it can stand as a key or value of a query string, and in a `Link` header.
///
/// Everything but letters, digits, `-`, `.`, `_` and `~` is escaped.
#[must_use]
pub fn encode_query_value(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, RESERVED).into()
}

#[cfg(test)]
mod tests;
