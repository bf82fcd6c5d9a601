//! Headers of the PROXY protocol, versions 1 and 2 (haproxy.org/download/1.8/doc/proxy-protocol.txt).
//!
//! Knows nothing but the standard library, so that the fuzz target takes it as it is.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How many bytes tell the versions apart. No header is shorter.
pub(crate) const START_BYTES: usize = SECOND.len();
/// What a header of version 2 begins with.
pub(crate) const SECOND: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes that follow in every header of version 2: command, family, length.
pub(crate) const REST_OF_SECOND: usize = 4;
const FIRST: &[u8] = b"PROXY ";
/// The longest line of version 1.
const MAX_FIRST_BYTES: usize = 107;
/// The longest header of version 2 that is read: addresses and some hundred bytes about TLS.
const MAX_SECOND_BYTES: usize = 2048;

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(&'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "malformed header of the PROXY protocol: {}",
            self.0
        )
    }
}

/// Tells whether a line of version 1 has not ended, and may still be one.
pub(crate) fn wants_more(bytes: &[u8]) -> bool {
    bytes.starts_with(FIRST) && bytes.last() != Some(&b'\n') && bytes.len() < MAX_FIRST_BYTES
}

/// Returns how long a header of version 2 is, by its first 16 bytes.
pub(crate) fn second_length(start: &[u8]) -> Result<usize, Malformed> {
    let Some(&[high, low]) = start.get(START_BYTES + 2..START_BYTES + REST_OF_SECOND) else {
        return Err(Malformed("it breaks off"));
    };
    let length = START_BYTES + REST_OF_SECOND + usize::from(u16::from_be_bytes([high, low]));
    if length > MAX_SECOND_BYTES {
        return Err(Malformed("it is too long"));
    }
    Ok(length)
}

/// Reads a whole header; `None` when it names no client.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<SocketAddr>, Malformed> {
    match bytes.strip_prefix(SECOND) {
        Some(rest) => parse_second(rest),
        None => parse_first(bytes),
    }
}

fn parse_first(bytes: &[u8]) -> Result<Option<SocketAddr>, Malformed> {
    if bytes.len() > MAX_FIRST_BYTES {
        return Err(Malformed("its line is too long"));
    }
    let line = bytes
        .strip_prefix(FIRST)
        .and_then(|rest| rest.strip_suffix(b"\r\n"))
        .and_then(|line| std::str::from_utf8(line).ok())
        .ok_or(Malformed("it is no line that begins with PROXY"))?;
    let words: Vec<&str> = line.split(' ').collect();
    // Behind UNKNOWN anything may stand.
    if words[0] == "UNKNOWN" {
        return Ok(None);
    }
    let [family, source, target, source_port, target_port] = words[..] else {
        return Err(Malformed("its line has not five words"));
    };
    let addresses: [Option<IpAddr>; 2] = match family {
        "TCP4" => [source, target].map(|word| word.parse::<Ipv4Addr>().ok().map(IpAddr::V4)),
        "TCP6" => [source, target].map(|word| word.parse::<Ipv6Addr>().ok().map(IpAddr::V6)),
        _ => return Err(Malformed("its family is not known")),
    };
    let ports = [port(source_port), port(target_port)];
    match (addresses, ports) {
        ([Some(source), Some(_)], [Some(port), Some(_)]) => Ok(Some(SocketAddr::new(source, port))),
        _ => Err(Malformed("it has an address or a port that is none")),
    }
}

fn port(word: &str) -> Option<u16> {
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
    let is_canonical = word == "0" || !word.starts_with('0');
    (is_number && is_canonical).then(|| word.parse().ok())?
}

fn parse_second(rest: &[u8]) -> Result<Option<SocketAddr>, Malformed> {
    let [version_and_command, family, high, low, payload @ ..] = rest else {
        return Err(Malformed("it breaks off"));
    };
    if payload.len() != usize::from(u16::from_be_bytes([*high, *low])) {
        return Err(Malformed("its length is another"));
    }
    match version_and_command {
        // The balancer's own connection, such as a health check.
        0x20 => return Ok(None),
        0x21 => {}
        _ => return Err(Malformed("its version or command is not known")),
    }
    match family {
        0x11 => {
            let address = array::<4>(payload, 0)?;
            let port = array::<2>(payload, 8)?;
            array::<12>(payload, 0)?;
            Ok(Some(socket(address.into(), port)))
        }
        0x21 => {
            let address = array::<16>(payload, 0)?;
            let port = array::<2>(payload, 32)?;
            array::<36>(payload, 0)?;
            Ok(Some(socket(address.into(), port)))
        }
        // Unspecified, and sockets of a machine's own: neither says where the client is.
        0x00 | 0x31 => Ok(None),
        _ => Err(Malformed("its family is not known or no stream's")),
    }
}

fn socket(address: IpAddr, port: [u8; 2]) -> SocketAddr {
    SocketAddr::new(address, u16::from_be_bytes(port))
}

fn array<const N: usize>(bytes: &[u8], start: usize) -> Result<[u8; N], Malformed> {
    bytes
        .get(start..start + N)
        .and_then(|part| part.try_into().ok())
        .ok_or(Malformed("its addresses break off"))
}
