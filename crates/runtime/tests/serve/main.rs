//! Components that are served over an in-memory transport, on paused time.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "clippy takes only functions marked as tests for tests"
)]

mod context;
mod ext;
mod guests;
mod host;
mod net;
mod per_call;
mod refused;
mod shared;
mod silent;
