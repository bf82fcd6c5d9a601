//! `Range` headers: whatever comes out lies within the blob, and no byte is given twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roadstead_oci::{ByteRange, ByteRanges, RangeOutcome};

fuzz_target!(|input: (u64, &str)| {
    let (size_bytes, header) = input;
    let ranges: Vec<ByteRange> = match ByteRanges::parse(header, size_bytes) {
        RangeOutcome::Whole | RangeOutcome::Unsatisfiable => return,
        RangeOutcome::Single(range) => vec![range],
        RangeOutcome::Multiple(ranges) => {
            assert!(ranges.len() > 1);
            ranges
        }
    };

    let mut sorted = ranges;
    sorted.sort();
    let mut total = 0_u64;
    for range in &sorted {
        assert!(range.start() <= range.end() && range.end() < size_bytes);
        total = total
            .checked_add(range.len())
            .expect("disjoint ranges are no longer than the blob");
    }
    assert!(total <= size_bytes);
    for pair in sorted.windows(2) {
        assert!(pair[0].end() < pair[1].start(), "ranges do not overlap");
    }

    // Asked for again in the plain way, the same ranges come out.
    let texts: Vec<String> = sorted
        .iter()
        .map(|range| format!("{}-{}", range.start(), range.end()))
        .collect();
    let plain = format!("bytes={}", texts.join(","));
    if plain.len() <= 8192 {
        match ByteRanges::parse(&plain, size_bytes) {
            RangeOutcome::Single(range) => assert_eq!(sorted, [range]),
            RangeOutcome::Multiple(ranges) => assert_eq!(sorted, ranges),
            other => panic!("{plain} gave {other:?}"),
        }
    }
});
