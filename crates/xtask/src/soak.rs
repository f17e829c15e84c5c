//! `cargo xtask soak`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, value_parser};

use crate::audit::{Common, play};
use crate::workspace::Workspace;

/// For how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// For how long
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = value_parser!(u64).range(1..=10_000))]
    minutes: u64,
    #[command(flatten)]
    common: Common,
}

/// Builds the program, and has it run for long.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let args = ["--minutes".into(), options.minutes.to_string()];
    play(workspace, "soak", &args, &options.common)
}
