//! Tests of resumable hashing.

use proptest::prelude::*;

use super::*;

/// Rewrites one byte of a stored state and makes its checksum right again.
fn forge(midstate: &Midstate, index: usize, value: u8) -> Midstate {
    let mut bytes = midstate.as_bytes().to_vec();
    let body = bytes.len() - 4;
    bytes[index] = value;
    let checksum = crc32fast::hash(&bytes[..body]);
    bytes[body..].copy_from_slice(&checksum.to_le_bytes());
    Midstate::from_bytes(&bytes)
}

fn hashed(algorithm: Algorithm, content: &[u8]) -> Hasher {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(content);
    hasher
}

#[test]
fn nothing_hashes_to_the_empty_digest() {
    for algorithm in Algorithm::ALL {
        let hasher = Hasher::new(algorithm);

        assert_eq!(hasher.offset(), 0);
        assert_eq!(hasher.algorithm(), algorithm);
        assert_eq!(hasher.finish(), Digest::of(algorithm, b""));
    }
}

#[test]
fn midstates_have_the_documented_sizes() {
    assert_eq!(
        Hasher::new(Algorithm::Sha256).midstate().as_bytes().len(),
        118
    );
    assert_eq!(
        Hasher::new(Algorithm::Sha512).midstate().as_bytes().len(),
        222
    );
}

/// The guard of the stored layout: these were written by version 1, and every later build must read or refuse them.
#[test]
fn stored_states_of_version_one_still_resume() {
    for (stored, algorithm) in [
        (STORED_SHA256, Algorithm::Sha256),
        (STORED_SHA512, Algorithm::Sha512),
    ] {
        let midstate: Midstate = serde_json::from_str(&format!("{stored:?}")).unwrap();

        let mut hasher = Hasher::resume(&midstate).unwrap();

        assert_eq!(hasher.offset(), 300);
        hasher.update(b"end");
        let mut content = vec![b'x'; 300];
        content.extend_from_slice(b"end");
        assert_eq!(hasher.finish(), Digest::of(algorithm, &content));
        assert_eq!(hashed(algorithm, &[b'x'; 300]).midstate(), midstate);
    }
}

const STORED_SHA256: &str = "\
    AQEsAQAAAAAAACkGIJeeUM87jG7G8o2wztSG579cC/x0Qyx+nWuqVXCJBAAAAAAAAAAseHh4eHh4eHh4eHh4eHh4eHh4eHh4\
    eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHgAAAAAAAAAAAAAAAAAAAAAAAAA8QJU5w==";
const STORED_SHA512: &str = "\
    AQIsAQAAAAAAAN3ABPjUZplH1eXA1W/iXIfmyslILhCHwXNcwQjrSz462eesOvSJ8F4SYb38R9NSe2PxSwaeTwH6TuANdMo8\
    x9QCAAAAAAAAAAAAAAAAAAAALHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4AAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AABfMX1z";

#[test]
fn an_unknown_version_is_refused() {
    let midstate = forge(&hashed(Algorithm::Sha256, b"abc").midstate(), 0, 9);

    assert_eq!(
        Hasher::resume(&midstate).err(),
        Some(MidstateError::UnknownVersion(9))
    );
}

#[test]
fn an_unknown_algorithm_is_refused() {
    let midstate = forge(&hashed(Algorithm::Sha256, b"abc").midstate(), 1, 3);

    assert_eq!(
        Hasher::resume(&midstate).err(),
        Some(MidstateError::Algorithm)
    );
}

#[test]
fn a_state_of_the_other_algorithm_is_refused() {
    let midstate = forge(&hashed(Algorithm::Sha256, b"abc").midstate(), 1, 2);

    assert_eq!(Hasher::resume(&midstate).err(), Some(MidstateError::Length));
}

#[test]
fn an_offset_that_is_not_the_states_is_refused() {
    for algorithm in Algorithm::ALL {
        let midstate = forge(&hashed(algorithm, b"abc").midstate(), 2, 4);

        assert_eq!(Hasher::resume(&midstate).err(), Some(MidstateError::State));
    }
}

