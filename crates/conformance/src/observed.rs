//! The leaf of a testbed, looked at.

use core::task::{Context as TaskContext, Poll};
use std::sync::{Arc, Mutex, PoisonError};

use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt as _};
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_transport::{Channels, Context, Invocation, Progress};

use crate::Testbed;
use crate::erased::{Incoming, Outgoing};

/// The context of the kit's calls.
pub(crate) type Cx = Context<()>;

/// The response of a leaf.
pub(crate) type Response = Channels<Outgoing, Incoming>;

/// A leaf that knows which calls have reached it.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    leaf: BoxCloneSyncService<Invocation<Cx>, Response, RpcError>,
    calls: Arc<Mutex<Vec<Progress>>>,
}

impl Observed {
    pub(crate) fn new<T: Testbed>(leaf: T::Leaf) -> Self {
        let leaf = leaf
            .map_request(|invocation: Invocation<Cx>| {
                invocation.map_context(|_| Context::new(T::Context::default()))
            })
            .map_response(|channels: Channels<T::Outgoing, T::Incoming>| Channels {
                outgoing: Outgoing::new(channels.outgoing),
                incoming: Incoming::new(channels.incoming),
                progress: channels.progress,
            });
        Self {
            leaf: BoxCloneSyncService::new(leaf),
            calls: Arc::default(),
        }
    }

    /// How many calls have reached the transport.
    pub(crate) fn reached(&self) -> usize {
        self.with_calls(|calls| calls.len())
    }

    /// How far the last call has come that reached the transport.
    pub(crate) fn last(&self) -> Option<Progress> {
        self.with_calls(|calls| calls.last().cloned())
    }

    /// Looks at every call that reached the transport.
    pub(crate) fn all(&self, condition: impl Fn(&Progress) -> bool) -> bool {
        self.with_calls(|calls| calls.iter().all(condition))
    }

    fn with_calls<R>(&self, look: impl FnOnce(&mut Vec<Progress>) -> R) -> R {
        look(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Service<Invocation<Cx>> for Observed {
    type Response = Response;
    type Error = RpcError;
    type Future = <BoxCloneSyncService<Invocation<Cx>, Response, RpcError> as Service<
        Invocation<Cx>,
    >>::Future;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), RpcError>> {
        self.leaf.poll_ready(cx)
    }

    fn call(&mut self, invocation: Invocation<Cx>) -> Self::Future {
        self.with_calls(|calls| calls.push(invocation.progress().clone()));
        self.leaf.call(invocation)
    }
}
