//! One TCP connection under actix: closes those that actix would keep for ever.
//!
//! actix limits the time for the head of the first request, for the wait between requests, and for
//! a lingering close. It does not limit the head of a later request, a chunked body that nobody
//! reads any more, or a client that stops taking the answer. Those are closed here.

mod sending;

pub(crate) use sending::{FileBody, SendFile};

use sending::Outgoing;
use std::cell::{Cell, RefCell};
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a connection may make no progress.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdleLimits {
    /// From the first byte of a request to the end of its head.
    pub(crate) head: Duration,
    /// Between two requests.
    pub(crate) keep_alive: Duration,
    /// While the client takes nothing of an answer.
    pub(crate) write_silence: Duration,
}

/// A connection with its timers.
pub(crate) struct Connection<S> {
    stream: S,
    limits: IdleLimits,
    /// HTTP/2 has pings of its own and no order of requests.
    is_multiplexed: bool,
    shared: Rc<Shared>,
    read_timer: Timer,
    write_watch: WriteWatch,
}

/// What a connection knows of its requests.
pub(crate) struct Shared {
    /// Requests without their whole answer yet.
    open: Cell<usize>,
    /// Whether there was a request: before, actix itself watches.
    has_served: Cell<bool>,
    /// Since when no request is open.
    idle_since: Cell<Instant>,
    /// When the first byte came since then.
    input_since: Cell<Option<Instant>>,
    /// Bytes that came in all, whatever they were.
    received: Cell<u64>,
    /// Whether the kernel can send files on it.
    can_send_files: bool,
    /// The file that is being sent.
    outgoing: RefCell<Option<Outgoing>>,
}

impl Shared {
    /// Tells whether an answer may be a [`FileBody`].
    pub(crate) const fn can_send_files(&self) -> bool {
        self.can_send_files
    }

    /// Returns how many bytes came over the connection so far, heads and framing included.
    pub(crate) fn received(&self) -> u64 {
        self.received.get()
    }
}

/// A request that is being answered: the idle timers are off.
pub(crate) struct Busy(Rc<Shared>);

impl Busy {
    /// Notes that a request began.
    pub(crate) fn begin(shared: &Rc<Shared>) -> Self {
        shared.open.set(shared.open.get() + 1);
        shared.has_served.set(true);
        shared.input_since.set(None);
        Self(Rc::clone(shared))
    }

    /// Returns how many requests of the connection are open, this one included.
    pub(crate) fn open_requests(&self) -> usize {
        self.0.open.get()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
        self.0.idle_since.set(Instant::now());
        self.0.input_since.set(None);
    }
}

impl<S: SendFile> Connection<S> {
    pub(crate) fn new(stream: S, limits: IdleLimits, is_multiplexed: bool) -> Self {
        let shared = Shared {
            open: Cell::new(0),
            has_served: Cell::new(false),
            idle_since: Cell::new(Instant::now()),
            input_since: Cell::new(None),
            received: Cell::new(0),
            can_send_files: stream.can_send_files() && !is_multiplexed,
            outgoing: RefCell::default(),
        };
        Self {
            stream,
            limits,
            is_multiplexed,
            shared: Rc::new(shared),
            read_timer: Timer::default(),
            write_watch: WriteWatch {
                silence: limits.write_silence,
                timer: Timer::default(),
                stalled: None,
            },
        }
    }

    /// Sends the file that a body named, if there is one.
    fn poll_send_file(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shared = Rc::clone(&self.shared);
        let mut slot = shared.outgoing.borrow_mut();
        let Some(outgoing) = slot.as_mut().filter(|outgoing| !outgoing.is_over()) else {
            return Poll::Ready(Ok(()));
        };
        let Self {
            stream,
            write_watch,
            ..
        } = self;
        outgoing.poll_send(cx, stream, |cx, sent| {
            write_watch.watch(cx, &self.shared, sent)
        })
    }

    /// Returns what it runs over.
    pub(crate) const fn stream(&self) -> &S {
        &self.stream
    }

    /// Returns what requests tell the connection through.
    pub(crate) fn shared(&self) -> Rc<Shared> {
        Rc::clone(&self.shared)
    }

    /// Returns when the next request must have begun, if it must.
    fn idle_deadline(&self) -> Option<Instant> {
        let shared = &self.shared;
        if self.is_multiplexed || shared.open.get() > 0 || !shared.has_served.get() {
            return None;
        }
        let next_request = shared.idle_since.get() + self.limits.keep_alive + self.limits.head;
        let whole_head = shared
            .input_since
            .get()
            .map(|since| since + self.limits.head);
        Some(whole_head.map_or(next_request, |deadline| deadline.min(next_request)))
    }
}

/// Turns a write that waits into an error once it waited too long.
struct WriteWatch {
    silence: Duration,
    timer: Timer,
    stalled: Option<Instant>,
}

impl WriteWatch {
    fn watch(
        &mut self,
        cx: &mut Context<'_>,
        shared: &Shared,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            // The end of an answer still goes out: the wait for the next request has not begun.
            if shared.open.get() == 0 {
                shared.idle_since.set(Instant::now());
            }
            return written;
        }
        let since = *self.stalled.get_or_insert_with(Instant::now);
        if self.timer.poll_elapsed(cx, since + self.silence) {
            return Poll::Ready(Err(timed_out("client takes no more of the answer")));
        }
        Poll::Pending
    }
}

fn timed_out(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, reason)
}

/// A timer whose deadline is mostly put off: it is moved only when it is due or too late, so that
/// putting it off costs nothing.
#[derive(Default)]
struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Tells whether `deadline` has passed, and otherwise wakes the task no later than then.
    fn poll_elapsed(&mut self, cx: &mut Context<'_>, deadline: Instant) -> bool {
        let sleep = self
            .0
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        loop {
            if sleep.deadline() > deadline || sleep.is_elapsed() {
                if Instant::now() >= deadline {
                    return true;
                }
                sleep.as_mut().reset(deadline);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return false;
            }
        }
    }
}

impl<S: AsyncRead + SendFile + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if read.is_ready() {
            let shared = &this.shared;
            let came = buffer.filled().len() - before;
            shared.received.set(shared.received.get() + came as u64);
            if came > 0 && shared.open.get() == 0 && shared.input_since.get().is_none() {
                shared.input_since.set(Some(Instant::now()));
            }
            return read;
        }
        match this.idle_deadline() {
            Some(deadline) if this.read_timer.poll_elapsed(cx, deadline) => {
                Poll::Ready(Err(timed_out("client does not go on with its request")))
            }
            _ => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + SendFile + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        let this = &mut *self;
        this.write_watch.watch(cx, &this.shared, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        let this = &mut *self;
        this.write_watch.watch(cx, &this.shared, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // actix flushes once all that it has to say is written: the head of the answer is out.
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.poll_send_file(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
