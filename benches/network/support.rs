//! The parts of the tests' harness that are needed here.

#![allow(dead_code, reason = "the end-to-end tests use all of it")]

#[path = "../../tests/support/host.rs"]
pub(crate) mod host;
#[path = "../../tests/support/outcome.rs"]
pub(crate) mod outcome;
