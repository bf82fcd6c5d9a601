//! Tests of slowed guessing.

use super::*;
use crate::testing::START;
use roadstead_storage::ManualClock;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn guard() -> (BruteForce, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(START));
    (BruteForce::new(clock.clone()), clock)
}

fn fail(guard: &BruteForce, account: &str, from: &str) -> bool {
    guard.begin(account, address(from)).is_ok()
}

fn succeed(guard: &BruteForce, account: &str, from: &str) -> bool {
    guard
        .begin(account, address(from))
        .map(Attempt::was_right)
        .is_ok()
}

#[test]
fn case_93_after_some_failures_each_next_waits_longer() {
    let (guard, clock) = guard();
    for _ in 0..FREE_OF_PAIR {
        assert!(fail(&guard, "ops", "192.0.2.1"));
    }
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        let slow = guard.begin("ops", address("192.0.2.200")).unwrap_err();
        assert_eq!(slow.retry_after, Duration::from_secs(seconds));
        clock.advance(slow.retry_after);
        assert!(fail(&guard, "ops", "192.0.2.1"));
    }
}

#[test]
fn nobody_is_locked_out_by_failures_of_others() {
    let (guard, _) = guard();
    assert!(succeed(&guard, "ops", "198.51.100.7"));
    // Many networks fail in the name of ops, and neighbours fail in other names.
    for network in 0..200 {
        fail(&guard, "ops", &format!("10.0.{network}.1"));
        fail(&guard, &format!("user{network}"), "198.51.100.9");
    }
    assert!(guard.begin("ops", address("203.0.113.1")).is_err());
    assert!(guard.begin("stranger", address("198.51.100.1")).is_err());
    assert!(succeed(&guard, "ops", "198.51.100.7"));
}

#[test]
fn being_right_wipes_the_failures_of_the_pair() {
    let (guard, _) = guard();
    for _ in 0..3 {
        for _ in 1..FREE_OF_PAIR {
            assert!(fail(&guard, "ops", "192.0.2.1"));
        }
        assert!(succeed(&guard, "ops", "192.0.2.1"));
    }
}

#[test]
fn many_who_are_right_are_never_slowed() {
    let (guard, _) = guard();
    for number in 0..1000 {
        assert!(succeed(
            &guard,
            &format!("user{}", number % 10),
            "192.0.2.1"
        ));
    }
}

#[test]
fn attempts_at_once_count_before_they_have_failed() {
    let (guard, _) = guard();
    let attempts: Vec<_> = (0..20)
        .filter_map(|_| guard.begin("ops", address("192.0.2.1")).ok())
        .collect();
    assert_eq!(attempts.len(), FREE_OF_PAIR as usize);
    attempts.iter().for_each(Attempt::take_back);
    assert!(fail(&guard, "ops", "192.0.2.1"));
}

#[test]
fn failures_are_forgotten_after_a_while() {
    let (guard, clock) = guard();
    for _ in 0..FREE_OF_PAIR {
        assert!(fail(&guard, "ops", "192.0.2.1"));
    }
    assert!(!fail(&guard, "ops", "192.0.2.1"));
    clock.advance(FORGET_AFTER);
    for _ in 0..FREE_OF_PAIR {
        assert!(fail(&guard, "ops", "192.0.2.1"));
    }
}

#[test]
fn a_network_is_a_24_or_a_64() {
    let same = |a, b| Network::of(address(a)) == Network::of(address(b));
    assert!(same("192.0.2.1", "192.0.2.255") && !same("192.0.2.1", "192.0.3.1"));
    assert!(same("::ffff:192.0.2.1", "192.0.2.9"));
    assert!(same("2001:db8::1", "2001:db8::ffff:ffff:0:1"));
    assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
}

#[test]
fn what_is_remembered_is_bounded() {
    let (guard, _) = guard();
    for number in 0..60_000_u32 {
        let from = Ipv4Addr::from(number << 8).into();
        let _ = guard.begin(&format!("user{number}"), from);
    }
    guard.pairs.failures.run_pending_tasks();
    assert!(guard.pairs.failures.entry_count() <= REMEMBERED);
    let _ = guard.begin(&"x".repeat(1_000_000), address("192.0.2.1"));
}
