//! Traces of calls that are made: [`TraceLayer`].
//!
//! # What it does
//!
//! Each call has a span, from the moment the service is called until both of its streams, and every
//! stream that was indexed out of them, are dropped; what is done for the call meanwhile is done
//! within it. The call carries the span to its target, in its headers.
//!
//! See the [outcome](crate::metrics::client) that a span has, and [which trace](super) it is of.
//!
//! # What it does not do
//!
//! Tell apart attempts: put it below a retry to have a span for each.
//!
//! ```
//! use tower::Layer as _;
//! use wrpc_middleware_telemetry::trace::client::TraceLayer;
//! use wrpc_middleware_nats::{CallContext, Client};
//! use wrpc_middleware_transport::link::LinkTable;
//! use wrpc_middleware_transport::{Invoker, Stack};
//!
//! # fn wrap(client: Client) -> impl wrpc_transport::Invoke {
//! let traced = TraceLayer::new().layer(Stack::new(LinkTable::default()).layer(client));
//! Invoker::<_, CallContext>::new(traced)
//! # }
//! ```

mod layer;
mod service;

pub use self::layer::TraceLayer;
pub use self::service::Trace;
pub use super::span::CallSpan;
