//! The `Content-Range` of an upload chunk, which is not HTTP's: `<first>-<last>`, both inclusive, without a unit.

/// Why a text is not the range of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentRangeError {
    /// The text is not two numbers of 64 bits with a dash between them.
    #[error("content range is not '<first>-<last>'")]
    Malformed,
    /// The last byte comes before the first.
    #[error("content range ends before it begins")]
    Reversed,
}

/// The bytes of an upload that a chunk carries: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    start: u64,
    end_inclusive: u64,
}

#[expect(
    clippy::len_without_is_empty,
    reason = "a range of this kind is never empty"
)]
impl ContentRange {
    /// Reads `0-999`, and HTTP's own form `bytes 0-999/*` or `bytes 0-999/1000`, which some clients send.
    ///
    /// A number of more than 64 bits is malformed.
    pub fn parse(text: &str) -> Result<Self, ContentRangeError> {
        let (span, total) = match text.strip_prefix("bytes ") {
            Some(rest) => {
                let (span, total) = rest.split_once('/').ok_or(ContentRangeError::Malformed)?;
                (
                    span,
                    if total == "*" {
                        None
                    } else {
                        Some(number(total)?)
                    },
                )
            }
            None => (text, None),
        };
        let (first, last) = span.split_once('-').ok_or(ContentRangeError::Malformed)?;
        let range = Self {
            start: number(first)?,
            end_inclusive: number(last)?,
        };
        if range.end_inclusive < range.start {
            return Err(ContentRangeError::Reversed);
        }
        if total.is_some_and(|total| total <= range.end_inclusive) {
            return Err(ContentRangeError::Malformed);
        }
        Ok(range)
    }

    /// Returns the offset of the first byte.
    #[must_use]
    pub const fn start(self) -> u64 {
        self.start
    }

    /// Returns the offset of the last byte.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.end_inclusive
    }

    /// Returns the number of bytes, [`u64::MAX`] also for the one range that holds a byte more than that.
    #[must_use]
    pub const fn len(self) -> u64 {
        (self.end_inclusive - self.start).saturating_add(1)
    }
}

fn number(text: &str) -> Result<u64, ContentRangeError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ContentRangeError::Malformed);
    }
    text.parse().map_err(|_| ContentRangeError::Malformed)
}

#[cfg(test)]
mod tests;
