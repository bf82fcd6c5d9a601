//! An answer, and what holds for every one of them.

use serde_json::Value;
use std::io::{self, BufRead, ErrorKind, Read};

/// The most bytes of an error's body that crane reads.
const MOST_ERROR_BYTES: usize = 64 * 1024;

/// An answer that was read to its end.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers in their order, the names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, without the framing of chunks.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start = &self.body[..self.body.len().min(500)];
        formatter
            .debug_struct("Answer")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &String::from_utf8_lossy(start))
            .finish()
    }
}

impl Answer {
    /// Reads an answer; `None` at the end of the stream.
    ///
    /// # Errors
    /// What the stream says, `UnexpectedEof` for an answer that breaks off, and `InvalidData` for what
    /// is none.
    pub fn read(stream: &mut impl BufRead, is_head: bool) -> io::Result<Option<Self>> {
        let Some(first) = read_line(stream)? else {
            return Ok(None);
        };
        let status = status_of(&first)?;
        let mut headers = Vec::new();
        loop {
            let line = read_line(stream)?.ok_or(ErrorKind::UnexpectedEof)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").ok_or_else(|| malformed(&line))?;
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut answer = Self {
            status,
            headers,
            body: Vec::new(),
        };
        let has_body = !is_head && status != 204 && status != 304 && status >= 200;
        if has_body {
            answer.body = answer.read_body(stream)?;
        }
        Ok(Some(answer))
    }

    fn read_body(&self, stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if self.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = read_chunk(stream)? {
                body.extend_from_slice(&chunk);
            }
        } else if let Some(length) = self.header("content-length") {
            let length: u64 = length.parse().map_err(|_| malformed(length))?;
            stream.take(length).read_to_end(&mut body)?;
            if (body.len() as u64) < length {
                let reason = format!("{} of {length} bytes came", body.len());
                return Err(io::Error::new(ErrorKind::UnexpectedEof, reason));
            }
        } else {
            stream.read_to_end(&mut body)?;
        }
        Ok(body)
    }

    /// Returns the value of a header, named in lower case, if it is there once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(key, _)| key == name);
        let (_, value) = values.next()?;
        assert!(values.next().is_none(), "{name} is there twice: {self:?}");
        Some(value)
    }

    /// Returns the value of a header that must be there.
    #[must_use]
    pub fn expect_header(&self, name: &str) -> &str {
        self.header(name)
            .unwrap_or_else(|| panic!("there is no {name}: {self:?}"))
    }

    /// Tells whether the server closes the connection after this answer.
    #[must_use]
    pub fn closes(&self) -> bool {
        self.header("connection") == Some("close")
    }

    /// Returns the body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the code of the first error.
    #[must_use]
    pub fn code(&self) -> String {
        let code = &self.json()["errors"][0]["code"];
        code.as_str()
            .unwrap_or_else(|| panic!("there is no error code: {self:?}"))
            .to_owned()
    }

    /// Panics unless the status is this one.
    #[track_caller]
    pub fn expect_status(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
    }

    /// Panics unless this is an error of this status and first code, in the form that the protocol
    /// prescribes, and without a word about the inside of the server.
    #[track_caller]
    pub fn expect_error(&self, status: u16, code: &str) {
        self.expect_status(status);
        self.assert_error_form();
        assert_eq!(self.code(), code, "{self:?}");
    }

    /// Panics unless this is an error in the form that the protocol prescribes.
    #[track_caller]
    pub fn assert_error_form(&self) {
        assert!(self.status >= 400, "{self:?}");
        self.assert_headers_of_the_api();
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert!(self.body.len() < MOST_ERROR_BYTES, "{self:?}");
        let body = self.json();
        let errors = body["errors"]
            .as_array()
            .expect("there is a list of errors");
        assert!(!errors.is_empty(), "{self:?}");
        for error in errors {
            let code = error["code"].as_str().expect("a code is text");
            let is_upper = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
            assert!(code.bytes().all(is_upper), "{code}");
            assert!(error["message"].is_string(), "{self:?}");
            // The specification's own type reads a text and nothing else.
            let detail = &error["detail"];
            assert!(detail.is_null() || detail.is_string(), "{self:?}");
        }
        let text = String::from_utf8_lossy(&self.body);
        for inside in [
            "panicked",
            "RUST_BACKTRACE",
            ".rs:",
            "/src/",
            "/tmp/",
            "crates/",
        ] {
            assert!(!text.contains(inside), "tells about its inside: {text}");
        }
        if self.status == 405 {
            assert!(self.header("allow").is_some(), "{self:?}");
        }
        if self.status == 429 || self.status == 503 {
            let wait: u32 = self
                .expect_header("retry-after")
                .parse()
                .expect("the time to wait is in seconds");
            assert!(wait > 0);
        }
    }

    /// Panics unless the headers are there that every answer carries.
    #[track_caller]
    pub fn assert_headers_of_the_api(&self) {
        let version = self.header("docker-distribution-api-version");
        assert_eq!(version, Some("registry/2.0"), "{self:?}");
        let sniffing = self.header("x-content-type-options");
        assert_eq!(sniffing, Some("nosniff"), "{self:?}");
        assert!(!self.expect_header("x-request-id").is_empty());
    }
}

fn status_of(line: &str) -> io::Result<u16> {
    let mut words = line.splitn(3, ' ');
    let version = words.next();
    let status = words.next().and_then(|word| word.parse().ok());
    match (version, status) {
        (Some("HTTP/1.1" | "HTTP/1.0"), Some(status)) => Ok(status),
        _ => Err(malformed(line)),
    }
}

/// Reads a line without its end; `None` at the end of the stream.
fn read_line(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let Some(line) = line.strip_suffix(b"\r\n") else {
        return Err(ErrorKind::UnexpectedEof.into());
    };
    let text = String::from_utf8(line.to_vec()).map_err(|_| malformed("a line"))?;
    if text.chars().any(char::is_control) {
        return Err(malformed(&text));
    }
    Ok(Some(text))
}

fn read_chunk(stream: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let line = read_line(stream)?.ok_or(ErrorKind::UnexpectedEof)?;
    let length = usize::from_str_radix(&line, 16).map_err(|_| malformed(&line))?;
    let mut chunk = vec![0; length];
    stream.read_exact(&mut chunk)?;
    let end = read_line(stream)?.ok_or(ErrorKind::UnexpectedEof)?;
    if !end.is_empty() {
        return Err(malformed(&end));
    }
    Ok((length > 0).then_some(chunk))
}

fn malformed(text: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("malformed: {text}"))
}
