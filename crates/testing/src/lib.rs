//! What the tests of wrpc-middleware run on: NATS servers that are killed, frozen and restarted,
//! processes in roles of their own, wires that break, and waiting for a thing itself.
//!
//! Everything here panics when it fails, as a test does, and says what failed. Nothing outlives
//! its value, nor the process that has it: servers and processes are killed when they are dropped, and
//! when a test is killed.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a harness fails by panicking, as the tests that it is made for do"
)]

pub mod cluster;
#[cfg(shuttle)]
pub mod interleavings;
pub mod leashed;
pub mod nats;
pub mod process;
pub mod proxy;
mod signals;
pub mod tap;
pub mod wait;
