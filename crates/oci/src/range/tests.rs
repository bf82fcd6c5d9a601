//! Tests of the `Range` header.

use proptest::prelude::*;

use super::*;

fn range(start: u64, end_inclusive: u64) -> ByteRange {
    ByteRange {
        start,
        end_inclusive,
    }
}

fn single(start: u64, end_inclusive: u64) -> RangeOutcome {
    RangeOutcome::Single(range(start, end_inclusive))
}

#[test]
fn single_ranges_are_cut_to_the_blob() {
    for (header, outcome) in [
        ("bytes=0-0", single(0, 0)),
        ("bytes=0-99", single(0, 99)),
        ("bytes=10-100", single(10, 99)),
        ("bytes=10-18446744073709551616", single(10, 99)),
        ("bytes=99-", single(99, 99)),
        ("bytes=-1", single(99, 99)),
        ("bytes=-100", single(0, 99)),
        ("bytes=-101", single(0, 99)),
        ("bytes=-99999999999999999999", single(0, 99)),
        ("Bytes=1-2", single(1, 2)),
        (" bytes= 1-2 \t", single(1, 2)),
        ("bytes=,1-2,,", single(1, 2)),
    ] {
        assert_eq!(ByteRanges::parse(header, 100), outcome, "{header}");
    }
}

#[test]
fn ranges_outside_the_blob_are_unsatisfiable() {
    for header in [
        "bytes=100-",
        "bytes=100-200",
        "bytes=99999999999999999999-",
        "bytes=-0",
        "bytes=5-2",
        "bytes=500-0",
        "bytes=5-2,-0,100-",
    ] {
        assert_eq!(
            ByteRanges::parse(header, 100),
            RangeOutcome::Unsatisfiable,
            "{header}"
        );
    }
}

#[test]
fn an_empty_blob_has_no_range() {
    for header in [
        "bytes=0-",
        "bytes=0-0",
        "bytes=-1",
        "bytes=-0",
        "bytes=0-0,-1",
    ] {
        assert_eq!(
            ByteRanges::parse(header, 0),
            RangeOutcome::Unsatisfiable,
            "{header}"
        );
    }
    assert_eq!(ByteRanges::parse("bytes=abc", 0), RangeOutcome::Whole);
}

#[test]
fn what_is_not_understood_means_the_whole_blob() {
    for header in [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=abc",
        "bytes=-",
        "bytes=--1",
        "bytes=1",
        "bytes=1-2-3",
        "bytes=1-2;3-4",
        "bytes=+1-2",
        "bytes=1 -2",
        "bytes =1-2",
        "items=0-1",
        "bytes=0-1,abc",
        "bytes=0x0-0x1",
        "bytes=\u{0661}-",
    ] {
        assert_eq!(
            ByteRanges::parse(header, 100),
            RangeOutcome::Whole,
            "{header:?}"
        );
    }
}

#[test]
fn several_ranges_keep_their_order() {
    assert_eq!(
        ByteRanges::parse("bytes=50-59, 0-0,-1", 100),
        RangeOutcome::Multiple(vec![range(50, 59), range(0, 0), range(99, 99)])
    );
    assert_eq!(
        ByteRanges::parse("bytes=0-0,-1", 100),
        RangeOutcome::Multiple(vec![range(0, 0), range(99, 99)])
    );
}

#[test]
fn unsatisfiable_ranges_among_others_are_left_out() {
    assert_eq!(
        ByteRanges::parse("bytes=0-0,200-,-0,9-3", 100),
        single(0, 0)
    );
    assert_eq!(
        ByteRanges::parse("bytes=200-,5-6,0-0", 100),
        RangeOutcome::Multiple(vec![range(5, 6), range(0, 0)])
    );
}

#[test]
fn ranges_that_overlap_become_one() {
    assert_eq!(ByteRanges::parse("bytes=0-9,9-19", 100), single(0, 19));
    assert_eq!(ByteRanges::parse("bytes=5-9,0-6", 100), single(0, 9));
    assert_eq!(ByteRanges::parse("bytes=0-,5-6,-3", 100), single(0, 99));
    assert_eq!(ByteRanges::parse("bytes=0-0,-1", 1), single(0, 0));
    assert_eq!(
        ByteRanges::parse("bytes=80-89,10-19,85-95,19-20", 100),
        RangeOutcome::Multiple(vec![range(80, 95), range(10, 20)])
    );
}

