//! The harness, shared with the end-to-end tests of the workspace as far as it goes.

#![allow(dead_code, reason = "the end-to-end tests use the rest")]

pub mod chain;
#[path = "../../../../../tests/support/nats.rs"]
pub mod nats;
pub mod peers;
#[path = "../../support/recorded.rs"]
pub mod recorded;
pub mod subscriber;
#[path = "../../../../../tests/support/wait.rs"]
pub mod wait;
