//! Metrics and traces of wRPC calls.
//!
//! [`metrics`] counts calls and measures how long they take, through the facade of that name;
//! [`trace`] makes [`tracing`] spans of them, and lets trace context travel in the headers of NATS.
//! Both are `tower` layers for calls that are made and for calls that are served, and [`served`] is
//! both for what serves by a [`wrpc_transport::Serve`].
//!
//! Nothing global is changed: which recorder and which subscriber there is, is up to the program.
//!
//! # Order
//!
//! Outermost, in front of the `Stack`, so that what the stack refuses is seen too:
//!
//! ```
//! use tower::ServiceBuilder;
//! use wrpc_middleware_nats::{CallContext, Client};
//! use wrpc_middleware_telemetry::metrics::MetricsOptions;
//! use wrpc_middleware_telemetry::metrics::client::{ClientMetrics, MetricsLayer};
//! use wrpc_middleware_telemetry::trace::client::TraceLayer;
//! use wrpc_middleware_transport::link::LinkTable;
//! use wrpc_middleware_transport::{Invoker, Stack};
//!
//! # fn wrap(client: Client) -> impl wrpc_transport::Invoke {
//! let metrics = ClientMetrics::new(MetricsOptions::new());
//! let service = ServiceBuilder::new()
//!     .layer(MetricsLayer::new(metrics))
//!     .layer(TraceLayer::new())
//!     .layer(Stack::new(LinkTable::default()))
//!     .service(client);
//! Invoker::<_, CallContext>::new(service)
//! # }
//! ```

pub mod call;
#[cfg(all(any(test, fuzzing), feature = "nats"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod metrics;
mod outcome;
#[cfg(feature = "nats")]
pub mod served;
#[cfg(feature = "nats")]
pub mod trace;

pub use outcome::Outcome;
