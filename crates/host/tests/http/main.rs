//! `wrpc-host http`: a component that answers HTTP requests, and everything that can go wrong around
//! it. Needs a NATS server: `$NATS_SERVER`, else the `nats-server` in `PATH`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers here are as much tests as the tests"
)]

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod connections;
mod guests;
mod limits;
mod mistakes;
mod requests;
mod stopping;
