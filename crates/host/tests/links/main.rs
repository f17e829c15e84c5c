//! `wrpc-host links`, and hosts that follow a bucket, on a NATS server with JetStream.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "the helpers here are as much tests as the tests"
)]

#[path = "../support/mod.rs"]
mod support;

mod commands;
mod hosts;
mod mistakes;
mod names;
mod setup;
