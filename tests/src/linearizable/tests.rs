//! Histories whose verdict is known, and random ones against the search that tries all orders.

use super::{Action, End, Operation, Verdict, judge};

fn operation(action: Action<u8>, began: u64, answered: u64) -> Operation<u8> {
    Operation {
        action,
        began,
        end: End::Answered(answered),
    }
}

fn write(value: u8, began: u64, answered: u64) -> Operation<u8> {
    operation(Action::Write(value), began, answered)
}

fn clear(began: u64, answered: u64) -> Operation<u8> {
    operation(Action::Clear, began, answered)
}

fn read(value: u8, began: u64, answered: u64) -> Operation<u8> {
    operation(Action::Read(Some(value)), began, answered)
}

fn read_nothing(began: u64, answered: u64) -> Operation<u8> {
    operation(Action::Read(None), began, answered)
}

#[test]
fn one_after_the_other_is_linearizable() {
    let history = [
        read_nothing(0, 1),
        write(1, 2, 3),
        read(1, 4, 5),
        write(2, 6, 7),
        read(2, 8, 9),
        clear(10, 11),
        read_nothing(12, 13),
    ];
    assert_eq!(judge(&history), Verdict::Linearizable);
}

#[test]
fn a_read_beside_a_write_may_see_either() {
    for seen in [1, 2] {
        let history = [write(1, 0, 1), write(2, 2, 9), read(seen, 3, 4)];
        assert_eq!(judge(&history), Verdict::Linearizable);
    }
}

#[test]
fn a_stale_read_is_a_violation() {
    let history = [write(1, 0, 1), write(2, 2, 3), read(1, 4, 5)];
    assert_eq!(judge(&history), Verdict::Violated);
}

#[test]
fn a_value_that_comes_back_is_a_violation() {
    let history = [
        write(1, 0, 1),
        write(2, 2, 20),
        read(2, 3, 4),
        read(1, 5, 6),
    ];
    assert_eq!(judge(&history), Verdict::Violated);
}

#[test]
fn a_value_that_nobody_wrote_is_a_violation() {
    assert_eq!(judge(&[write(1, 0, 1), read(3, 2, 3)]), Verdict::Violated);
}

#[test]
fn a_read_before_the_write_began_is_a_violation() {
    assert_eq!(judge(&[read(1, 0, 1), write(1, 2, 3)]), Verdict::Violated);
}

#[test]
fn a_deleted_value_that_is_read_is_a_violation() {
    let history = [write(1, 0, 1), clear(2, 3), read(1, 4, 5)];
    assert_eq!(judge(&history), Verdict::Violated);
}

#[test]
fn two_readers_that_see_two_writes_in_two_orders_are_a_violation() {
    let history = [
        write(1, 0, 20),
        write(2, 0, 20),
        read(1, 1, 2),
        read(2, 3, 4),
        read(1, 5, 6),
    ];
    assert_eq!(judge(&history), Verdict::Violated);
}

#[test]
fn a_write_of_unknown_end_may_come_late_or_never() {
    let lost = Operation {
        action: Action::Write(2),
        began: 2,
        end: End::Unknown,
    };
    let never = [write(1, 0, 1), lost.clone(), read(1, 8, 9)];
    assert_eq!(judge(&never), Verdict::Linearizable);
    let late = [write(1, 0, 1), lost.clone(), read(1, 4, 5), read(2, 6, 7)];
    assert_eq!(judge(&late), Verdict::Linearizable);
    let early = [read(2, 0, 1), lost];
    assert_eq!(judge(&early), Verdict::Violated);
}

/// Tries every order; the judge of the judge.
fn some_order_explains(left: &[Operation<u8>], value: Option<u8>) -> bool {
    if left.iter().all(|operation| operation.end == End::Unknown) {
        return true;
    }
    let horizon = left.iter().map(Operation::answered).min().unwrap();
    (0..left.len()).any(|next| {
        let operation = &left[next];
        let after = match &operation.action {
            _ if operation.began > horizon => return false,
            Action::Write(written) => Some(*written),
            Action::Clear => None,
            Action::Read(seen) if *seen != value => return false,
            Action::Read(seen) => *seen,
        };
        let mut rest = left.to_vec();
        rest.remove(next);
        some_order_explains(&rest, after)
    })
}

#[test]
fn random_histories_get_the_verdict_of_trying_all_orders() {
    let mut random = fastrand::Rng::with_seed(4);
    let mut verdicts = [0, 0];
    for _ in 0..4000 {
        let history: Vec<_> = (0..random.usize(1..=7))
            .map(|_| {
                let began = random.u64(0..12);
                // Few values, so that some are written twice.
                let value = random.u8(1..=3);
                let (action, may_be_lost) = match random.u8(0..8) {
                    0..3 => (Action::Write(value), true),
                    3 => (Action::Clear, true),
                    4 => (Action::Read(None), false),
                    _ => (Action::Read(Some(value)), false),
                };
                let end = if may_be_lost && random.u8(0..5) == 0 {
                    End::Unknown
                } else {
                    End::Answered(began + random.u64(0..6))
                };
                Operation { action, began, end }
            })
            .collect();
        let expected = some_order_explains(&history, None);
        verdicts[usize::from(expected)] += 1;
        let verdict = judge(&history);
        assert_eq!(verdict == Verdict::Linearizable, expected, "{history:#?}");
        assert_ne!(verdict, Verdict::Undecided);
    }
    assert!(verdicts.iter().all(|count| *count > 400), "{verdicts:?}");
}

#[test]
fn many_writers_at_once_are_judged_quickly() {
    let mut random = fastrand::Rng::with_seed(5);
    let mut history = Vec::new();
    let mut value = None;
    // Effects in this order; each operation reaches widely to both sides of its own.
    for moment in (100..4100).step_by(10) {
        let (began, answered) = (moment - random.u64(0..90), moment + random.u64(0..90));
        let action = if random.bool() {
            value = Some(moment);
            Action::Write(moment)
        } else {
            Action::Read(value)
        };
        history.push(Operation {
            action,
            began,
            end: End::Answered(answered),
        });
    }
    assert_eq!(judge(&history), Verdict::Linearizable);
    let stale = history
        .iter()
        .find(|operation| matches!(operation.action, Action::Write(_)));
    let stale = stale.unwrap().action.clone();
    let Action::Write(first) = stale else {
        unreachable!("it was looked for")
    };
    history.push(Operation {
        action: Action::Read(Some(first)),
        began: 5000,
        end: End::Answered(5001),
    });
    assert_eq!(judge(&history), Verdict::Violated);
}
