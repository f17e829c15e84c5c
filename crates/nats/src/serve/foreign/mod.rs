//! Middleware of others in the same stack: [`ForeignLayer`] makes an
//! [`RpcError`](wrpc_middleware_errors::RpcError) of whatever the services below it fail with.
//!
//! It is to the calls that are served what [`wrpc_middleware_transport::foreign`] is to those that
//! are made. The layers of [`tower`] fail with a `BoxError`. Put this layer above them:
//!
//! | layer | here it bounds | its error becomes |
//! |---|---|---|
//! | [`tower::timeout`] | the call, but not readiness, nor what the service spawns | `timeout`, delivery as far as proven |
//! | [`tower::load_shed`] | nothing; it fails where the service below is not ready | `overloaded`, `not-sent` |
//! | [`tower::limit::concurrency`] | calls, but not streams that the service hands to a task | none of its own |
//! | [`tower::limit::rate`] | handed-out readiness per time; needs a `buffer`, as it is not `Clone` | none of its own |
//! | [`tower::buffer`] | calls that wait for a service that is not ready | `other` if its worker is gone |
//!
//! A [`Request`](super::Request) is no `Clone`, so nothing is repeated here.
//!
//! An `RpcError` of a service further below passes unchanged, through any of them. What makes calls
//! wait belongs below [`deadline`](super::deadline), which refuses those that waited for too long.
//!
//! ```
//! use tower::ServiceBuilder;
//! use wrpc_middleware_nats::serve::foreign::ForeignLayer;
//! use wrpc_middleware_nats::serve::handler;
//!
//! let service = ServiceBuilder::new()
//!     .layer(ForeignLayer::new())
//!     .layer(tower::load_shed::LoadShedLayer::new())
//!     .layer(tower::limit::ConcurrencyLimitLayer::new(64))
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

pub use self::future::ResponseFuture;
pub use self::layer::ForeignLayer;
pub use self::service::Foreign;
