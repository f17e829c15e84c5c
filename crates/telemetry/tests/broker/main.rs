//! Calls over NATS, measured and traced on both sides.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "whatever fails in here is a test that fails"
)]

mod support;

mod connection;
mod layers;
mod opentelemetry;
mod serving;
mod trace;
