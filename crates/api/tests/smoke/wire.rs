//! Just enough of HTTP/1.1 to see every byte that goes over the wire.

use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Returns the code of the first error entry.
    pub(crate) fn code(&self) -> String {
        self.json()["errors"][0]["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

impl Client {
    pub(crate) async fn connect(server: SocketAddr) -> Self {
        Self {
            stream: BufReader::new(TcpStream::connect(server).await.unwrap()),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], b"").await
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let head = head(
            method,
            path,
            headers,
            &format!("Content-Length: {}", body.len()),
        );
        self.exchange(method, [head.as_bytes(), body]).await
    }

    pub(crate) async fn send_chunked(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        chunk_bytes: usize,
    ) -> Answer {
        let head = head(method, path, headers, "Transfer-Encoding: chunked");
        let mut chunks = Vec::new();
        for chunk in body.chunks(chunk_bytes) {
            chunks.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            chunks.extend_from_slice(chunk);
            chunks.extend_from_slice(b"\r\n");
        }
        chunks.extend_from_slice(b"0\r\n\r\n");
        self.exchange(method, [head.as_bytes(), &chunks]).await
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).await.unwrap();
    }

    pub(crate) async fn read_exactly(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).await.unwrap();
        bytes
    }

    /// Writes while it reads, as clients do: an answer may come before the body has gone out.
    pub(crate) async fn exchange(&mut self, method: &str, parts: [&[u8]; 2]) -> Answer {
        let (read, mut write) = self.stream.get_mut().split();
        let mut reader = BufReader::new(read);
        let send = async {
            for part in parts {
                if write.write_all(part).await.is_err() {
                    return;
                }
            }
        };
        let receive = read_answer(&mut reader, method);
        let (answer, ()) = tokio::join!(receive, send);
        answer
    }

    pub(crate) async fn read_answer(&mut self, method: &str) -> Answer {
        read_answer(&mut self.stream, method).await
    }
}

fn head(method: &str, path: &str, headers: &[(&str, &str)], framing: &str) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: registry.test\r\n{framing}\r\n");
    for (name, value) in headers {
        for part in [name, ": ", value, "\r\n"] {
            head.push_str(part);
        }
    }
    head + "\r\n"
}

async fn read_answer(reader: &mut (impl tokio::io::AsyncBufRead + Unpin), method: &str) -> Answer {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        assert!(
            reader.read_line(&mut line).await.unwrap() > 0,
            "connection ended in the head: {lines:?}"
        );
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines[1..]
        .iter()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let named = headers.iter().find(|(name, _)| name == "content-length");
    let has_body = method != "HEAD" && status != 304 && status != 204;
    let length = named
        .filter(|_| has_body)
        .map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.unwrap();
    Answer {
        status,
        headers,
        body,
    }
}
