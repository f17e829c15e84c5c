//! Traces: [`tracing`] spans of calls, and trace context in the headers of NATS.
//!
//! | layer | for |
//! |---|---|
//! | [`client::TraceLayer`] | calls that are made |
//! | [`served::ServeTraceLayer`] | calls that are served by a `tower` service |
//!
//! What serves by a [`wrpc_transport::Serve`], the runtime's `ExportServer` for one, is traced by
//! [`ObservedServe`](crate::served::ObservedServe).
//!
//! # What travels
//!
//! `traceparent` and `tracestate`, as the [W3C](https://www.w3.org/TR/trace-context/) has them, in
//! the headers of the call. What is malformed or too long is ignored: the call is one without a
//! trace. Peers that know nothing of it ignore both.
//!
//! # Which trace a call is of
//!
//! - One that is served: that of its headers.
//! - One that is made: that of the call which it is made for, as the current span tells, if
//!   OpenTelemetry knows that, or else the headers in its context, where [`nested`] puts what the
//!   served call said.
//! - A new one, if there is none, and if somebody is interested in the span.
//!
//! Without interest in the span the headers travel on as they are, and the layers do nothing else.
//!
//! # Spans
//!
//! They are called `wrpc.call` and `wrpc.serve`, at the level `INFO`, with the fields `rpc.system`,
//! `rpc.service`, `rpc.method`, `trace_id`, and at the end `outcome`, and `error.type` and
//! `otel.status_code` where that is not `ok`. The level of their target, `wrpc_middleware_telemetry`,
//! turns them on and off.
//!
//! With the feature `opentelemetry`, and a layer of `tracing-opentelemetry` in the subscriber, they
//! are its spans, and its ids are what travels. This crate needs the interface of `OpenTelemetry`
//! alone; the SDK, its sampler and exporters are the program's.

pub mod client;
mod context;
mod headers;
#[cfg(feature = "opentelemetry")]
mod otel;
pub mod served;
mod span;

pub use self::context::TraceContext;
pub(crate) use self::headers::with;
pub use self::headers::{Headers, HeadersMut, nested};
pub(crate) use self::span::{CallSpan, Side};
