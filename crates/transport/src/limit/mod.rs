//! A limit on running calls: [`ConcurrencyLimitLayer`] makes further calls wait for their turn.
//!
//! # What it bounds
//!
//! Calls that are running, from the moment the service is ready for one until both of its streams,
//! and every stream that was indexed out of them, are dropped. The clones of a service share the
//! limit.
//!
//! # What it does not bound
//!
//! How many calls wait, and for how long: put `tower::load_shed` right in front to fail instead of
//! waiting ([`Overloaded`](crate::RpcErrorKind::Overloaded), by
//! [`ForeignLayer`](crate::foreign::ForeignLayer)), or a
//! [`TimeoutLayer`](crate::timeout::TimeoutLayer), which bounds readiness too.
//!
//! # Differences from `tower::limit::ConcurrencyLimit`
//!
//! `tower`'s gives the permit back when the response future ends, which is at the handshake: N
//! calls may then hold any number of targets busy. This one holds it for the whole call.

mod future;
mod layer;
mod permitted;
mod service;

pub use future::ResponseFuture;
pub use layer::ConcurrencyLimitLayer;
pub use permitted::Permitted;
pub use service::ConcurrencyLimit;
