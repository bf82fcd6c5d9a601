//! A request: what is said of it goes over the wire as it is, right or wrong.

/// One request. Target and headers are not checked in any way.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    /// No body and no word about one.
    None,
    /// A body with its length.
    Sized(Vec<u8>),
    /// A body in chunks of this many bytes.
    Chunked(Vec<u8>, usize),
}

impl Request {
    /// Makes a request without headers (but `Host`) and without a body.
    #[must_use]
    pub fn new(method: &str, target: impl AsRef<[u8]>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.as_ref().to_vec(),
            headers: Vec::new(),
            body: Body::None,
        }
    }

    /// Makes a `GET`.
    #[must_use]
    pub fn get(target: impl AsRef<[u8]>) -> Self {
        Self::new("GET", target)
    }

    /// Makes a `HEAD`.
    #[must_use]
    pub fn head(target: impl AsRef<[u8]>) -> Self {
        Self::new("HEAD", target)
    }

    /// Makes a `POST` without a body: `Content-Length: 0`.
    #[must_use]
    pub fn post(target: impl AsRef<[u8]>) -> Self {
        Self::new("POST", target).body(b"")
    }

    /// Makes a `PUT` without a body: `Content-Length: 0`.
    #[must_use]
    pub fn put(target: impl AsRef<[u8]>) -> Self {
        Self::new("PUT", target).body(b"")
    }

    /// Makes a `PATCH` without a body: `Content-Length: 0`.
    #[must_use]
    pub fn patch(target: impl AsRef<[u8]>) -> Self {
        Self::new("PATCH", target).body(b"")
    }

    /// Makes a `DELETE`.
    #[must_use]
    pub fn delete(target: impl AsRef<[u8]>) -> Self {
        Self::new("DELETE", target)
    }

    /// Adds a header, also when it is there already.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sends this body with its length.
    #[must_use]
    pub fn body(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.body = Body::Sized(bytes.as_ref().to_vec());
        self
    }

    /// Sends this body in chunks of `chunk_bytes`, without its length.
    #[must_use]
    pub fn chunked(mut self, bytes: impl AsRef<[u8]>, chunk_bytes: usize) -> Self {
        self.body = Body::Chunked(bytes.as_ref().to_vec(), chunk_bytes);
        self
    }

    /// Tells whether an answer comes without a body whatever its length says.
    #[must_use]
    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// Returns the head and the body as they go over the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.head_bytes();
        match &self.body {
            Body::None => {}
            Body::Sized(body) => bytes.extend_from_slice(body),
            Body::Chunked(body, chunk_bytes) => {
                for chunk in body.chunks(*chunk_bytes) {
                    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
            }
        }
        bytes
    }

    fn head_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [self.method.as_bytes(), b" ", &self.target, b" HTTP/1.1\r\n"] {
            bytes.extend_from_slice(part);
        }
        let is_host = |(name, _): &(String, Vec<u8>)| name.eq_ignore_ascii_case("host");
        if !self.headers.iter().any(is_host) {
            bytes.extend_from_slice(b"Host: registry.test\r\n");
        }
        for (name, value) in &self.headers {
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        }
        match &self.body {
            Body::None => {}
            Body::Sized(body) => {
                bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
            }
            Body::Chunked(..) => bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }
}
