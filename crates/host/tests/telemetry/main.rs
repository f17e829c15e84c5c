//! What hosts measure and trace, and what shows it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "whatever fails in here is a test that fails"
)]

#[path = "../support/mod.rs"]
mod support;

mod metrics;
mod mistakes;
mod scrape;
mod shell;
mod top;
mod trace;
