//! Query parameters: found by name, decoded once, and refused when they say two things.

use roadstead_oci::{QueryError, QueryPairs};
use std::borrow::Cow;

/// Why a parameter cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParameterError {
    /// The value has a broken escape or is not UTF-8.
    #[error("value is not valid percent-encoded UTF-8")]
    Undecodable,
    /// The parameter is there twice with different values.
    #[error("parameter is given twice with different values")]
    Conflicting,
}

/// Returns the value of `key`, which may be repeated with the same value.
pub(crate) fn single<'q>(
    query: &'q str,
    key: &str,
) -> Result<Option<Cow<'q, str>>, ParameterError> {
    let mut found: Option<Cow<'q, str>> = None;
    for value in values(query, key) {
        let value = value?;
        match &found {
            Some(earlier) if *earlier != value => return Err(ParameterError::Conflicting),
            Some(_) => {}
            None => found = Some(value),
        }
    }
    Ok(found)
}

/// Iterates over the values of `key` in their order. Other parameters are not looked at.
pub(crate) fn values<'q>(
    query: &'q str,
    key: &str,
) -> impl Iterator<Item = Result<Cow<'q, str>, ParameterError>> {
    QueryPairs::new(query).filter_map(move |pair| match pair {
        Ok((name, value)) if name == key => Some(Ok(value)),
        Err(QueryError::Value(name)) if name == key => Some(Err(ParameterError::Undecodable)),
        Ok(_) | Err(QueryError::Key | QueryError::Value(_)) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_among_others_and_decoded() {
        let query = "x=%zz&_state=a%2Bb&digest=sha256%3Aaa";

        assert_eq!(single(query, "digest"), Ok(Some("sha256:aa".into())));
        assert_eq!(single(query, "mount"), Ok(None));
    }

    #[test]
    fn repeating_a_value_is_harmless_and_two_values_are_not() {
        assert_eq!(single("digest=a&digest=a", "digest"), Ok(Some("a".into())));
        assert_eq!(
            single("digest=a&digest=b", "digest"),
            Err(ParameterError::Conflicting)
        );
    }

    #[test]
    fn a_broken_escape_matters_only_where_it_stands() {
        assert_eq!(single("from=%zz", "from"), Err(ParameterError::Undecodable));
        assert_eq!(single("from=%zz&digest=a", "digest"), Ok(Some("a".into())));
    }
}
