//! `cargo xtask audit`, and what it shares with `cargo xtask soak`.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::{Args, value_parser};

use crate::workspace::Workspace;
use crate::{nats_server, process};

/// The package and its program.
const PACKAGE: &str = "wrpc-middleware-faults";
const PROGRAM: &str = "wrpc-audit";

/// How much to audit.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many calls to make, more or less
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = value_parser!(u64).range(1..))]
    calls: u64,
    /// For how long at most
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=10_000))]
    minutes: Option<u64>,
    #[command(flatten)]
    common: Common,
}

/// What both commands take.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// What faults and calls are drawn by, as an earlier run has printed it
    #[arg(long)]
    seed: Option<u64>,
    /// Arguments for the program, which `-- --help` lists
    #[arg(last = true)]
    args: Vec<OsString>,
}

/// Builds the program, and has it audit.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let mut args = vec!["--calls".into(), options.calls.to_string()];
    if let Some(minutes) = options.minutes {
        args.extend(["--minutes".into(), minutes.to_string()]);
    }
    play(workspace, "audit", &args, &options.common)
}

/// Builds the program, and runs one of its commands, which reports below the target directory.
pub(crate) fn play(
    workspace: &Workspace,
    name: &str,
    args: &[String],
    common: &Common,
) -> Result<ExitCode> {
    let nats_server = nats_server::locate(&workspace.tools_dir())?;
    eprintln!("building {PROGRAM} (the first time takes a few minutes)");
    // With optimization, or what is made under load is made by the callers.
    let mut cargo = workspace.cargo(&["build", "--release", "--package", PACKAGE]);
    let built = process::run(cargo.args(["--bin", PROGRAM]))?;
    if !built.success() {
        return Ok(process::exit_code(built).into());
    }
    let program = workspace.in_target_dir("release").join(PROGRAM);
    let report = workspace.in_target_dir(name).join("report.md");
    let mut command = Command::new(program.with_extension(std::env::consts::EXE_EXTENSION));
    command.arg(name).args(args).arg("--report").arg(report);
    if let Some(seed) = common.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    let ended = process::run(
        command
            .args(&common.args)
            .env(nats_server::VARIABLE, nats_server),
    )?;
    Ok(process::exit_code(ended).into())
}
