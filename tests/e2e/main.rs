//! End-to-end tests: real components, real processes, a real NATS server.
//!
//! They are one program, so that Wasmtime is linked once; a file is a concern.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "whatever fails in here is a test that fails"
)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

mod chain;
mod compose;
mod examples;
mod failures;
mod guests;
mod interop;
mod leaf;
mod leaves;
mod memory;
mod misbehaving;
mod no_result;
mod permissions;
mod queued;
mod roles;
mod rows;
mod security;
mod serving;
mod storm;
mod streams;
mod tower;
mod versions;
