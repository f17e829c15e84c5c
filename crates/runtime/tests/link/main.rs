//! Components whose imports are called over a scripted transport, on paused time.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "clippy takes only functions marked as tests for tests"
)]

mod builder;
mod cancel;
mod exchange;
mod guest;
mod host;
mod inspect;
mod lower;
mod mock;
mod resources;
mod rows;
mod timeout;
