//! Metrics through the [`metrics`] facade.
//!
//! | layer | for |
//! |---|---|
//! | [`client::MetricsLayer`] | calls that are made |
//! | [`served::ServeMetricsLayer`] | calls that are served by a `tower` service |
//!
//! What serves by a [`wrpc_transport::Serve`], the runtime's `ExportServer` for one, is measured by
//! [`served::ObservedServe`](crate::served::ObservedServe).
//!
//! # Where they go
//!
//! To the recorder of the facade, or to one of their [own](MetricsOptions::recorder). Handles are
//! kept, so install the recorder of the facade before the first call.
//!
//! # Labels
//!
//! A label is the id of a target, the name of an instance without its version, that of a function,
//! an [outcome](crate::Outcome), or a delivery; never a subject, an inbox or a message. Instances,
//! functions and targets are named by guests and peers, so they are bounded: past
//! [a number](MetricsOptions::max_series) of them, and where a name is longer than 256 bytes,
//! [`OTHER`] stands in their place.
//!
//! # Names
//!
//! | metric | type |
//! |---|---|
//! | [`CLIENT_CALLS`] | counter |
//! | [`CLIENT_CALL_DURATION`] | histogram |
//! | [`CLIENT_CALLS_IN_FLIGHT`] | gauge |
//! | [`CLIENT_TARGET_STATE`] | gauge |
//! | [`SERVER_CALLS`] | counter |
//! | [`SERVER_CALL_DURATION`] | histogram |
//! | [`SERVER_CALLS_IN_FLIGHT`] | gauge |
//! | [`NATS_CONNECTION_STATE`] | gauge |
//!
//! They follow the
//! [semantic conventions of OpenTelemetry](https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/)
//! in what they measure: `rpc.client.call.duration` and `rpc.server.call.duration` are histograms of
//! seconds from the start of a call to its end, with their buckets among [`DURATION_BUCKETS`]. They
//! differ in names, as Prometheus has them: `wrpc_` for `rpc.`, `instance` and `function` for
//! `rpc.method`, `outcome` for `error.type`, which here has a value for calls that went well too.

mod capped;
pub mod client;
#[cfg(feature = "nats")]
mod connection;
mod names;
mod options;
mod series;
#[cfg(feature = "nats")]
pub mod served;
mod state;

#[cfg(feature = "nats")]
pub use self::connection::ConnectionMetrics;
pub use self::names::{
    CLIENT_CALL_DURATION, CLIENT_CALLS, CLIENT_CALLS_IN_FLIGHT, CLIENT_TARGET_STATE,
    DURATION_BUCKETS, NATS_CONNECTION_STATE, OTHER, SERVER_CALL_DURATION, SERVER_CALLS,
    SERVER_CALLS_IN_FLIGHT, UNRESOLVED,
};
pub use self::options::MetricsOptions;
