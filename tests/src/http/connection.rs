//! One TCP connection that speaks HTTP/1.1 and takes nothing for granted.

use super::{Answer, Request};
use crate::waiting::PATIENCE;
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// What fits into the buffers of the system, so that writing it cannot wait for the server to read.
const SURELY_BUFFERED_BYTES: usize = 16 * 1024;

/// A connection to a server.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    #[must_use]
    pub fn open(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).expect("the server takes connections");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a time limit can be set");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("a time limit can be set");
        stream.set_nodelay(true).expect("a socket can be set up");
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Sends a request and reads its answer.
    pub fn send(&mut self, request: &Request) -> Answer {
        self.exchange(&request.to_bytes(), request.is_head())
    }

    /// Sends a `GET` and reads its answer.
    pub fn get(&mut self, target: impl AsRef<[u8]>) -> Answer {
        self.send(&Request::get(target))
    }

    /// Sends a `HEAD` and reads its answer.
    pub fn head(&mut self, target: impl AsRef<[u8]>) -> Answer {
        self.send(&Request::head(target))
    }

    /// Sends a `DELETE` and reads its answer.
    pub fn delete(&mut self, target: impl AsRef<[u8]>) -> Answer {
        self.send(&Request::delete(target))
    }

    /// Sends bytes and reads one answer. Reads while it writes, as clients do: an answer may come
    /// before the body has gone out.
    pub fn exchange(&mut self, bytes: &[u8], is_head: bool) -> Answer {
        if bytes.len() <= SURELY_BUFFERED_BYTES {
            self.write(bytes);
            return self.read_answer(is_head);
        }
        let mut writer = self.second();
        std::thread::scope(|scope| {
            // A server that has answered may take no more; the answer tells.
            scope.spawn(move || {
                writer.write(bytes);
            });
            let answer = self.read_answer(is_head);
            if answer.closes() {
                self.finish_writing();
            }
            answer
        })
    }

    /// Writes bytes. A server that has gone away is seen when the answer is read.
    pub fn write(&mut self, bytes: &[u8]) {
        let _ = self.try_write(bytes);
    }

    /// Writes bytes, and tells when that is not possible any more.
    ///
    /// # Errors
    /// What the system says, mostly that the server has closed the connection.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads an answer.
    pub fn read_answer(&mut self, is_head: bool) -> Answer {
        self.try_read_answer(is_head)
            .expect("the server answers")
            .expect("the server answers before it closes the connection")
    }

    /// Reads an answer; `None` when the server closes the connection without one.
    ///
    /// # Errors
    /// What the system says, also when nothing comes for long, and `UnexpectedEof` for an answer
    /// that breaks off.
    pub fn try_read_answer(&mut self, is_head: bool) -> io::Result<Option<Answer>> {
        match Answer::read(&mut self.stream, is_head) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(None),
            other => other,
        }
    }

    /// Waits at most `time` for an answer; `None` when none has come.
    pub fn read_answer_within(&mut self, time: Duration, is_head: bool) -> Option<Answer> {
        self.has_news_within(time)
            .then(|| self.read_answer(is_head))
    }

    /// Waits at most `time` until the server says anything or closes the connection.
    pub fn has_news_within(&mut self, time: Duration) -> bool {
        if !self.stream.buffer().is_empty() {
            return true;
        }
        self.set_read_limit(time);
        let peeked = self.stream.get_ref().peek(&mut [0]);
        self.set_read_limit(PATIENCE);
        !matches!(peeked, Err(error) if is_timeout(&error))
    }

    /// Reads exactly so many bytes.
    pub fn read_exactly(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream
            .read_exact(&mut bytes)
            .expect("the server sends that much");
        bytes
    }

    /// Reads what comes until the server closes the connection, in order or by a reset.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.stream.read_to_end(&mut bytes) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => {
                panic!("the server does not close the connection: {error}")
            }
            _ => bytes,
        }
    }

    /// Tells whether the server closes the connection within `time`, without sending anything.
    pub fn closes_within(&mut self, time: Duration) -> bool {
        self.set_read_limit(time);
        let mut byte = [0];
        let read = self.stream.read(&mut byte);
        self.set_read_limit(PATIENCE);
        match read {
            Ok(count) => count == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    /// Says that nothing more will be sent.
    pub fn finish_writing(&self) {
        // A connection that is gone has nothing more to send, either.
        let _ = self.stream.get_ref().shutdown(Shutdown::Write);
    }

    /// Returns a second handle of the connection, to write while the first one reads.
    #[must_use]
    pub fn second(&self) -> Self {
        let stream = self.stream.get_ref();
        Self {
            stream: BufReader::new(stream.try_clone().expect("a socket can have two handles")),
        }
    }

    /// Gives up a write that takes longer than `time`.
    pub fn limit_writing(&self, time: Duration) {
        self.stream
            .get_ref()
            .set_write_timeout(Some(time))
            .expect("a time limit can be set");
    }

    /// Cuts the connection without a goodbye: the server gets a reset.
    pub fn reset(self) {
        let stream = self.stream.into_inner();
        rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))
            .expect("a socket can be set up");
    }

    /// Panics unless the connection takes another request.
    pub fn assert_usable(&mut self) {
        let answer = self.get("/v2/");
        assert_eq!(
            answer.status, 200,
            "the connection is not usable: {answer:?}"
        );
    }

    fn set_read_limit(&self, time: Duration) {
        self.stream
            .get_ref()
            .set_read_timeout(Some(time))
            .expect("a time limit can be set");
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
