//! The harness, shared with the end-to-end tests of the workspace as far as it goes.

#![allow(dead_code, reason = "the end-to-end tests use the rest")]

pub mod both;
pub mod calls;
pub mod capture;
pub mod errors;
pub mod freezer;
#[path = "../../../../../tests/support/nats.rs"]
pub mod nats;
pub mod peers;
#[path = "../../../../../tests/support/process.rs"]
pub mod process;
#[path = "../../../../../tests/support/proxy.rs"]
pub mod proxy;
pub mod raw;
pub mod record;
pub mod serving;
pub mod target;
#[path = "../../../../../tests/support/wait.rs"]
pub mod wait;
