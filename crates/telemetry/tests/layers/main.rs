//! The layers over a transport whose every step is in the hands of the test.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "whatever fails in here is a test that fails"
)]

#[path = "../support/recorded.rs"]
mod recorded;
#[path = "../../../transport/tests/support/mod.rs"]
mod support;

mod allocations;
mod bounds;
mod outcomes;
mod targets;
