//! `cargo xtask faults`.

use std::fs;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use clap::Args;
use regex::Regex;

use crate::workspace::Workspace;
use crate::{nats_server, process};

/// The package and its program.
const PACKAGE: &str = "wrpc-middleware-faults";
const PROGRAM: &str = "fault-matrix";

/// Which cells to play.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Play those whose name matches this regular expression
    ///
    /// It is looked for in names such as `cluster/nats/killed/before-send`, of servers, what
    /// breaks, how, and when.
    #[arg(long, value_name = "PATTERN", value_parser = Regex::new)]
    filter: Option<Regex>,
    /// Play those that the tests play: with one server, those that show most in little time
    #[arg(long)]
    quick: bool,
    /// Play all of them, as without any option
    #[arg(long, conflicts_with = "quick")]
    all: bool,
    /// How many to play at a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    jobs: Option<u8>,
    /// What calls are made with: `own` (the stack over our transport), or, to compare, `upstream`
    /// (the stack over upstream's client) or `bare` (that client alone)
    #[arg(long, value_parser = ["own", "upstream", "bare"], default_value = "own")]
    client: String,
}

/// Builds the harness, plays the matrix, and ends with the harness' exit code.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let nats_server = nats_server::locate(&workspace.tools_dir())?;
    let reports = workspace.in_target_dir("faults");
    fs::create_dir_all(&reports).with_context(|| format!("can't make {}", reports.display()))?;
    let report = reports.join("report.md");

    let args = ["build", "--package", PACKAGE, "--bin", PROGRAM];
    let built = process::run(&mut workspace.cargo(&args))?;
    if !built.success() {
        return Ok(process::exit_code(built).into());
    }
    let mut matrix = Command::new(workspace.program(PROGRAM));
    matrix
        .args(["run", "--client", &options.client])
        .arg("--report")
        .arg(&report)
        .env(nats_server::VARIABLE, nats_server);
    if let Some(filter) = &options.filter {
        matrix.args(["--filter", filter.as_str()]);
    }
    for (name, is_set) in [("--quick", options.quick), ("--all", options.all)] {
        if is_set {
            matrix.arg(name);
        }
    }
    if let Some(jobs) = options.jobs {
        matrix.args(["--jobs", &jobs.to_string()]);
    }
    Ok(process::exit_code(process::run(&mut matrix)?).into())
}
