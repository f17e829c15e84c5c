//! Calls as they come.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::{BoxStream, SelectAll};
use futures::{Stream, StreamExt as _};

use super::{InvocationError, ServeError};

/// One call that was taken: run it to answer the caller.
///
/// It fails with the reason why the caller got no answer. It belongs to nobody else, so it may be
/// spawned, and it ends no matter what becomes of the [`Served`] that it came from. Dropped, it
/// leaves the call unanswered; a guest that shares its instance with other calls goes on to its
/// end all the same.
pub type Invocation = BoxFuture<'static, Result<(), InvocationError>>;

/// The calls of one function.
pub(super) type Calls<C> = BoxStream<'static, Result<(C, Invocation), ServeError>>;

/// The calls of every function that is served, as they come.
///
/// Yields the transport's context of each call together with the [`Invocation`] that answers it,
/// or [`ServeError::Accept`] if the transport failed to take one. Functions take turns, so a busy
/// one doesn't starve the others. Ends when the transport has ended all of them,
/// so at once if there is none.
///
/// Dropping it stops taking calls; those that were yielded are not affected.
#[must_use = "no calls are taken unless it is polled"]
pub struct Served<C> {
    functions: Vec<Box<str>>,
    calls: SelectAll<Calls<C>>,
}

impl<C> Served<C> {
    pub(super) fn new() -> Self {
        Self {
            functions: Vec::new(),
            calls: SelectAll::new(),
        }
    }

    pub(super) fn push(&mut self, function: impl Into<Box<str>>, calls: Calls<C>) {
        self.functions.push(function.into());
        self.calls.push(calls);
    }

    /// The functions that are served, as `namespace:package/interface#function`.
    pub fn functions(&self) -> impl ExactSizeIterator<Item = &str> {
        self.functions.iter().map(|name| &**name)
    }
}

impl<C> Stream for Served<C> {
    type Item = Result<(C, Invocation), ServeError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.calls.poll_next_unpin(cx)
    }
}

impl<C> fmt::Debug for Served<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served")
            .field("functions", &self.functions)
            .finish_non_exhaustive()
    }
}
