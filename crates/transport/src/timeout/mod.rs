//! One deadline for a whole call: [`TimeoutLayer`] fails it with
//! [`Timeout`](crate::RpcErrorKind::Timeout).
//!
//! # What it bounds
//!
//! Everything, by one absolute point in time: the wait for the inner service's readiness, the
//! handshake, every write, flush and shutdown and every read of both streams and of the streams
//! that are indexed out of them. A target that sends a byte now and then does not escape it. The
//! deadline is the earlier of the caller's ([`Invocation::deadline`](crate::Invocation)) and
//! the layer's, and inner services see it in the invocation.
//!
//! The service itself is always ready; it awaits the inner service's readiness as part of the call.
//! So the layers above do not see whether the inner service is ready: what sheds or queues calls
//! belongs below. An inner service that is ready is called at once, and not when the call is first
//! polled: it may have sent the call by then, and what it holds for the call, a permit for example,
//! it holds until the call is polled to its end or dropped.
//!
//! # What it does not bound
//!
//! - A stream that nobody polls: no timer fires for it, and the next operation fails.
//! - Indexed streams, where [`stream_idle`](TimeoutLayer::stream_idle) is set: from the moment one
//!   is indexed, its silence is bounded instead of its length.
//! - The work of the target, which goes on unless it learns of the deadline itself.
//!
//! # Delivery
//!
//! What the call's [`Progress`] has proven: `not-sent` while it waits for
//! readiness or is held back by the leaf, `accepted` after the handshake, `unknown` in between.
//!
//! # Differences from `tower::timeout`
//!
//! `tower`'s ends with the response future, which here is the handshake: it does not bound the
//! reading of results, nor the wait for readiness.
//!
//! ```
//! use core::time::Duration;
//! use tower::ServiceBuilder;
//! use wrpc_middleware_transport::Transport;
//! use wrpc_middleware_transport::timeout::TimeoutLayer;
//!
//! # fn wrap<T: wrpc_transport::Invoke + Clone>(client: T) {
//! let service = ServiceBuilder::new()
//!     .layer(TimeoutLayer::new(Duration::from_secs(2)))
//!     .service(Transport::new(client));
//! # }
//! ```

mod deadline;
mod future;
mod layer;
mod policy;
mod service;

pub use deadline::Deadline;
pub use future::ResponseFuture;
pub use layer::TimeoutLayer;
pub use policy::TimeoutPolicy;
pub use service::Timeout;

use core::fmt;
use core::time::Duration;

use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use crate::Progress;

fn timed_out(progress: &Progress, delivery: Delivery) -> RpcError {
    progress.error(
        RpcErrorKind::Timeout,
        delivery,
        "the deadline passed before the call was over",
    )
}

fn idle(progress: &Progress, limit: Duration) -> RpcError {
    let reason = fmt::from_fn(move |f| write!(f, "a stream of the call stood still for {limit:?}"));
    progress.error(RpcErrorKind::Timeout, progress.delivery(), reason)
}
