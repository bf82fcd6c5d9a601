//! The `Range` header of a blob download (RFC 9110, section 14).

/// The longest header that is looked at, in bytes; a longer one is ignored, which means the whole blob.
const MAX_HEADER_BYTES: usize = 8 * 1024;
/// The most ranges in one header; more are ignored, which means the whole blob.
const MAX_RANGES: usize = 1024;

/// Bytes of a blob, both ends inclusive: at least one, and all within the blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteRange {
    start: u64,
    end_inclusive: u64,
}

#[expect(
    clippy::len_without_is_empty,
    reason = "a range of this kind is never empty"
)]
impl ByteRange {
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

    /// Returns the number of bytes.
    #[must_use]
    pub const fn len(self) -> u64 {
        // The last byte lies below the blob's size, so this cannot overflow.
        self.end_inclusive - self.start + 1
    }
}

/// What a `Range` header asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RangeOutcome {
    /// The header says nothing that is understood: answer 200 with the whole blob.
    Whole,
    /// One range: answer 206.
    Single(ByteRange),
    /// At least two ranges that do not overlap, in the order they were asked for: answer 206 multipart.
    Multiple(Vec<ByteRange>),
    /// No range lies within the blob: answer 416.
    Unsatisfiable,
}

/// The reader of `Range` headers.
#[derive(Debug, Clone, Copy)]
pub struct ByteRanges;

/// One element of the header, before it is held against the blob's size.
#[derive(Debug, Clone, Copy)]
enum RangeSpec {
    /// `first-` or `first-last`
    From { first: u64, last: u64 },
    /// `-length`
    Suffix { length: u64 },
}

impl ByteRanges {
    /// Reads `header` for a blob of `size_bytes`.
    ///
    /// Numbers of more than 64 bits count as the largest one. A range that ends before it begins is unsatisfiable and
    /// not ignored, as the conformance suite has it. Among several ranges the unsatisfiable ones are left out.
    #[must_use]
    pub fn parse(header: &str, size_bytes: u64) -> RangeOutcome {
        if header.len() > MAX_HEADER_BYTES {
            return RangeOutcome::Whole;
        }
        let Some((unit, set)) = header.trim_matches(WHITE_SPACE).split_once('=') else {
            return RangeOutcome::Whole;
        };
        if !unit.eq_ignore_ascii_case("bytes") {
            return RangeOutcome::Whole;
        }

        let mut specs = 0;
        let mut ranges = Vec::new();
        for element in set.split(',') {
            let element = element.trim_matches(WHITE_SPACE);
            // A list may hold empty elements (RFC 9110, section 5.6.1).
            if element.is_empty() {
                continue;
            }
            specs += 1;
            let Some(spec) = RangeSpec::parse(element) else {
                return RangeOutcome::Whole;
            };
            if specs > MAX_RANGES {
                return RangeOutcome::Whole;
            }
            ranges.extend(spec.within(size_bytes));
        }
        if specs == 0 {
            return RangeOutcome::Whole;
        }

        coalesce(&mut ranges);
        match ranges.as_slice() {
            [] => RangeOutcome::Unsatisfiable,
            [range] => RangeOutcome::Single(*range),
            _ => RangeOutcome::Multiple(ranges),
        }
    }
}

const WHITE_SPACE: [char; 2] = [' ', '\t'];

impl RangeSpec {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        if first.is_empty() {
            return Some(Self::Suffix {
                length: saturating_number(last)?,
            });
        }
        let first = saturating_number(first)?;
        let last = if last.is_empty() {
            u64::MAX
        } else {
            saturating_number(last)?
        };
        Some(Self::From { first, last })
    }

    /// Cuts the range to the blob; `None` when nothing is left.
    fn within(self, size_bytes: u64) -> Option<ByteRange> {
        let end_inclusive = size_bytes.checked_sub(1)?;
        let range = match self {
            Self::From { first, last } => ByteRange {
                start: first,
                end_inclusive: last.min(end_inclusive),
            },
            Self::Suffix { length: 0 } => return None,
            Self::Suffix { length } => ByteRange {
                start: size_bytes.saturating_sub(length),
                end_inclusive,
            },
        };
        (range.start <= range.end_inclusive).then_some(range)
    }
}

/// Reads digits; `None` for anything else, [`u64::MAX`] for a number too large.
fn saturating_number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

/// Joins ranges that overlap, so that no request makes the registry send a byte twice.
///
/// Ranges that only touch stay apart: a partial pull of podman asks for neighbouring chunks and reads one part for
/// each of them; joined parts fail its checksums, and it falls back to the whole layer without a word.
/// A joined range takes the place of the first of its parts, as RFC 9110, section 15.3.7.2, asks.
fn coalesce(ranges: &mut Vec<ByteRange>) {
    if ranges.len() < 2 {
        return;
    }
    let mut by_start: Vec<(usize, ByteRange)> = ranges.iter().copied().enumerate().collect();
    by_start.sort_unstable_by_key(|(position, range)| (range.start, *position));

    let mut joined: Vec<(usize, ByteRange)> = Vec::with_capacity(by_start.len());
    for (position, range) in by_start {
        match joined.last_mut() {
            Some((first_position, last)) if range.start <= last.end_inclusive => {
                last.end_inclusive = last.end_inclusive.max(range.end_inclusive);
                *first_position = position.min(*first_position);
            }
            _ => joined.push((position, range)),
        }
    }

    joined.sort_unstable_by_key(|(position, _)| *position);
    ranges.clear();
    ranges.extend(joined.into_iter().map(|(_, range)| range));
}

#[cfg(test)]
mod tests;
