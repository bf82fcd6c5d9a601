//! The `n` parameter of lists.

/// Why a text is not a page size; the answer is `PAGINATION_NUMBER_INVALID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageSizeError {
    /// The text is not decimal digits alone.
    #[error("page size is not a number of digits only")]
    Malformed,
    /// The number does not fit 64 bits.
    #[error("page size is too large")]
    Overflow,
}

/// Reads a page size: digits only, no sign. Zero is legal and means an empty page; the caller clamps large ones.
pub fn parse_page_size(text: &str) -> Result<u64, PageSizeError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PageSizeError::Malformed);
    }
    text.parse().map_err(|_| PageSizeError::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read() {
        assert_eq!(parse_page_size("0"), Ok(0));
        assert_eq!(parse_page_size("007"), Ok(7));
        assert_eq!(parse_page_size("1000000000"), Ok(1_000_000_000));
        assert_eq!(parse_page_size("18446744073709551615"), Ok(u64::MAX));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "", "-1", "+1", " 1", "1 ", "abc", "1.5", "1e3", "0x1", "\u{0661}", "1\0",
        ] {
            assert_eq!(
                parse_page_size(text),
                Err(PageSizeError::Malformed),
                "{text:?}"
            );
        }
        for text in ["18446744073709551616", "99999999999999999999"] {
            assert_eq!(
                parse_page_size(text),
                Err(PageSizeError::Overflow),
                "{text:?}"
            );
        }
    }
}
