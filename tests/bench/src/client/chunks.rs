//! Takes the framing off a body in chunks, in whatever pieces it comes.

use anyhow::{Result, bail, ensure};

/// Where in the framing the next byte stands.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Size,
    Extension,
    Data,
    DataEnd,
    Trailer { is_empty_line: bool },
    Done,
}

/// Reads chunks until the last.
#[derive(Debug)]
pub(super) struct Chunks {
    state: State,
    size: u64,
    digits: u8,
}

impl Chunks {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Size,
            size: 0,
            digits: 0,
        }
    }

    /// Tells whether the body has ended.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes bytes as they were read and gives the content in them to `content`.
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut content: impl FnMut(&[u8])) -> Result<()> {
        while let Some((&byte, rest)) = bytes.split_first() {
            match self.state {
                State::Data => {
                    let whole = usize::try_from(self.size).unwrap_or(usize::MAX);
                    let (data, rest) = bytes.split_at(whole.min(bytes.len()));
                    content(data);
                    self.size -= data.len() as u64;
                    if self.size == 0 {
                        self.state = State::DataEnd;
                    }
                    bytes = rest;
                    continue;
                }
                State::Size => self.size_byte(byte)?,
                State::Extension if byte == b'\n' => self.begin_data(),
                State::Extension => {}
                State::DataEnd if byte == b'\r' => {}
                State::DataEnd if byte == b'\n' => *self = Self::new(),
                State::DataEnd => bail!("a chunk is longer than its size"),
                State::Trailer { is_empty_line } => match byte {
                    b'\r' => {}
                    b'\n' if is_empty_line => self.state = State::Done,
                    _ => {
                        let is_empty_line = byte == b'\n';
                        self.state = State::Trailer { is_empty_line };
                    }
                },
                State::Done => bail!("there is more after the last chunk"),
            }
            bytes = rest;
        }
        Ok(())
    }

    fn size_byte(&mut self, byte: u8) -> Result<()> {
        match byte {
            b'\n' => self.begin_data(),
            b'\r' | b';' | b' ' => self.state = State::Extension,
            _ => {
                let Some(digit) = char::from(byte).to_digit(16) else {
                    bail!("the size of a chunk is no number");
                };
                self.digits += 1;
                ensure!(self.digits <= 15, "the size of a chunk is too long");
                self.size = self.size * 16 + u64::from(digit);
            }
        }
        Ok(())
    }

    fn begin_data(&mut self) {
        self.state = if self.size == 0 {
            State::Trailer {
                is_empty_line: true,
            }
        } else {
            State::Data
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] =
        b"5\r\nhello\r\n1;name=value\r\n \r\n00A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";

    fn decode(pieces: &[&[u8]]) -> Result<(Vec<u8>, bool)> {
        let mut chunks = Chunks::new();
        let mut content = Vec::new();
        for piece in pieces {
            chunks.feed(piece, |data| content.extend_from_slice(data))?;
        }
        Ok((content, chunks.is_done()))
    }

    #[test]
    fn chunks_come_out_whole_wherever_the_bytes_are_cut() {
        for cut in 0..=BODY.len() {
            let (first, second) = BODY.split_at(cut);
            let (content, is_done) = decode(&[first, second]).unwrap();
            assert_eq!(content, b"hello 0123456789", "cut at {cut}");
            assert!(is_done, "cut at {cut}");
        }
    }

    #[test]
    fn a_body_may_have_any_number_of_chunks() {
        let body = [b"1\r\nx\r\n".repeat(100), b"0\r\n\r\n".to_vec()].concat();
        let (content, is_done) = decode(&[&body]).unwrap();
        assert_eq!((content.len(), is_done), (100, true));
    }

    #[test]
    fn a_body_without_its_last_chunk_is_not_done() {
        let (_, is_done) = decode(&[&BODY[..BODY.len() - 1]]).unwrap();
        assert!(!is_done);
    }

    #[test]
    fn broken_framing_is_an_error() {
        assert!(decode(&[b"x\r\n"]).is_err());
        assert!(decode(&[b"1\r\nab\r\n"]).is_err());
        assert!(decode(&[b"0\r\n\r\nHTTP/1.1"]).is_err());
        assert!(decode(&[b"1111111111111111\r\n"]).is_err());
    }
}
