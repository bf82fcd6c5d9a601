//! Pages of lists: what `n` and `last` ask for, and the `Link` to the next page.

use crate::error::PageError;
use crate::parameters;
use crate::respond;
use actix_web::http::header::HeaderValue;
use roadstead_oci::{RepositoryName, encode_query_value, parse_page_size};

/// The most entries of a page, whatever `n` says. crane asks for as many.
const MAX_ENTRIES: usize = 1000;
/// The longest `last`: no name in any list is longer.
const MAX_LAST_BYTES: usize = RepositoryName::MAX_BYTES;

/// What a client asks of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageRequest {
    /// How many entries; `None` when it leaves that to the server.
    pub(crate) limit: Option<usize>,
    /// The entry after which the page begins; it need not exist.
    pub(crate) after: Option<String>,
}

impl PageRequest {
    /// Reads `n`, clamped to 1,000, and `last`.
    pub(crate) fn parse(query: &str) -> Result<Self, PageError> {
        let parameter = |name: &'static str| {
            parameters::single(query, name)
                .map_err(|problem| PageError::Parameter { name, problem })
        };
        let limit = match parameter("n")? {
            Some(text) => {
                let asked = usize::try_from(parse_page_size(&text)?).unwrap_or(usize::MAX);
                Some(asked.min(MAX_ENTRIES))
            }
            None => None,
        };
        let after = parameter("last")?.filter(|last| !last.is_empty());
        if let Some(last) = &after {
            if last.len() > MAX_LAST_BYTES {
                return Err(PageError::TooLong {
                    limit: MAX_LAST_BYTES,
                });
            }
            if last.chars().any(char::is_control) {
                return Err(PageError::Control);
            }
        }
        Ok(Self {
            limit,
            after: after.map(Into::into),
        })
    }
}

/// Writes the `Link` to the page after `last`. Relative, so that no proxy can make it wrong.
/// `extra` holds further parameters, encoded, each followed by `&`.
pub(crate) fn next_link(path: &str, extra: &str, limit: Option<usize>, last: &str) -> HeaderValue {
    let limit = limit.map(|limit| format!("n={limit}&")).unwrap_or_default();
    let last = encode_query_value(last);
    respond::header_value(format!("<{path}?{extra}{limit}last={last}>; rel=\"next\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> PageRequest {
        PageRequest::parse(query).unwrap()
    }

    #[test]
    fn n_and_last_are_optional() {
        assert_eq!(
            page(""),
            PageRequest {
                limit: None,
                after: None
            }
        );
        assert_eq!(
            page("n=0"),
            PageRequest {
                limit: Some(0),
                after: None
            }
        );
        assert_eq!(
            page("last=a%2Fb&n=7"),
            PageRequest {
                limit: Some(7),
                after: Some("a/b".into())
            }
        );
    }

    #[test]
    fn large_n_is_clamped() {
        assert_eq!(page("n=1000000000").limit, Some(MAX_ENTRIES));
        assert_eq!(page("n=18446744073709551615").limit, Some(MAX_ENTRIES));
    }

    #[test]
    fn n_must_be_a_number() {
        for query in [
            "n=-1",
            "n=abc",
            "n=1.5",
            "n=",
            "n=99999999999999999999",
            "n=%zz",
            "n=1&n=2",
            "n=%00",
        ] {
            assert!(PageRequest::parse(query).is_err(), "{query}");
        }
    }

    #[test]
    fn last_must_be_text_no_longer_than_a_name() {
        assert!(PageRequest::parse(&format!("last={}", "a".repeat(255))).is_ok());
        assert!(PageRequest::parse("last=..%2F..%2F").is_ok());
        for last in [
            "a".repeat(256),
            "%00".into(),
            "%0d%0aX: y".into(),
            "%ff".into(),
        ] {
            assert!(
                PageRequest::parse(&format!("last={last}")).is_err(),
                "{last}"
            );
        }
    }

    #[test]
    fn the_link_is_relative_and_escaped() {
        assert_eq!(
            next_link("/v2/team/app/tags/list", "", Some(2), "b"),
            "</v2/team/app/tags/list?n=2&last=b>; rel=\"next\""
        );
        assert_eq!(
            next_link("/v2/_catalog", "a=b&", None, "x/>\"é"),
            "</v2/_catalog?a=b&last=x%2F%3E%22%C3%A9>; rel=\"next\""
        );
    }
}