#[test]
fn ranges_that_only_touch_stay_apart() {
    assert_eq!(
        ByteRanges::parse("bytes=0-9,10-19,30-39,20-29", 100),
        RangeOutcome::Multiple(vec![
            range(0, 9),
            range(10, 19),
            range(30, 39),
            range(20, 29)
        ])
    );
    assert_eq!(
        ByteRanges::parse("bytes=0-0,-1", 2),
        RangeOutcome::Multiple(vec![range(0, 0), range(1, 1)])
    );
}

#[test]
fn floods_mean_the_whole_blob() {
    let at_limit = format!("bytes={}", vec!["0-1"; MAX_RANGES].join(","));
    let above_limit = format!("{at_limit},0-1");
    let long = format!("bytes=0-1{}", ",".repeat(MAX_HEADER_BYTES));

    assert_eq!(ByteRanges::parse(&at_limit, 100), single(0, 1));
    assert_eq!(ByteRanges::parse(&above_limit, 100), RangeOutcome::Whole);
    assert_eq!(ByteRanges::parse(&long, 100), RangeOutcome::Whole);
}

#[test]
fn the_largest_size_does_not_overflow() {
    let all = ByteRanges::parse("bytes=0-18446744073709551615", u64::MAX);

    assert_eq!(all, single(0, u64::MAX - 1));
    assert_eq!(range(0, u64::MAX - 1).len(), u64::MAX);
}

/// Which bytes a list of elements asks for, one by one.
fn asked_for(elements: &[(Option<u64>, Option<u64>)], size: u64) -> Vec<bool> {
    let mut asked = vec![false; usize::try_from(size).unwrap()];
    for (index, byte) in asked.iter_mut().enumerate() {
        let index = index as u64;
        *byte = elements.iter().any(|element| match *element {
            (Some(first), Some(last)) => (first..=last).contains(&index),
            (Some(first), None) => index >= first,
            (None, Some(length)) => size - index <= length,
            (None, None) => false,
        });
    }
    asked
}

fn element() -> impl Strategy<Value = (Option<u64>, Option<u64>)> {
    let number = || 0..40_u64;
    prop_oneof![
        (number(), number()).prop_map(|(first, last)| (Some(first), Some(last))),
        number().prop_map(|first| (Some(first), None)),
        number().prop_map(|length| (None, Some(length))),
    ]
}

proptest! {
    #[test]
    fn exactly_the_bytes_asked_for_are_given_once(
        elements in proptest::collection::vec(element(), 1..8),
        size in 0..40_u64,
    ) {
        let show = |number: Option<u64>| number.map(|n| n.to_string()).unwrap_or_default();
        let texts: Vec<String> = elements.iter().map(|e| format!("{}-{}", show(e.0), show(e.1))).collect();
        let ranges = match ByteRanges::parse(&format!("bytes={}", texts.join(",")), size) {
            RangeOutcome::Whole => panic!("a legal header was ignored"),
            RangeOutcome::Single(range) => vec![range],
            RangeOutcome::Multiple(ranges) => {
                prop_assert!(ranges.len() > 1);
                ranges
            }
            RangeOutcome::Unsatisfiable => Vec::new(),
        };

        let mut given = vec![false; usize::try_from(size).unwrap()];
        for range in ranges {
            for index in range.start()..=range.end() {
                let byte = &mut given[usize::try_from(index).unwrap()];
                prop_assert!(!*byte, "byte {} is given twice", index);
                *byte = true;
            }
        }
        prop_assert_eq!(given, asked_for(&elements, size));
    }

    #[test]
    fn no_header_makes_it_panic(header in "(bytes=)?[0-9, -]{0,60}|\\PC{0,40}", size in any::<u64>()) {
        let _ = ByteRanges::parse(&header, size);
    }
}
