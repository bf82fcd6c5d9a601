//! Digests: an accepted text is the digest's own, by every way in and out. Stored hash states never panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roadstead_oci::{Algorithm, Digest, Hasher, Midstate, Tag, referrers_fallback_tag};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(digest) = Digest::parse(text)
    {
        assert_eq!(digest.to_string(), text);
        assert_eq!(
            Digest::from_bytes(digest.algorithm(), digest.as_bytes()).as_ref(),
            Ok(&digest)
        );
        assert_eq!(text, format!("{}:{}", digest.algorithm(), digest.hex()));
        let tag = referrers_fallback_tag(&digest);
        assert_eq!(Tag::parse(tag.as_str()), Ok(tag));
    }

    if let Ok(mut hasher) = Hasher::resume(&Midstate::from_bytes(bytes)) {
        hasher.update(bytes);
        let _ = hasher.finish();
    }

    for algorithm in Algorithm::ALL {
        let (before, after) = bytes.split_at(bytes.len() / 3);
        let mut hasher = Hasher::new(algorithm);
        hasher.update(before);
        let mut resumed = Hasher::resume(&hasher.midstate()).expect("a fresh state resumes");
        resumed.update(after);
        assert_eq!(resumed.offset(), bytes.len() as u64);
        assert_eq!(resumed.finish(), Digest::of(algorithm, bytes));
    }
});
