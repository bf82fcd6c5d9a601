//! The head of an answer: its status and the few headers that a measurement needs.

use anyhow::{Context, Result, bail};

const MOST_HEADERS: usize = 64;

/// An answer that was read to its end.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) challenge: Option<String>,
    /// `Docker-Content-Digest`.
    pub(crate) digest: Option<String>,
    /// `Content-Length`, which an answer to HEAD has without a body.
    pub(crate) length: Option<u64>,
    /// How many bytes the body had.
    pub(crate) body_bytes: u64,
    /// The body, when it was to be kept.
    pub(crate) body: Vec<u8>,
    /// Whether the server closes the connection.
    pub(crate) closes: bool,
}

/// How the body's end is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    None,
    Length(u64),
    Chunks,
}

/// Reads the head at the beginning of `bytes`: its length, the answer so far and what follows.
/// `None` when it is not whole yet.
pub(super) fn parse(bytes: &[u8], method: &str) -> Result<Option<(usize, Answer, Framing)>> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(bytes).context("the head is malformed")?;
    let httparse::Status::Complete(head_bytes) = parsed else {
        return Ok(None);
    };
    let mut answer = Answer {
        status: response.code.unwrap_or_default(),
        ..Answer::default()
    };
    let mut has_chunks = false;
    for header in response.headers.iter() {
        match header.name.len() {
            8 if header.name.eq_ignore_ascii_case("location") => {
                answer.location = Some(text(header.value)?);
            }
            10 if header.name.eq_ignore_ascii_case("connection") => {
                answer.closes = header.value.eq_ignore_ascii_case(b"close");
            }
            14 if header.name.eq_ignore_ascii_case("content-length") => {
                let length = std::str::from_utf8(header.value).ok();
                let length = length.and_then(|length| length.trim().parse().ok());
                answer.length = Some(length.context("Content-Length is no number")?);
            }
            16 if header.name.eq_ignore_ascii_case("www-authenticate") => {
                answer.challenge = Some(text(header.value)?);
            }
            17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                has_chunks = header.value.eq_ignore_ascii_case(b"chunked");
            }
            21 if header.name.eq_ignore_ascii_case("docker-content-digest") => {
                answer.digest = Some(text(header.value)?);
            }
            _ => {}
        }
    }
    let has_no_body = method == "HEAD" || matches!(answer.status, 204 | 304) || answer.status < 200;
    let framing = match answer.length {
        _ if has_no_body => Framing::None,
        _ if has_chunks => Framing::Chunks,
        Some(length) => Framing::Length(length),
        None => bail!("status {} with neither length nor chunks", answer.status),
    };
    Ok(Some((head_bytes, answer, framing)))
}

fn text(value: &[u8]) -> Result<String> {
    let value = std::str::from_utf8(value).context("a header is not UTF-8")?;
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 202 Accepted\r\nLOCATION: /v2/a/blobs/uploads/1\r\n\
        docker-content-digest: sha256:00\r\nConnection: close\r\nContent-Length: 12\r\n\r\nrest";

    #[test]
    fn a_head_is_read_whatever_the_case_of_its_names() {
        let (head_bytes, answer, framing) = parse(HEAD, "GET").unwrap().unwrap();
        assert_eq!(&HEAD[head_bytes..], b"rest");
        assert_eq!(answer.status, 202);
        assert_eq!(answer.location.as_deref(), Some("/v2/a/blobs/uploads/1"));
        assert_eq!(answer.digest.as_deref(), Some("sha256:00"));
        assert!(answer.closes);
        assert_eq!(framing, Framing::Length(12));
    }

    #[test]
    fn a_head_that_is_cut_is_no_answer_yet() {
        for cut in 0..HEAD.len() - 4 {
            assert!(parse(&HEAD[..cut], "GET").unwrap().is_none(), "{cut}");
        }
    }

    #[test]
    fn an_answer_to_head_has_a_length_and_no_body() {
        let (_, answer, framing) = parse(HEAD, "HEAD").unwrap().unwrap();
        assert_eq!(answer.length, Some(12));
        assert_eq!(framing, Framing::None);
    }

    #[test]
    fn chunks_are_told_from_a_body_that_only_the_end_ends() {
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (_, _, framing) = parse(chunked, "GET").unwrap().unwrap();
        assert_eq!(framing, Framing::Chunks);
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n", "GET").is_err());
        let (_, _, framing) = parse(b"HTTP/1.1 204 No\r\n\r\n", "DELETE")
            .unwrap()
            .unwrap();
        assert_eq!(framing, Framing::None);
    }
}
