//! One deadline for a whole call: [`DeadlineLayer`] ends it with
//! [`Timeout`](wrpc_middleware_errors::RpcErrorKind::Timeout).
//!
//! # What it bounds
//!
//! The inner service, by one absolute point in time: its readiness and all that it does until its
//! response future resolves. It is dropped then, so what it awaits has to bear that. The deadline
//! is the earlier of the caller's and the layer's own, a [`TimeoutPolicy`] as
//! [`timeout`](wrpc_middleware_transport::timeout) has it, and
//! [`ServeContext::deadline`](super::ServeContext::deadline) is set to it: calls that the service
//! takes by [`ServeContext::nested`](super::ServeContext::nested) inherit it.
//!
//! It ends as well when nobody waits for the call any more, since its caller has given up. Nothing
//! is answered then.
//!
//! The service itself is always ready; it awaits the inner service's readiness as part of the call.
//! A call that waits there, or in a queue below, until its deadline is refused and never runs.
//!
//! # What it does not bound
//!
//! - What the inner service has spawned: its streams fail, but for ones that it closed.
//! - A service that does not await: it is dropped between two polls.
//! - A call whose caller gives up before it was taken: nothing tells the server.
//!
//! # Delivery
//!
//! `not-sent` if the call was not taken yet, otherwise `accepted`.
//!
//! # Differences from `tower::timeout`
//!
//! `tower`'s knows nothing of the caller's deadline, tells the service none, and bounds no
//! readiness; [`ForeignLayer`](super::foreign::ForeignLayer) makes its error a `timeout`.
//!
//! ```
//! use core::time::Duration;
//! use tower::ServiceBuilder;
//! use wrpc_middleware_nats::serve::deadline::DeadlineLayer;
//! use wrpc_middleware_nats::serve::handler;
//!
//! let service = ServiceBuilder::new()
//!     .layer(DeadlineLayer::new(Duration::from_secs(2)))
//!     .service(handler(async |(_, results, params)| {
//!         // …
//! #       drop((results, params)); Ok(())
//!     }));
//! ```

mod future;
mod layer;
mod service;
#[cfg(test)]
mod tests;

pub use wrpc_middleware_transport::timeout::TimeoutPolicy;

pub use self::future::ResponseFuture;
pub use self::layer::DeadlineLayer;
pub use self::service::Deadline;
