//! `cargo xtask demo`.

use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Args;

use crate::workspace::Workspace;
use crate::{nats_server, process};

/// What to show.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Arguments for `wrpc-host demo`
    #[arg(last = true)]
    args: Vec<String>,
}

/// Builds the host, runs its demo, and ends with the demo's exit code.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let nats_server = nats_server::locate(&workspace.tools_dir())?;
    eprintln!("building wrpc-host (the first time takes a few minutes)");
    // Not `--package wrpc-host`, which selects other features of dependencies than the tests do,
    // so that Wasmtime would be built twice for someone who runs both.
    let built =
        process::run(&mut workspace.cargo(&["build", "--workspace", "--bins", "--examples"]))?;
    if !built.success() {
        return Ok(process::exit_code(built).into());
    }
    let ended = process::run(
        Command::new(workspace.program("wrpc-host"))
            .arg("demo")
            .args(&options.args)
            .env(nats_server::VARIABLE, nats_server),
    )?;
    Ok(process::exit_code(ended).into())
}
