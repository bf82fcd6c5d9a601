//! What a server logs: lines of JSON, read as they come.

use crate::waiting::PATIENCE;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::ChildStderr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The log of one process. Clones read the same.
#[derive(Clone, Debug)]
pub struct Log(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Lines>,
    grown: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    lines: Vec<String>,
    has_ended: bool,
}

impl Log {
    /// Reads the log in a thread of its own until the process ends.
    pub(super) fn read(output: ChildStderr) -> Self {
        let log = Self(Arc::default());
        let shared = Arc::clone(&log.0);
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while output.read_until(b'\n', &mut line).unwrap_or(0) > 0 {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                shared.lock().lines.push(text);
                shared.grown.notify_all();
                line.clear();
            }
            shared.lock().has_ended = true;
            shared.grown.notify_all();
        });
        log
    }

    /// Returns the lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().lines.clone()
    }

    /// Waits for a line that `is_it` and returns it.
    pub fn wait_for(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let mut seen = 0;
        let mut lines = self.0.lock();
        loop {
            for line in &lines.lines[seen..] {
                let value: Value = serde_json::from_str(line).unwrap_or_default();
                if is_it(&value) {
                    return value;
                }
            }
            seen = lines.lines.len();
            assert!(
                !lines.has_ended,
                "the server ended before it logged {what}: {:#?}",
                lines.lines
            );
            let (next, waited) = self
                .0
                .grown
                .wait_timeout(lines, PATIENCE)
                .unwrap_or_else(PoisonError::into_inner);
            assert!(!waited.timed_out(), "the server never logged {what}");
            lines = next;
        }
    }

    /// Waits for the access line of a request, found by its id.
    #[must_use]
    pub fn wait_for_request(&self, id: &str) -> Value {
        self.wait_for(&format!("request {id}"), |line| {
            line["target"] == "roadstead::access" && line["id"] == id
        })
    }

    /// Waits until the server says that it serves, and returns where: the registry, the admin
    /// listener.
    pub(super) fn wait_for_addresses(&self) -> (SocketAddr, SocketAddr) {
        let line = self.wait_for("where it listens", |line| line["message"] == "serving");
        let address = |key: &str| -> SocketAddr {
            let text = line[key].as_str().expect("the line names the address");
            text.parse().expect("the line names an address")
        };
        (address("listen"), address("admin"))
    }

    /// Shows what the server complained about, for somebody who looks at a failed test.
    pub(super) fn show_warnings(&self) {
        let mut output = std::io::stderr().lock();
        for line in self.lines() {
            if !line.contains("\"level\":\"INFO\"") {
                // Nobody is left to tell that the standard error is closed.
                let _ = writeln!(output, "server: {line}");
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
