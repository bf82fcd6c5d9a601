//! `deploy/aws/lifecycle.json` never takes what somebody still needs.

use crate::document;
use roadstead_registry::Settings;
use serde_json::Value;
use std::time::Duration;

fn rules(document: &Value) -> &[Value] {
    document["Rules"].as_array().expect("has rules")
}

fn days(rule: &Value) -> Duration {
    let days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"].as_u64();
    Duration::from_hours(24 * days.expect("a number of days"))
}

#[test]
fn uploads_are_aborted_long_after_an_idle_session_ends() {
    let document = document("aws/lifecycle.json");
    let aborting: Vec<_> = rules(&document)
        .iter()
        .filter(|rule| rule.get("AbortIncompleteMultipartUpload").is_some())
        .collect();
    assert_eq!(aborting.len(), 1);
    // The days count from the begin of an upload, a session's from its last byte: an upload that
    // was resumed late must have its time, too.
    assert!(days(aborting[0]) >= 3 * Settings::default().session_idle);
    assert_eq!(aborting[0]["Filter"]["Prefix"], "PREFIX/data/");
}

#[test]
fn nothing_that_is_current_expires_or_moves() {
    let document = document("aws/lifecycle.json");
    for rule in rules(&document) {
        assert!(rule.get("Transitions").is_none(), "{rule}");
        let expiration = &rule["Expiration"];
        assert!(expiration.get("Days").is_none(), "{rule}");
        assert!(expiration.get("Date").is_none(), "{rule}");
        assert_eq!(rule["Status"], "Enabled");
    }
}
