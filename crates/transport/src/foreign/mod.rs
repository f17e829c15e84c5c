//! Middleware of others in the same stack: [`ForeignLayer`] makes an
//! [`RpcError`](crate::RpcError) of whatever the services below it fail with.
//!
//! The layers of [`tower`] fail with a `BoxError`. Put this layer above them:
//!
//! | layer | here it bounds | its error becomes |
//! |---|---|---|
//! | [`tower::timeout`] | the call up to the handshake, neither readiness nor the streams | `timeout`, delivery as far as proven |
//! | [`tower::load_shed`] | nothing; it fails where the service below is not ready | `overloaded`, `not-sent` |
//! | [`tower::limit::concurrency`] | calls up to the handshake: use [`limit`](crate::limit) | none of its own |
//! | [`tower::limit::rate`] | handed-out readiness per time | none of its own |
//! | [`tower::buffer`] | calls that wait for a service that is not ready | `other` if its worker is gone |
//! | [`tower::retry`] | repeats failures up to the handshake: see [`retry`](crate::retry) | none of its own |
//! | `tower::hedge` | repeats what is slow up to the handshake, so for idempotent functions only | none of its own |
//!
//! What sheds or queues by readiness goes below [`Stack`](crate::Stack), link authorization and our
//! timeout, which are always ready and await what is below as part of the call.
//!
//! An `RpcError` of a service further below passes unchanged, through any of them.
//!
//! ```
//! use core::time::Duration;
//! use tower::ServiceBuilder;
//! use wrpc_middleware_transport::Transport;
//! use wrpc_middleware_transport::foreign::ForeignLayer;
//! use wrpc_middleware_transport::limit::ConcurrencyLimitLayer;
//!
//! # fn wrap<T: wrpc_transport::Invoke + Clone>(client: T) {
//! let service = ServiceBuilder::new()
//!     .layer(ForeignLayer::new())
//!     .load_shed()
//!     .timeout(Duration::from_secs(1))
//!     .layer(ConcurrencyLimitLayer::new(64))
//!     .service(Transport::new(client));
//! # }
//! ```

mod future;
mod layer;
mod map;
mod service;

pub use future::ResponseFuture;
pub use layer::ForeignLayer;
pub use map::rpc_error;
pub use service::Foreign;
