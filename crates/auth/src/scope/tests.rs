//! Tests of scopes: how they are read, and how rules narrow them.

use super::*;
use crate::{Identity, SubjectName};
use serde_json::json;

fn read(values: &[&str]) -> Vec<String> {
    let scopes = Scope::parse_all(values.iter().copied()).unwrap();
    scopes.iter().map(ToString::to_string).collect()
}

fn rules() -> RuleSet {
    let rules = json!([
        {"subjects": ["anonymous"], "repositories": ["public/**"], "actions": ["pull"]},
        {"subjects": ["user:dev"], "repositories": ["team/**"], "actions": ["pull", "push"]},
        {"subjects": ["user:dev"], "repositories": ["base/**"], "actions": ["pull"]},
        {"subjects": ["user:ops"], "repositories": ["**"], "actions": ["admin"]},
    ]);
    RuleSet::new(serde_json::from_value(rules).unwrap()).unwrap()
}

fn rights(user: &str) -> Rights {
    Rights::of(Identity::User(SubjectName::parse(user).unwrap()))
}

fn narrowed(values: &[&str], rights: &Rights) -> serde_json::Value {
    let scopes = Scope::parse_all(values.iter().copied()).unwrap();
    json!(TokenAccess::narrowed(&scopes, &rules(), rights))
}

#[test]
fn a_value_may_hold_several_scopes() {
    assert_eq!(
        read(&[
            "repository:a/b:pull repository:c:push,pull",
            "registry:catalog:*"
        ]),
        [
            "repository:a/b:pull",
            "repository:c:pull,push",
            "registry:catalog:*"
        ]
    );
}

#[test]
fn scopes_of_one_repository_become_one() {
    assert_eq!(
        read(&[
            "repository:a:push",
            "repository:a:pull",
            "repository:a:pull"
        ]),
        ["repository:a:pull,push"]
    );
}

#[test]
fn a_class_is_dropped_and_an_unfinished_one_drops_the_scope() {
    assert_eq!(read(&["repository(plugin):a:pull"]), ["repository:a:pull"]);
    assert!(read(&["repository(plugin:a:pull"]).is_empty());
}

#[test]
fn names_are_what_stands_between_the_first_and_the_last_colon() {
    // A name with a port is read whole, and is then no repository of ours.
    assert!(read(&["repository:host:5000/x:pull"]).is_empty());
    assert!(read(&["repository:x:pull:push"]).is_empty());
}

#[test]
fn what_is_no_scope_is_dropped() {
    for text in [
        "",
        ":",
        "::",
        "repository",
        "repository:a",
        "repository::pull",
        "repository:a:",
        "x:a:pull",
        "repository:A:pull",
        "repository:a/../b:pull",
        "repository:team/*:pull",
        "repository:a:PULL",
        "repository:a:admin",
        "registry:catalog:pull",
        "registry:other:*",
        "Repository:a:pull",
        "repository:a:tag-overwrite",
        "\u{0}",
        "repository:a\u{0}:pull",
    ] {
        assert!(read(&[text]).is_empty(), "{text:?}");
    }
    assert_eq!(read(&["repository:a:pull,fly"]), ["repository:a:pull"]);
}

#[test]
fn case_94_too_many_and_too_long_scopes_are_refused() {
    let scope = "repository:a:pull ";
    assert!(Scope::parse_all([scope.repeat(MAX_SCOPES).as_str()]).is_ok());
    assert_eq!(
        Scope::parse_all([scope.repeat(MAX_SCOPES + 1).as_str()]),
        Err(ScopeError::TooMany)
    );
    assert_eq!(
        Scope::parse_all(["x".repeat(MAX_SCOPE_BYTES + 1).as_str()]),
        Err(ScopeError::TooLong)
    );
}

#[test]
fn case_94_rights_that_are_missing_narrow_the_token() {
    let asked = [
        "repository:team/app:pull,push,delete",
        "repository:other:pull",
    ];
    assert_eq!(
        narrowed(&asked, &rights("dev")),
        json!([{"type": "repository", "name": "team/app", "actions": ["pull", "push"]}])
    );
    assert_eq!(narrowed(&asked, &rights("stranger")), json!([]));
}

#[test]
fn case_95_all_actions_become_those_that_the_caller_has() {
    assert_eq!(
        narrowed(&["repository:team/app:*"], &rights("dev")),
        json!([{"type": "repository", "name": "team/app", "actions": ["pull", "push"]}])
    );
    assert_eq!(
        narrowed(&["repository:x:*"], &rights("ops")),
        json!([{"type": "repository", "name": "x", "actions": ["pull", "push", "delete", "*"]}])
    );
    assert_eq!(narrowed(&["registry:catalog:*"], &rights("dev")), json!([]));
    assert_eq!(
        narrowed(&["registry:catalog:*"], &rights("ops")),
        json!([{"type": "registry", "name": "catalog", "actions": ["*"]}])
    );
}

#[test]
fn an_anonymous_token_holds_public_pulls_and_nothing_else() {
    let asked = ["repository:public/x:pull,push repository:team/app:pull registry:catalog:*"];
    assert_eq!(
        narrowed(&asked, &Rights::anonymous()),
        json!([{"type": "repository", "name": "public/x", "actions": ["pull"]}])
    );
}

#[test]
fn a_mount_asks_for_two_repositories_and_gets_what_each_allows() {
    let asked = ["repository:team/app:pull,push repository:base/img:pull repository:secret:pull"];
    let scopes = Scope::parse_all(asked).unwrap();
    let access = TokenAccess::narrowed(&scopes, &rules(), &rights("dev"));
    let name = |text| RepositoryName::parse(text).unwrap();
    let (target, source, secret) = (name("team/app"), name("base/img"), name("secret"));
    assert!(access.covers(&AccessRequest::push(&target)));
    assert!(access.covers(&AccessRequest::pull(&source)));
    assert!(!access.covers(&AccessRequest::push(&source)));
    assert!(!access.covers(&AccessRequest::pull(&secret)));
}

#[test]
fn case_89_names_in_a_token_are_no_patterns() {
    for name in [
        "team/*",
        "team/**",
        "team/ap",
        "TEAM/app",
        "team",
        "team/app/",
        "*",
        "",
    ] {
        let access: TokenAccess = serde_json::from_value(
            json!([{"type": "repository", "name": name, "actions": ["pull", "push"]}]),
        )
        .unwrap();
        let app = RepositoryName::parse("team/app").unwrap();
        assert!(!access.covers(&AccessRequest::pull(&app)), "{name}");
    }
}
