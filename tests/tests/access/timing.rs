//! How long a refusal takes: an unknown name and a wrong password cannot be told apart by it.

use crate::fixture::{Guarded, PASSWORD, basic};
use roadstead_tests::http::Request;
use std::time::{Duration, Instant};

/// How many logins of each kind are measured. Each is of an account of its own, as guesses at one
/// account are slowed.
const LOGINS: usize = 12;
/// A password is hashed for tens of milliseconds, a look into the store takes less than one. If one
/// kind were not hashed, its time would be a small part of the other's.
const LEAST_SHARE: f64 = 0.5;

/// The least of all times: what else the machine does makes a login slower and never faster.
fn least(times: &[Duration]) -> Duration {
    *times.iter().min().expect("something was measured")
}

#[test]
fn case_93_an_unknown_name_takes_as_long_as_a_wrong_password() {
    let guarded = Guarded::start();
    let names: Vec<String> = (0..LOGINS).map(|number| format!("user{number}")).collect();
    for name in &names {
        guarded.add_user(name, &[]);
    }
    let mut connection = guarded.connect();
    let mut time = |name: &str| {
        let login = Request::get("/v2/").header("Authorization", basic(name, "wrong"));
        let begin = Instant::now();
        connection.send(&login).expect_status(401);
        begin.elapsed()
    };
    // In turns, so that what else the machine does meets both kinds.
    let (mut known, mut unknown, mut robots) = (Vec::new(), Vec::new(), Vec::new());
    for name in &names {
        known.push(time(name));
        unknown.push(time(&format!("no-{name}")));
        robots.push(time(&format!("robot+{name}")));
    }
    let (known, unknown, robots) = (least(&known), least(&unknown), least(&robots));
    let share = known.min(unknown).as_secs_f64() / known.max(unknown).as_secs_f64();
    assert!(share > LEAST_SHARE, "{known:?} and {unknown:?}");
    // The measurement sees a hash: a robot's secret, which is long and random, is not hashed so.
    assert!(robots < known / 2, "{robots:?} and {known:?}");
    let right = Request::get("/v2/").header("Authorization", basic("root", PASSWORD));
    guarded.connect().send(&right).expect_status(200);
}