#[test]
fn a_buffer_fill_beyond_a_block_is_refused() {
    // The fill stands behind header, words and block count; the offset is forged to agree with it.
    let filled = forge(
        &hashed(Algorithm::Sha256, b"abc").midstate(),
        10 + 32 + 8,
        200,
    );
    let midstate = forge(&filled, 2, 200);

    assert_eq!(Hasher::resume(&midstate).err(), Some(MidstateError::State));
}

#[test]
fn an_offset_beyond_any_upload_is_refused() {
    // 2^56 blocks of 64 bytes and three more: the count of bits would not fit 64.
    let mut midstate = hashed(Algorithm::Sha256, b"abc").midstate();
    midstate = forge(&midstate, 10 + 32 + 7, 1);
    midstate = forge(&midstate, 2 + 7, 0x40);

    assert_eq!(Hasher::resume(&midstate).err(), Some(MidstateError::State));
}

#[test]
fn a_damaged_byte_anywhere_is_refused() {
    let midstate = hashed(Algorithm::Sha256, b"some bytes").midstate();
    for index in 0..midstate.as_bytes().len() {
        let mut bytes = midstate.as_bytes().to_vec();
        bytes[index] ^= 0x40;

        assert!(
            Hasher::resume(&Midstate::from_bytes(&bytes)).is_err(),
            "byte {index}"
        );
    }
}

#[test]
fn a_wrong_length_is_refused() {
    let midstate = hashed(Algorithm::Sha512, b"some bytes").midstate();
    for length in 0..midstate.as_bytes().len() {
        assert!(
            Hasher::resume(&Midstate::from_bytes(&midstate.as_bytes()[..length])).is_err(),
            "{length} bytes"
        );
    }
    let longer = [midstate.as_bytes(), &[0]].concat();
    assert!(Hasher::resume(&Midstate::from_bytes(&longer)).is_err());
}

#[test]
fn json_form_is_base64_and_keeps_what_it_cannot_read() {
    let later = Midstate::from_bytes(&[77, 1, 2, 3]);

    let json = serde_json::to_string(&later).unwrap();
    let read: Midstate = serde_json::from_str(&json).unwrap();

    assert_eq!(json, "\"TQECAw==\"");
    assert_eq!(
        Hasher::resume(&read).err(),
        Some(MidstateError::UnknownVersion(77))
    );
    assert!(serde_json::from_str::<Midstate>("\"not base64\"").is_err());
    assert!(serde_json::from_str::<Midstate>(&format!("\"{}\"", "A".repeat(1028))).is_err());
}

proptest! {
    #[test]
    fn a_stream_cut_anywhere_hashes_to_the_same(
        content in proptest::collection::vec(any::<u8>(), 0..700),
        cuts in proptest::collection::vec(0..700_usize, 0..6),
    ) {
        for algorithm in Algorithm::ALL {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| (*cut).min(content.len())).collect();
            cuts.sort_unstable();
            let mut hasher = Hasher::new(algorithm);
            let mut start = 0;
            for cut in cuts.into_iter().chain([content.len()]) {
                hasher.update(&content[start..cut]);
                start = cut;
                let json = serde_json::to_string(&hasher.midstate()).unwrap();
                let midstate: Midstate = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(midstate.offset(), Ok(cut as u64));
                prop_assert_eq!(midstate.algorithm(), Ok(algorithm));
                hasher = Hasher::resume(&midstate).unwrap();
                prop_assert_eq!(hasher.offset(), cut as u64);
            }
            prop_assert_eq!(hasher.finish(), Digest::of(algorithm, &content));
        }
    }

    #[test]
    fn no_bytes_make_resume_panic(bytes in proptest::collection::vec(any::<u8>(), 0..240)) {
        let _ = Hasher::resume(&Midstate::from_bytes(&bytes));
    }
}
