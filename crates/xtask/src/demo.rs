//! `cargo xtask demo`.

use std::process::ExitCode;

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
    let built = process::run(&mut workspace.cargo(&["build", "--package", "wrpc-host"]))?;
    if !built.success() {
        return Ok(process::exit_code(built).into());
    }
    let ended = process::run(
        workspace
            .cargo(&["run", "--quiet", "--package", "wrpc-host", "--", "demo"])
            .args(&options.args)
            .env(nats_server::VARIABLE, nats_server),
    )?;
    Ok(process::exit_code(ended).into())
}
