//! What the metrics tell of logins, tokens and refusals.

use crate::fixture::{Guarded, PASSWORD, basic};
use roadstead_tests::http::Request;

fn value(text: &str, series: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    let line = line.unwrap_or_else(|| panic!("no {series} in {text}"));
    line.trim().parse().expect("is a number")
}

#[test]
fn logins_tokens_and_refusals_are_counted() {
    let guarded = Guarded::start();
    let ops = basic("ops", PASSWORD);
    guarded.connect().get("/v2/").expect_status(401);
    guarded.token(Some(&ops), &["repository:team-a/app:pull"]);
    guarded.token(None, &[]);
    guarded
        .push(&ops, "team-a/app", "1", "x")
        .expect_status(201);
    guarded
        .push(&ops, "team-b/app", "1", "x")
        .expect_status(403);
    for _ in 0..5 {
        let request = Request::get("/v2/");
        guarded
            .send(&basic("ops", "wrong"), request)
            .expect_status(401);
    }
    let request = Request::get("/v2/");
    guarded
        .send(&basic("ops", "wrong"), request)
        .expect_status(429);

    let answer = guarded.0.connect_to_admin().get("/metrics");
    let text = String::from_utf8(answer.body).expect("metrics are text");
    for (series, count) in [
        ("roadstead_logins_total{outcome=\"right\"}", 3),
        ("roadstead_logins_total{outcome=\"wrong\"}", 5),
        ("roadstead_logins_total{outcome=\"slowed\"}", 1),
        ("roadstead_logins_total{outcome=\"failed\"}", 0),
        ("roadstead_tokens_issued_total", 2),
        ("roadstead_denials_total{reason=\"no_credentials\"}", 1),
        ("roadstead_denials_total{reason=\"unauthorized\"}", 5),
        ("roadstead_denials_total{reason=\"forbidden\"}", 1),
        ("roadstead_denials_total{reason=\"slowed\"}", 1),
        ("roadstead_password_hashes_running", 0),
        ("roadstead_password_hashes_waiting", 0),
    ] {
        assert_eq!(value(&text, series), count, "{series} in {text}");
    }
}
