//! Components that are served over an in-memory transport, on paused time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod ext;
mod guests;
mod host;
mod net;
mod per_call;
mod refused;
mod shared;
