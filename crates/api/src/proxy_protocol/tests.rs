//! Tests of headers, good and bad. Over sockets they are tested with the whole server.

use super::header::{SECOND, parse, second_length, wants_more};

fn second(start: [u8; 2], payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&SECOND[..], &start, &length, payload].concat()
}

fn found(bytes: &[u8]) -> Option<String> {
    let client = parse(bytes).expect("is a header");
    client.map(|client| client.to_string())
}

#[test]
fn a_line_names_the_client() {
    for (line, client) in [
        (
            "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n",
            Some("192.0.2.7:56324"),
        ),
        (
            "PROXY TCP6 2001:db8::7 fd00::1 56324 443\r\n",
            Some("[2001:db8::7]:56324"),
        ),
        ("PROXY UNKNOWN\r\n", None),
        ("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
    ] {
        assert_eq!(found(line.as_bytes()).as_deref(), client, "{line}");
        let cut = line.len() - 1;
        assert!((12..cut).all(|length| wants_more(&line.as_bytes()[..length])));
        assert!(!wants_more(line.as_bytes()));
    }
}

#[test]
fn a_binary_header_names_the_client() {
    let four = [
        &[192, 0, 2, 7][..],
        &[10, 0, 0, 1],
        &[0xdc, 0x04],
        &[1, 0xbb],
    ]
    .concat();
    assert_eq!(
        found(&second([0x21, 0x11], &four)).as_deref(),
        Some("192.0.2.7:56324")
    );
    let with_more = [&four[..], &[0x04, 0, 3, 1, 2, 3]].concat();
    assert_eq!(
        found(&second([0x21, 0x11], &with_more)).as_deref(),
        Some("192.0.2.7:56324")
    );
    let mut six = [0; 36];
    six[15] = 7;
    six[33] = 80;
    assert_eq!(
        found(&second([0x21, 0x21], &six)).as_deref(),
        Some("[::7]:80")
    );
    // Of the balancer itself, unspecified, and a socket of its machine.
    assert_eq!(found(&second([0x20, 0x11], &four)), None);
    assert_eq!(found(&second([0x21, 0x00], &[])), None);
    assert_eq!(found(&second([0x21, 0x31], &[0; 216])), None);
}

#[test]
fn what_is_no_header_is_refused() {
    for line in [
        "",
        "GET / HTTP/1.1\r\n",
        "PROXY \r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 56324\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443 1\r\n",
        "PROXY TCP4  192.0.2.7 10.0.0.1 56324 443\r\n",
        "PROXY TCP4 2001:db8::7 10.0.0.1 56324 443\r\n",
        "PROXY TCP6 192.0.2.7 fd00::1 56324 443\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 65536 443\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 +1 443\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 01 443\r\n",
        "PROXY TCP4 192.0.2.256 10.0.0.1 1 443\r\n",
        "PROXY UDP4 192.0.2.7 10.0.0.1 1 443\r\n",
        "proxy TCP4 192.0.2.7 10.0.0.1 1 443\r\n",
    ] {
        assert!(parse(line.as_bytes()).is_err(), "{line:?}");
    }
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
    assert!(parse(long.as_bytes()).is_err());
    assert!(!wants_more(&long.as_bytes()[..107]));

    for bytes in [
        second([0x11, 0x11], &[0; 12]),
        second([0x22, 0x11], &[0; 12]),
        second([0x21, 0x11], &[0; 11]),
        second([0x21, 0x21], &[0; 35]),
        second([0x21, 0x12], &[0; 12]),
        second([0x21, 0x41], &[0; 12]),
        [&second([0x21, 0x00], &[])[..], b"x"].concat(),
        SECOND.to_vec(),
    ] {
        assert!(parse(&bytes).is_err(), "{bytes:?}");
    }
    let too_long = second([0x21, 0x00], &[0; 3000]);
    assert!(second_length(&too_long[..16]).is_err());
}
