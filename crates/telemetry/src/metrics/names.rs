//! What the metrics are called.

use metrics::{KeyName, Recorder, SharedString, Unit};

/// Calls that have ended, as a counter: `target`, `instance`, `function`, `outcome`, and `delivery`
/// unless the outcome is `ok`.
pub const CLIENT_CALLS: &str = "wrpc_client_calls_total";
/// How long calls took, in seconds, as a histogram: `target`, `instance`, `function`, `outcome`.
pub const CLIENT_CALL_DURATION: &str = "wrpc_client_call_duration_seconds";
/// Calls that run, as a gauge: `instance`, `function`.
pub const CLIENT_CALLS_IN_FLIGHT: &str = "wrpc_client_calls_in_flight";
/// What is known of a target, as a gauge for each `state` (`closed`, `open`, `half-open`) that is 1
/// for the one that holds: `target`, `state`.
pub const CLIENT_TARGET_STATE: &str = "wrpc_client_target_state";
/// Served calls that have ended, as a counter: `instance`, `function`, `outcome`, and `delivery`
/// unless the outcome is `ok`.
pub const SERVER_CALLS: &str = "wrpc_server_calls_total";
/// How long they took, in seconds, as a histogram: `instance`, `function`, `outcome`.
pub const SERVER_CALL_DURATION: &str = "wrpc_server_call_duration_seconds";
/// Served calls that run, as a gauge: `instance`, `function`.
pub const SERVER_CALLS_IN_FLIGHT: &str = "wrpc_server_calls_in_flight";
/// The connection to NATS, as a gauge for each `state` (`connected`, `disconnected`, `closed`) that
/// is 1 for the one that holds.
pub const NATS_CONNECTION_STATE: &str = "wrpc_nats_connection_state";

/// Upper bounds of the buckets of the histograms, in seconds: those that OpenTelemetry recommends
/// for RPC, and smaller ones, since a call over a local NATS takes less than a millisecond.
pub const DURATION_BUCKETS: [f64; 17] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0,
    2.5, 5.0, 10.0,
];

/// Stands in for names past the limit of series, as OpenTelemetry has it.
pub const OTHER: &str = "_OTHER";

/// Stands in for the target of a call that was not resolved.
pub const UNRESOLVED: &str = "_UNRESOLVED";

pub(crate) const TARGET: &str = "target";
pub(crate) const INSTANCE: &str = "instance";
pub(crate) const FUNCTION: &str = "function";
pub(crate) const OUTCOME: &str = "outcome";
pub(crate) const DELIVERY: &str = "delivery";
pub(crate) const STATE: &str = "state";

/// Tells `recorder` what the metrics of clients are.
pub(crate) fn describe_client(recorder: &dyn Recorder) {
    counter(recorder, CLIENT_CALLS, "Calls that have ended");
    seconds(
        recorder,
        CLIENT_CALL_DURATION,
        "How long calls took, to the end of their streams",
    );
    gauge(recorder, CLIENT_CALLS_IN_FLIGHT, "Calls that run");
    gauge(
        recorder,
        CLIENT_TARGET_STATE,
        "What is known of a target: 1 for the state that holds",
    );
}

/// Tells `recorder` what the metrics of servers are.
#[cfg(feature = "nats")]
pub(crate) fn describe_server(recorder: &dyn Recorder) {
    counter(recorder, SERVER_CALLS, "Served calls that have ended");
    seconds(recorder, SERVER_CALL_DURATION, "How long served calls took");
    gauge(recorder, SERVER_CALLS_IN_FLIGHT, "Served calls that run");
}

/// Tells `recorder` what the metrics of a connection are.
#[cfg(feature = "nats")]
pub(crate) fn describe_connection(recorder: &dyn Recorder) {
    gauge(
        recorder,
        NATS_CONNECTION_STATE,
        "The connection to NATS: 1 for the state that holds",
    );
}

fn counter(recorder: &dyn Recorder, name: &'static str, text: &'static str) {
    let (name, text) = described(name, text);
    recorder.describe_counter(name, Some(Unit::Count), text);
}

fn seconds(recorder: &dyn Recorder, name: &'static str, text: &'static str) {
    let (name, text) = described(name, text);
    recorder.describe_histogram(name, Some(Unit::Seconds), text);
}

fn gauge(recorder: &dyn Recorder, name: &'static str, text: &'static str) {
    let (name, text) = described(name, text);
    recorder.describe_gauge(name, Some(Unit::Count), text);
}

fn described(name: &'static str, text: &'static str) -> (KeyName, SharedString) {
    (KeyName::from_const_str(name), SharedString::const_str(text))
}
