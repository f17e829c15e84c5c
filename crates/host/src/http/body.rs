//! The body of a response, and what hangs on it.

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio_util::task::AbortOnDropHandle;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::access::Access;
use super::activity::Running;
use super::guest::Fate;
use super::refusal::Refusal;

/// A guest that runs. Dropping it ends the guest.
pub(super) type Task = AbortOnDropHandle<Result<(), Refusal>>;

/// Keeps its request running until it is dropped.
///
/// If that happens before the end of the body, its client is gone, and the guest is ended.
pub(super) struct ResponseBody {
    kind: Kind,
    access: Access,
    _running: Running,
}

enum Kind {
    /// What must not have one. How long it would be is not said either.
    None,
    Host(Full<Bytes>),
    Guest {
        body: HyperOutgoingBody,
        fate: Fate,
        task: Option<Task>,
        /// How much is to come, if the guest has said so.
        left: Option<u64>,
    },
}

/// Why a body ends before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("the component failed before its response was complete")]
    Failed,
    #[error("the component gave up its response")]
    Code(#[source] ErrorCode),
}

impl ResponseBody {
    /// What the host itself says.
    pub(super) fn host(text: Bytes, mut access: Access, running: Running) -> Self {
        access.completed();
        Self {
            kind: Kind::Host(Full::new(text)),
            access,
            _running: running,
        }
    }

    /// Nothing, in answer to `HEAD` and under a status that has no body.
    pub(super) fn none(mut access: Access, running: Running) -> Self {
        access.completed();
        Self {
            kind: Kind::None,
            access,
            _running: running,
        }
    }

    /// What a guest says, which may not have said all of it yet.
    ///
    /// `length` is how much it will be, if that is known.
    pub(super) fn guest(
        body: HyperOutgoingBody,
        length: Option<u64>,
        (task, fate): (Task, Fate),
        access: Access,
        running: Running,
    ) -> Self {
        let complete = body.is_end_stream() || length == Some(0);
        let mut this = Self {
            kind: Kind::Guest {
                body,
                fate,
                task: Some(task),
                left: length,
            },
            access,
            _running: running,
        };
        if complete {
            this.complete();
        }
        this
    }

    /// The guest has said everything. It may go on by itself.
    fn complete(&mut self) {
        self.access.completed();
        if let Kind::Guest { task, .. } = &mut self.kind
            && let Some(task) = task.take()
        {
            task.detach();
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if let Kind::Guest {
            fate,
            task: Some(_),
            ..
        } = &self.kind
        {
            // Before the guest can notice.
            fate.abandon();
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let (body, fate, left) = match &mut self.kind {
            Kind::None => return Poll::Ready(None),
            Kind::Host(body) => {
                let frame = ready!(Pin::new(body).poll_frame(cx));
                return Poll::Ready(frame.map(|frame| match frame {
                    Ok(frame) => Ok(frame),
                    Err(never) => match never {},
                }));
            }
            Kind::Guest {
                body, fate, left, ..
            } => (body, fate, left),
        };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        let complete = match (&frame, left) {
            (Some(Ok(frame)), left) => match (frame.data_ref(), left) {
                (Some(data), Some(left)) => {
                    *left = left.saturating_sub(u64::try_from(data.len()).unwrap_or(u64::MAX));
                    *left == 0
                }
                (Some(_), None) => false,
                // Trailers are the last.
                (None, _) => true,
            },
            (Some(Err(_)), _) => false,
            // Its end looks the same whether the guest has finished it or is gone.
            (None, _) if fate.is_bad() => return Poll::Ready(Some(Err(Broken::Failed))),
            (None, _) => true,
        };
        if complete {
            self.complete();
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Broken::Code)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::None => true,
            Kind::Host(body) => body.is_end_stream(),
            Kind::Guest { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::None => SizeHint::new(),
            Kind::Host(body) => body.size_hint(),
            Kind::Guest { body, .. } => body.size_hint(),
        }
    }
}
