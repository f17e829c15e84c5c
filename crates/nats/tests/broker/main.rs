//! Tests with a NATS server of their own: our client against itself and against upstream's.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "whatever fails in here is a test that fails"
)]

mod support;

mod cancel;
mod chain;
mod chunks;
mod connection;
mod cut;
mod deadline;
mod drain;
mod floods;
mod full_queue;
mod hostile;
mod interop;
mod keepalive;
mod leaks;
mod permissions;
mod queued;
mod refusals;
mod roles;
mod run;
mod services;
mod stalled;
mod storm;
mod streams;
mod trailers;
mod truncated;
mod unary;
mod values;
mod wildcards;
mod wire;
