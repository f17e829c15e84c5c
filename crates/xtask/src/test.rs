//! `cargo xtask test`.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::Args;

use crate::nats_server;
use crate::outcome::Outcome;
use crate::selection::{self, Selection};
use crate::steps::Step;
use crate::summary::{Summary, seconds};
use crate::workspace::Workspace;

/// Which steps to run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    steps: Selection<Step>,
}

/// Runs the chosen steps until one fails, and ends with its exit code.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let steps = options.steps.chosen()?;
    // Asked for first: without a server there is no point in the minutes that come before.
    let nats_server = if steps.iter().any(|step| step.needs_nats_server()) {
        let path = nats_server::locate(&workspace.tools_dir())?;
        eprintln!("nats-server: {}", path.display());
        Some(path)
    } else {
        None
    };

    let mut summary = Summary::default();
    let mut left = steps.iter().copied();
    while let Some(step) = left.next() {
        let name = selection::name(&step);
        eprintln!("\n== {name}");
        let started = Instant::now();
        let ended = step.run(workspace, nats_server.as_deref());
        let took = started.elapsed();
        match ended {
            Ok(outcome) => {
                match &outcome {
                    Outcome::Passed => eprintln!("== {name}: ok in {}", seconds(took)),
                    Outcome::Skipped(reason) => eprintln!("== {name}: skipped, {reason}"),
                }
                summary.ended(name, &outcome, took);
            }
            Err(failure) => {
                if let Some(reason) = failure.reason {
                    eprintln!("error: {reason:#}");
                }
                summary.failed(name.clone(), took);
                left.for_each(|step| summary.not_run(selection::name(&step)));
                eprintln!("\n{summary}");
                eprintln!("To run only this step again: cargo xtask test --only {name}");
                return Ok(failure.code.into());
            }
        }
    }
    eprintln!("\n{summary}");
    Ok(ExitCode::SUCCESS)
}
