//! Headers of the PROXY protocol: no panic, nothing read over the limits, and what is read as an
//! address reads the same from a header that is written again.
#![no_main]

#[path = "../../../crates/api/src/proxy_protocol/header.rs"]
mod header;

use libfuzzer_sys::fuzz_target;
use std::net::SocketAddr;

fuzz_target!(|bytes: &[u8]| {
    assert!(!header::wants_more(bytes) || bytes.len() < 107);
    if bytes.starts_with(header::SECOND)
        && let Ok(length) = header::second_length(bytes)
    {
        assert!(length <= 2048 && length >= header::START_BYTES + header::REST_OF_SECOND);
    }
    let Ok(Some(client)) = header::parse(bytes) else {
        return;
    };
    let (family, target) = match client {
        SocketAddr::V4(_) => ("TCP4", "0.0.0.0"),
        SocketAddr::V6(_) => ("TCP6", "::"),
    };
    let line = format!(
        "PROXY {family} {} {target} {} 0\r\n",
        client.ip(),
        client.port()
    );
    assert_eq!(header::parse(line.as_bytes()), Ok(Some(client)), "{line}");
});
