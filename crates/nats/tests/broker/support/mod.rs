//! The harness, shared with the end-to-end tests of the workspace as far as it goes.

#![allow(dead_code, reason = "the end-to-end tests use the rest")]

pub mod both;
pub mod errors;
#[path = "../../../../../tests/support/nats.rs"]
pub mod nats;
pub mod peers;
pub mod raw;
pub mod record;
pub mod serving;
#[path = "../../../../../tests/support/wait.rs"]
pub mod wait;
