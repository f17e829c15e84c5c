//! The arguments of `wrpc-host top`.

use core::time::Duration;

use clap::{Args, ValueEnum};

use super::duration;
use crate::top::Endpoint;

/// What to watch, and how.
#[derive(Args, Clone, Debug)]
pub struct TopArgs {
    /// Where hosts serve their metrics (`--metrics` of serve, http and call), as in 127.0.0.1:9464;
    /// a whole URL will do as well
    #[arg(value_name = "URL", required = true)]
    pub endpoints: Vec<Endpoint>,
    /// Time from one look to the next, which rates and latencies are of
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration)]
    pub interval: Duration,
    /// What to print where nothing is live: a table, or one object of JSON. Without this, a terminal
    /// gets a live table and all else a single one
    #[arg(long, value_enum)]
    pub output: Option<TopOutput>,
}

/// What is printed.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopOutput {
    /// A table, once
    Text,
    /// An object of JSON, once
    Json,
}
