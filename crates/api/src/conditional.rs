//! Conditional requests: `If-None-Match` and `If-Range` against a digest (RFC 9110, section 13).

use actix_web::http::header::{self, HeaderMap};
use roadstead_oci::Digest;

/// Tells whether the client already has this content, so that 304 is the answer.
///
/// Takes `*`, lists, weak tags, and digests without quotes, which docker sends. Anything else
/// matches nothing.
pub(crate) fn is_not_modified(headers: &HeaderMap, digest: &Digest) -> bool {
    let mut fields = headers.get_all(header::IF_NONE_MATCH).peekable();
    if fields.peek().is_none() {
        return false;
    }
    let digest = digest.to_string();
    fields.filter_map(|field| field.to_str().ok()).any(|field| {
        field
            .split(',')
            .map(|tag| tag.trim_matches([' ', '\t']))
            .any(|tag| {
                // The comparison is the weak one (section 13.1.2).
                tag == "*" || unquote(tag.strip_prefix("W/").unwrap_or(tag)) == digest
            })
    })
}

/// Tells whether a `Range` of this request may be honoured.
///
/// Without `If-Range` it may; with one only if it is this content's strong entity tag. A date never
/// matches: content has no date here.
pub(crate) fn may_use_range(headers: &HeaderMap, digest: &Digest) -> bool {
    let Some(validator) = headers.get(header::IF_RANGE) else {
        return true;
    };
    validator
        .to_str()
        .is_ok_and(|text| unquote(text.trim_matches([' ', '\t'])) == digest.to_string())
}

fn unquote(tag: &str) -> &str {
    tag.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};
    use roadstead_oci::Algorithm;

    fn digest() -> Digest {
        Digest::of(Algorithm::Sha256, b"content")
    }

    fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_matching_entity_tag_in_any_form_means_not_modified() {
        let digest = digest();
        for value in [
            format!("\"{digest}\""),
            digest.to_string(),
            format!("W/\"{digest}\""),
            format!("\"other\", \"{digest}\""),
            format!(" \"{digest}\" ,\"other\""),
            "*".to_owned(),
        ] {
            assert!(
                is_not_modified(&headers(&header::IF_NONE_MATCH, &[&value]), &digest),
                "{value}"
            );
        }
        let second = headers(&header::IF_NONE_MATCH, &["\"other\"", &digest.to_string()]);
        assert!(is_not_modified(&second, &digest));
    }

    #[test]
    fn garbage_and_other_entity_tags_are_ignored() {
        let digest = digest();
        let long = vec!["\"sha256:00\""; 100].join(",");
        for value in ["", ",,,", "\"", "W/", "\"sha256:00\"", "**", &long] {
            assert!(
                !is_not_modified(&headers(&header::IF_NONE_MATCH, &[value]), &digest),
                "{value}"
            );
        }
        assert!(!is_not_modified(&HeaderMap::new(), &digest));
    }

    #[test]
    fn if_range_needs_the_strong_entity_tag() {
        let digest = digest();
        assert!(may_use_range(&HeaderMap::new(), &digest));
        assert!(may_use_range(
            &headers(&header::IF_RANGE, &[&format!("\"{digest}\"")]),
            &digest
        ));
        for value in [
            format!("W/\"{digest}\""),
            "\"x\"".into(),
            "Wed, 21 Oct 2015 07:28:00 GMT".into(),
        ] {
            assert!(
                !may_use_range(&headers(&header::IF_RANGE, &[&value]), &digest),
                "{value}"
            );
        }
    }
}
