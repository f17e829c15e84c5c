//! What is known about a call that is served.

use core::fmt;
use core::future::poll_fn;
use core::pin::pin;
use core::time::Duration;
use std::sync::Arc;

use async_nats::HeaderMap;
use tokio::time::Instant;
use wrpc_middleware_errors::RpcError;

use crate::CallContext;
use crate::exchange::Exchange;

/// What is known about a call that is served, beside its parameters.
#[derive(Default)]
pub struct ServeContext {
    pub(super) headers: Option<HeaderMap>,
    pub(super) deadline: Option<Instant>,
    pub(super) caller: Option<Arc<str>>,
    /// None before the call was taken.
    pub(super) exchange: Option<Arc<Exchange>>,
}

impl ServeContext {
    /// The headers of the call.
    #[must_use]
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.headers.as_ref()
    }

    /// When the call has to be over: its caller waits no longer.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Brings the deadline forward, or sets it.
    pub fn limit(&mut self, timeout: Duration) {
        let limit = Instant::now().checked_add(timeout);
        self.deadline = match (self.deadline, limit) {
            (Some(deadline), Some(limit)) => Some(deadline.min(limit)),
            (deadline, limit) => deadline.or(limit),
        };
    }

    /// The component whose inbox the answer goes to, if the inbox names one.
    ///
    /// It is the caller as far as the broker binds inboxes to users: whoever names the inbox of
    /// another never sees the answer, but the call may run.
    #[must_use]
    pub fn caller(&self) -> Option<&str> {
        self.caller.as_deref()
    }

    /// `context` with the deadline of this call, for the calls that serving it takes.
    #[must_use]
    pub fn nested(&self, context: CallContext) -> CallContext {
        match self.deadline {
            Some(deadline) => context.with_deadline(deadline),
            None => context,
        }
    }

    /// Resolves once nobody waits for the call any more: its caller has given up, or it failed.
    /// Never, if the call was not taken yet.
    ///
    /// Cancel safe.
    pub async fn given_up(&self) -> RpcError {
        let Some(exchange) = &self.exchange else {
            return core::future::pending().await;
        };
        let waiting = Waiting {
            exchange,
            key: exchange.key(),
        };
        poll_fn(|cx| exchange.poll_failed(waiting.key, cx)).await
    }

    /// Runs `work` as long as the call is wanted: until its caller gives up or its deadline passes.
    ///
    /// # Errors
    ///
    /// Why it is no longer wanted. `work` is dropped then.
    pub async fn run<F: Future>(&self, work: F) -> Result<F::Output, RpcError> {
        let deadline = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => core::future::pending().await,
            }
        };
        // Dropped after it is known why, which is what its streams end in then.
        let mut work = pin!(work);
        tokio::select! {
            biased;
            output = &mut work => Ok(output),
            error = self.given_up() => Err(error),
            () = deadline => Err(self.expired()),
        }
    }

    fn expired(&self) -> RpcError {
        use wrpc_middleware_errors::{Delivery, RpcErrorKind};
        const REASON: &str = "the deadline passed before there was a result";
        match &self.exchange {
            Some(exchange) => {
                let error = exchange.error(RpcErrorKind::Timeout, Delivery::Accepted, REASON);
                exchange.fail(error.clone());
                error
            }
            None => RpcError::new(RpcErrorKind::Timeout, Delivery::NotSent, REASON),
        }
    }
}

/// Leaves no waker behind.
struct Waiting<'a> {
    exchange: &'a Exchange,
    key: u32,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.exchange.forget(self.key);
    }
}

impl fmt::Debug for ServeContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeContext")
            .field("deadline", &self.deadline)
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}
