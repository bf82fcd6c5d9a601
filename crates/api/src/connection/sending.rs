//! Sends files without a copy: a body names the file, the connection has the kernel send it.
//!
//! actix copies what a body yields into a buffer and writes that. For a file both copies are in
//! vain, and they cost more than all the rest of a download. So the body of a file yields nothing
//! and waits; once the head of the answer has gone out, the connection sends the file and wakes the
//! body, which ends. The bytes on the wire are the same.

use super::Shared;
use roadstead_registry::DataFile;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::os::fd::AsFd as _;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// The most bytes of one system call, and of what is looked for in the page cache before it.
const WINDOW_BYTES: u64 = 512 * 1024;
/// The most bytes before other connections of the worker get their turn.
const TURN_BYTES: u64 = 2 * 1024 * 1024;

/// A stream on which the kernel can send a file.
pub(crate) trait SendFile {
    /// Tells whether it can.
    fn can_send_files(&self) -> bool;

    /// Sends some of bytes `range`; 0 when the file ends before them.
    fn poll_send_file(
        &self,
        cx: &mut Context<'_>,
        file: &DataFile,
        range: Range<u64>,
    ) -> Poll<io::Result<usize>>;
}

impl SendFile for TcpStream {
    fn can_send_files(&self) -> bool {
        true
    }

    fn poll_send_file(
        &self,
        cx: &mut Context<'_>,
        file: &DataFile,
        range: Range<u64>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_write_ready(cx))?;
            let send = || file.send(self.as_fd(), range.clone());
            match self.try_io(Interest::WRITABLE, send) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return Poll::Ready(outcome),
            }
        }
    }
}

/// A file on its way out.
pub(super) struct Outgoing {
    file: DataFile,
    rest: Range<u64>,
    /// How far the disk was waited for.
    loaded_to: u64,
    loading: Option<Loading>,
    outcome: Option<io::Result<()>>,
    body: Waker,
}

type Loading = Pin<Box<dyn Future<Output = io::Result<()>>>>;

impl Outgoing {
    /// Sends what the client takes now. `progress` sees each attempt.
    pub(super) fn poll_send<S: SendFile>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &S,
        mut progress: impl FnMut(&mut Context<'_>, Poll<io::Result<usize>>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        let turn_ends = self.rest.start.saturating_add(TURN_BYTES);
        while self.outcome.is_none() && !self.rest.is_empty() {
            if self.rest.start >= turn_ends {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let window_end = self.rest.end.min(self.rest.start + WINDOW_BYTES);
            if let Err(error) = ready!(self.poll_loaded(cx, window_end)) {
                self.outcome = Some(Err(error));
                break;
            }
            let window = self.rest.start..window_end;
            let sent = stream.poll_send_file(cx, &self.file, window);
            match ready!(progress(cx, sent))? {
                0 => self.outcome = Some(Err(io::ErrorKind::UnexpectedEof.into())),
                sent => self.rest.start += sent as u64,
            }
        }
        self.outcome.get_or_insert(Ok(()));
        self.body.wake_by_ref();
        Poll::Ready(Ok(()))
    }

    /// Makes sure that sending up to `end` waits for no disk.
    fn poll_loaded(&mut self, cx: &mut Context<'_>, end: u64) -> Poll<io::Result<()>> {
        if self.loading.is_none() {
            let window = self.rest.start.max(self.loaded_to)..end;
            if window.is_empty() || self.file.is_cached(&window) {
                return Poll::Ready(Ok(()));
            }
            self.loading = Some(Box::pin(self.file.clone().load(window)));
        }
        let loaded = match &mut self.loading {
            Some(loading) => ready!(loading.as_mut().poll(cx)),
            None => Ok(()),
        };
        self.loading = None;
        self.loaded_to = end;
        Poll::Ready(loaded)
    }

    pub(super) const fn is_over(&self) -> bool {
        self.outcome.is_some()
    }
}

/// The body of an answer that the connection sends from a file.
pub(crate) struct FileBody {
    wire: Rc<Shared>,
    file: Option<DataFile>,
    range: Range<u64>,
    sent: u64,
    is_over: bool,
}

impl FileBody {
    /// Makes a body of bytes `range` of a file. `wire` can send files.
    pub(crate) const fn new(wire: Rc<Shared>, file: DataFile, range: Range<u64>) -> Self {
        Self {
            wire,
            file: Some(file),
            range,
            sent: 0,
            is_over: false,
        }
    }

    /// Returns how many bytes the body has.
    pub(crate) const fn length(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Returns how many bytes the client took since the last call.
    pub(crate) fn take_sent(&mut self) -> u64 {
        if let Some(outgoing) = self.wire.outgoing.borrow().as_ref()
            && self.file.is_none()
            && !self.is_over
        {
            self.sent = outgoing.rest.start - self.range.start;
        }
        self.range.start += self.sent;
        std::mem::take(&mut self.sent)
    }

    /// Ends once the file is sent; fails when it could not be read to its end.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_over {
            return Poll::Ready(Ok(()));
        }
        let mut slot = self.wire.outgoing.borrow_mut();
        if let Some(file) = self.file.take() {
            *slot = Some(Outgoing {
                file,
                rest: self.range.clone(),
                loaded_to: 0,
                loading: None,
                outcome: None,
                body: cx.waker().clone(),
            });
            return Poll::Pending;
        }
        let Some(mut outgoing) = slot.take() else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let Some(outcome) = outgoing.outcome.take() else {
            outgoing.body.clone_from(cx.waker());
            *slot = Some(outgoing);
            return Poll::Pending;
        };
        self.is_over = true;
        self.sent = outgoing.rest.start - self.range.start;
        Poll::Ready(outcome)
    }
}

impl Drop for FileBody {
    fn drop(&mut self) {
        // The rest of the answer is not wanted any more; the connection is about to be closed.
        if self.file.is_none() && !self.is_over {
            self.wire.outgoing.borrow_mut().take();
        }
    }
}
