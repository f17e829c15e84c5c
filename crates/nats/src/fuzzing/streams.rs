//! The streams of a call, with what has to hold each time one is used.

use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use std::io;
use std::sync::Arc;
use std::task::Wake;

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use wrpc_middleware_errors::RpcError;
use wrpc_transport::Index as _;

use crate::{Incoming, Outgoing};

/// Whether who waits was woken.
#[derive(Default)]
struct Flag(AtomicBool);

impl Flag {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Polls once, with a new flag as the waker.
fn poll<T>(flag: &mut Arc<Flag>, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    *flag = Arc::default();
    poll(&mut Context::from_waker(&Waker::from(Arc::clone(flag))))
}

/// How a stream has ended.
#[derive(Clone, Debug)]
pub(super) enum End {
    Clean,
    Failed(RpcError),
}

pub(super) struct Reader {
    stream: Incoming,
    flag: Arc<Flag>,
    /// As much as was asked for, while it waits.
    waits: Option<usize>,
    pub(super) path: Vec<usize>,
    pub(super) read: Vec<u8>,
    pub(super) end: Option<End>,
}

impl Reader {
    pub(super) fn new(stream: Incoming) -> Self {
        Self {
            stream,
            flag: Arc::default(),
            waits: None,
            path: Vec::new(),
            read: Vec::new(),
            end: None,
        }
    }

    pub(super) fn child(&self, path: &[usize]) -> Option<Self> {
        let mut child = Self::new(self.stream.index(path).ok()?);
        child.path = [&self.path, path].concat();
        Some(child)
    }

    /// Reads once.
    pub(super) fn read(&mut self, len: usize) {
        let mut bytes = vec![0; len.max(1)];
        let mut buf = ReadBuf::new(&mut bytes);
        let stream = Pin::new(&mut self.stream);
        let polled = poll(&mut self.flag, |cx| stream.poll_read(cx, &mut buf));
        self.waits = polled.is_pending().then_some(len);
        let end = match polled {
            Poll::Pending => {
                assert!(self.end.is_none(), "there may be more after {:?}", self.end);
                return;
            }
            Poll::Ready(Ok(())) if buf.filled().is_empty() => End::Clean,
            Poll::Ready(Ok(())) => {
                assert!(self.end.is_none(), "there is more after {:?}", self.end);
                self.read.extend_from_slice(buf.filled());
                return;
            }
            Poll::Ready(Err(error)) => End::Failed(typed(&error)),
        };
        match (&self.end, &end) {
            (None, _) | (Some(End::Clean), End::Clean) => {}
            // One that was never to be read says why the call failed, once that is known.
            (Some(End::Failed(before)), End::Failed(_)) if is_stranger(before) => {}
            (Some(End::Failed(before)), End::Failed(after)) => same(before, after),
            (Some(before), after) => panic!("{after:?} after {before:?}"),
        }
        self.end = Some(end);
    }

    /// One that waits and was not woken has nothing to wait for.
    pub(super) fn was_woken_if_need_be(&mut self) {
        if let Some(len) = self.waits.filter(|_| !self.flag.is_set()) {
            self.read(len);
            assert!(
                self.waits.is_some(),
                "the reader of {:?} was not woken",
                self.path
            );
        }
    }
}

fn is_stranger(error: &RpcError) -> bool {
    error
        .message()
        .ends_with("was not asked for, or is read already")
}

/// What a writer does.
#[derive(Clone, Debug)]
pub(super) enum Work {
    Write(Vec<u8>),
    Flush,
    Shutdown,
}

pub(super) struct Writer {
    stream: Outgoing,
    flag: Arc<Flag>,
    waits: Option<Work>,
    /// Whether it was to be shut down, and nothing may be written any more.
    is_closing: bool,
    is_closed: bool,
    failure: Option<RpcError>,
}

impl Writer {
    pub(super) fn new(stream: Outgoing) -> Self {
        Self {
            stream,
            flag: Arc::default(),
            waits: None,
            is_closing: false,
            is_closed: false,
            failure: None,
        }
    }

    pub(super) fn child(&self, path: &[usize]) -> Option<Self> {
        Some(Self::new(self.stream.index(path).ok()?))
    }

    pub(super) fn fail(self, error: &RpcError) {
        self.stream.fail(error);
    }

    /// Works once, unless it is a mistake to.
    pub(super) fn work(&mut self, work: &Work) {
        self.is_closing |= matches!(work, Work::Shutdown);
        if self.is_closed || self.is_closing && !matches!(work, Work::Shutdown) {
            return;
        }
        let stream = Pin::new(&mut self.stream);
        let polled = poll(&mut self.flag, |cx| match work {
            Work::Write(bytes) => stream.poll_write(cx, bytes).map_ok(|written| {
                assert!(written <= bytes.len());
                assert!(written > 0 || bytes.is_empty(), "nothing was written");
            }),
            Work::Flush => stream.poll_flush(cx),
            Work::Shutdown => stream.poll_shutdown(cx),
        });
        self.waits = polled.is_pending().then(|| work.clone());
        match polled {
            Poll::Ready(Ok(())) => self.is_closed = matches!(work, Work::Shutdown),
            Poll::Ready(Err(error)) => {
                let error = typed(&error);
                if let Some(before) = &self.failure {
                    same(before, &error);
                }
                self.failure = Some(error);
            }
            Poll::Pending => {}
        }
    }

    /// The same as for a [`Reader`].
    pub(super) fn was_woken_if_need_be(&mut self) {
        if let Some(work) = self.waits.clone().filter(|_| !self.flag.is_set()) {
            self.work(&work);
            assert!(self.waits.is_some(), "a writer was not woken: {work:?}");
        }
    }
}

/// Every error of a stream is one of ours.
fn typed(error: &io::Error) -> RpcError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    let error: &RpcError = inner.unwrap_or_else(|| panic!("no type: {error:?}"));
    error.clone()
}

/// An error is final.
fn same(before: &RpcError, after: &RpcError) {
    let parts = |error: &RpcError| (error.kind(), error.delivery(), error.message().to_string());
    assert_eq!(parts(before), parts(after));
}
