//! End-to-end tests: real components, real processes, a real NATS server.
//!
//! They are one program, so that Wasmtime is linked once; a file is a concern.

#[path = "../support/mod.rs"]
mod support;

mod failures;
mod guests;
mod roles;
