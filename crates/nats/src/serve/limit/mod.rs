//! A limit on running calls: [`ConcurrencyLimitLayer`] refuses further ones with
//! [`Overloaded`](wrpc_middleware_errors::RpcErrorKind::Overloaded).
//!
//! # What it bounds
//!
//! Calls that are running, from the moment one comes here until all of its streams are dropped,
//! those that were indexed out of them included, and the service that [`Serving`](super::Serving)
//! runs for it has ended. One more is refused at once: its caller can go elsewhere while it has
//! time to, where a queue would spend that time. All services that one layer makes share its limit, so it can be that of one function
//! or of many; that of everything a client serves is
//! [`Options::max_running`](crate::Options::max_running).
//!
//! # What it does not bound
//!
//! How long a call runs: see [`deadline`](super::deadline). How many are refused, which costs an
//! answer each.
//!
//! # Delivery
//!
//! Always `not-sent`.
//!
//! # Differences from `tower::limit::ConcurrencyLimit` and `tower::load_shed`
//!
//! `tower`'s [limit](tower::limit::ConcurrencyLimit) makes calls wait; with
//! [`LoadShed`](tower::load_shed::LoadShed) in front they are refused, and
//! [`ForeignLayer`](super::foreign::ForeignLayer) makes that `overloaded`. Its permit is given back
//! when the response future ends, so it does not count a call whose streams were handed to a task
//! of its own.
//!
//! ```
//! use tower::ServiceBuilder;
//! use wrpc_middleware_nats::serve::handler;
//! use wrpc_middleware_nats::serve::limit::ConcurrencyLimitLayer;
//!
//! let service = ServiceBuilder::new()
//!     .layer(ConcurrencyLimitLayer::new(64))
//!     .service(handler(async |(_, results, params)| {
//!         // …
//! #       drop((results, params)); Ok(())
//!     }));
//! ```

mod layer;
mod service;
#[cfg(test)]
mod tests;

pub use self::layer::ConcurrencyLimitLayer;
pub use self::service::ConcurrencyLimit;
pub use super::gate::ResponseFuture;
