//! Traces of calls that are served: [`ServeTraceLayer`].
//!
//! # What it does
//!
//! The service runs for each call within a span, made for what the headers of the call say. Calls
//! that the service makes within it, over a [`TraceLayer`](super::client::TraceLayer), are of the
//! same trace where OpenTelemetry knows the span; make their context by [`nested`](super::nested)
//! and they are without it.
//!
//! ```
//! use tower::Layer as _;
//! use wrpc_middleware_nats::serve::handler;
//! use wrpc_middleware_telemetry::trace::served::ServeTraceLayer;
//!
//! let service = ServeTraceLayer::new().layer(handler(async |(_, results, params)| {
//!     // …
//! #   drop((results, params)); Ok(())
//! }));
//! ```

mod layer;
mod service;

pub use self::layer::ServeTraceLayer;
pub use self::service::ServeTrace;
pub use super::span::CallSpan;
