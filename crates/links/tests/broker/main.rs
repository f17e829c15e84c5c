//! Tests with NATS servers of their own: links in buckets, followed by hosts that call.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "whatever fails in here is a test that fails"
)]

mod support;

mod admin;
mod age;
mod calls;
mod cluster;
mod follow;
mod lost;
mod permissions;
mod revocation;
