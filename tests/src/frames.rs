//! HTTP/2 as frames (RFC 9113): enough to send what a well-behaved client never would.

use crate::http::Connection;
use std::net::SocketAddr;

/// The frame types that are used here.
pub mod kind {
    /// DATA.
    pub const DATA: u8 = 0;
    /// HEADERS.
    pub const HEADERS: u8 = 1;
    /// `RST_STREAM`.
    pub const RST_STREAM: u8 = 3;
    /// SETTINGS.
    pub const SETTINGS: u8 = 4;
    /// PING.
    pub const PING: u8 = 6;
    /// GOAWAY.
    pub const GOAWAY: u8 = 7;
    /// CONTINUATION.
    pub const CONTINUATION: u8 = 9;
}

/// The flags that are used here.
pub mod flag {
    /// On HEADERS and DATA: the stream ends.
    pub const END_STREAM: u8 = 1;
    /// On SETTINGS and PING: an acknowledgement.
    pub const ACK: u8 = 1;
    /// On HEADERS and CONTINUATION: the header block ends.
    pub const END_HEADERS: u8 = 4;
}

/// A frame as it came.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 is the connection.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// Returns a frame as it goes over the wire.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is small");
    let mut bytes = Vec::with_capacity(9 + payload.len());
    bytes.extend_from_slice(&length.to_be_bytes()[1..]);
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Returns a header block without any compression (RFC 7541, section 6.2.2).
#[must_use]
pub fn header_block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        // A literal that is not indexed, with a new name.
        block.push(0);
        for text in [name, value] {
            push_length(&mut block, text.len());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// Returns the header block of a request without a body.
#[must_use]
pub fn request_block(method: &str, path: &str) -> Vec<u8> {
    header_block(&[
        (":method", method),
        (":scheme", "http"),
        (":authority", "registry.test"),
        (":path", path),
    ])
}

/// Opens a connection, sends the preface and the client's settings.
#[must_use]
pub fn open(server: SocketAddr, settings: &[(u16, u32)]) -> Connection {
    let mut connection = Connection::open(server);
    let mut payload = Vec::new();
    for (name, value) in settings {
        payload.extend_from_slice(&name.to_be_bytes());
        payload.extend_from_slice(&value.to_be_bytes());
    }
    connection.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    connection.write(&frame(kind::SETTINGS, 0, 0, &payload));
    connection
}

/// Cuts what was read into frames; a last one that broke off is left out.
#[must_use]
pub fn parse(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<9>() {
        let [a, b, c, kind, flags, stream @ ..] = *head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        let Some((payload, rest)) = rest.split_at_checked(length) else {
            break;
        };
        frames.push(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes(stream) & 0x7fff_ffff,
            payload: payload.to_vec(),
        });
        bytes = rest;
    }
    frames
}

/// Reads the next frame.
pub fn read(connection: &mut Connection) -> Frame {
    let head = connection.read_exactly(9);
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    let payload = connection.read_exactly(length);
    let mut frames = parse(&[head, payload].concat());
    frames.pop().expect("a whole frame was read")
}

/// Writes an integer behind a prefix of seven bits (RFC 7541, section 5.1).
fn push_length(block: &mut Vec<u8>, length: usize) {
    if length < 127 {
        block.push(u8::try_from(length).expect("is below 127"));
        return;
    }
    block.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).expect("is below 128") | 128);
        rest /= 128;
    }
    block.push(u8::try_from(rest).expect("is below 128"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let bytes = [frame(kind::PING, flag::ACK, 0, b"12345678"), vec![0; 4]].concat();
        let frames = parse(&bytes);
        assert_eq!(frames.len(), 1);
        assert_eq!((frames[0].kind, frames[0].flags), (kind::PING, flag::ACK));
        assert_eq!(frames[0].payload, b"12345678");
    }

    #[test]
    fn a_length_is_written_in_as_many_bytes_as_it_needs() {
        // The example of RFC 7541, section C.1.2, behind seven bits.
        for (length, expected) in [(10, &[10][..]), (127, &[127, 0]), (1337, &[127, 0xba, 9])] {
            let mut block = Vec::new();
            push_length(&mut block, length);
            assert_eq!(block, expected);
        }
    }
}
