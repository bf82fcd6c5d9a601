//! Tests of patterns: examples, tricks, and a comparison with a matcher that tries everything.

use super::*;
use proptest::prelude::*;

fn matches(pattern: &str, name: &str) -> bool {
    matches_for(pattern, name, None)
}

fn matches_for(pattern: &str, name: &str, user: Option<&str>) -> bool {
    let user = user.map(|user| SubjectName::parse(user).unwrap());
    PathPattern::parse(pattern)
        .unwrap()
        .matches(&RepositoryName::parse(name).unwrap(), user.as_ref())
}

#[test]
fn two_stars_at_the_end_match_everything_below_and_not_the_folder_itself() {
    assert!(matches("team-a/**", "team-a/app"));
    assert!(matches("team-a/**", "team-a/x/y/z"));
    assert!(!matches("team-a/**", "team-a"));
}

#[test]
fn a_prefix_without_a_slash_is_another_folder() {
    assert!(!matches("team-a/**", "team-ab/app"));
    assert!(!matches("team-a/**", "team-a.evil/app"));
    assert!(!matches("team-a/**", "x/team-a/app"));
    assert!(!matches("team-a", "team-ab"));
}

#[test]
fn a_path_that_climbs_is_no_name_and_so_meets_no_pattern() {
    for text in [
        "team-a/../b",
        "team-a/./b",
        "team-a//b",
        "/team-a/b",
        "team-a/b/",
        "team-a/%2e%2e/b",
    ] {
        assert!(RepositoryName::parse(text).is_err(), "{text}");
        assert!(PathPattern::parse(text).is_err(), "{text}");
    }
}

#[test]
fn one_star_stays_inside_its_component() {
    assert!(matches("*/base", "x/base"));
    assert!(!matches("*/base", "base"));
    assert!(!matches("*/base", "x/y/base"));
    assert!(matches("app-*", "app-1"));
    assert!(!matches("app-*", "app-1/x"));
    assert!(matches("a*b*c", "a1b2c"));
    assert!(!matches("a*b*c", "acb"));
    assert!(!matches("ab*b", "ab"));
}

#[test]
fn two_stars_elsewhere_match_any_number_of_components() {
    assert!(matches("**", "a") && matches("**", "a/b/c"));
    assert!(matches("**/base", "base") && matches("**/base", "a/b/base"));
    assert!(!matches("**/base", "a/base/b"));
    assert!(matches("a/**/z", "a/z") && matches("a/**/z", "a/b/c/z"));
    assert!(matches("**/x/**/y", "a/x/x/b/y"));
    assert!(!matches("**/x/**/y", "a/y/x"));
}

#[test]
fn the_user_is_the_callers_own_component_only() {
    assert!(matches_for("{user}/**", "ops/app", Some("ops")));
    assert!(!matches_for("{user}/**", "ops2/app", Some("ops")));
    assert!(!matches_for("{user}/**", "ops/app", Some("Ops")));
    assert!(!matches_for("{user}/**", "ops/app", None));
    assert!(matches_for("home/{user}", "home/ops", Some("ops")));
    assert!(!matches_for("{user}/**", "a/b", Some("a@b")));
}

#[test]
fn only_what_can_match_is_a_pattern() {
    for text in [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        "Team/**",
        "a?",
        "[ab]",
        "a**",
        "**a",
        "***",
        "{user}-x",
        "{group}",
        "{user",
        "..",
        "a/../b",
        "a b",
        "é",
        "a:b",
        ".a",
        "a-",
        &"a".repeat(256),
    ] {
        assert!(PathPattern::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_tag_pattern_keeps_the_case_and_the_ends() {
    let matches = |pattern: &str, tag: &str| {
        TagPattern::parse(pattern)
            .unwrap()
            .matches(&Tag::parse(tag).unwrap())
    };
    assert!(
        matches("v*", "v1") && matches("v*", "v") && !matches("v*", "V1") && !matches("v*", "xv1")
    );
    assert!(matches("*-rc*", "1-rc1") && matches("*", "latest") && !matches("1.0", "1x0"));
    for text in ["", "a/b", "a:b", "é", "a b", &"a".repeat(129)] {
        assert!(TagPattern::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_pattern_full_of_stars_is_matched_without_trying_every_way() {
    let pattern = PathPattern::parse(&format!("{}zz", "**/*a*a/".repeat(30))).unwrap();
    let name = RepositoryName::parse(&format!("{}b", "aa/".repeat(80))).unwrap();
    assert!(!pattern.matches(&name, None));
}

/// Tries every way; the reference. Shared with the tests of rules.
pub(crate) fn reference(pattern: &str, name: &str, user: Option<&str>) -> bool {
    fn glob(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|skip| glob(rest, &text[skip..])),
            Some((first, rest)) => text.first() == Some(first) && glob(rest, &text[1..]),
        }
    }
    fn path(pattern: &[&str], name: &[&str], user: Option<&str>, is_first: bool) -> bool {
        let Some((first, rest)) = pattern.split_first() else {
            return name.is_empty();
        };
        if *first == "**" {
            let least = usize::from(rest.is_empty() && !is_first);
            return (least..=name.len()).any(|skip| path(rest, &name[skip..], user, false));
        }
        let Some((head, tail)) = name.split_first() else {
            return false;
        };
        let is_match = if *first == "{user}" {
            user == Some(*head)
        } else {
            glob(first.as_bytes(), head.as_bytes())
        };
        is_match && path(rest, tail, user, false)
    }
    let pattern: Vec<&str> = pattern.split('/').collect();
    let name: Vec<&str> = name.split('/').collect();
    path(&pattern, &name, user, true)
}

proptest! {
    #[test]
    fn matching_equals_trying_every_way(
        pattern in "(\\*\\*|\\{user\\}|\\*|a|b|ab|a\\*|\\*b|a\\*b)(/(\\*\\*|\\{user\\}|\\*|a|b|ab|a\\*|\\*b)){0,4}",
        name in "[ab]{1,3}(/[ab]{1,3}){0,4}",
        user in proptest::option::of("[ab]{1,2}"),
    ) {
        let expected = reference(&pattern, &name, user.as_deref());
        prop_assert_eq!(matches_for(&pattern, &name, user.as_deref()), expected);
    }
}
