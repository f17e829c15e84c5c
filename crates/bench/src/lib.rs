//! How the benches measure, compare and report.
//!
//! Time on a shared machine jitters by far more than a layer costs. So nothing here is an
//! absolute time alone: the rows of a [`Comparison`](record::Comparison) are measured in turns
//! (`interleave`), the ratio to the baseline is taken within each round, where both had the same
//! neighbours, and what is reported is the median of those ratios with its spread
//! ([`statistics`]).
//!
//! A bench writes what it measured as a [`Record`](record::Record), a JSON file below
//! [`record::directory`]; `cargo xtask bench` makes one report of all of them.

#[cfg(feature = "driver")]
pub mod arguments;
#[cfg(feature = "driver")]
pub mod interleave;
mod plot;
pub mod record;
pub mod report;
pub mod statistics;
