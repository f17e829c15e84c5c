//! `cargo xtask test`.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum as _};

use crate::nats_server;
use crate::steps::{Outcome, Step};
use crate::summary::{Summary, seconds};
use crate::workspace::Workspace;

/// Which steps to run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Run these steps only; several are separated by commas
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    only: Vec<Step>,
    /// Run all steps but these
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    skip: Vec<Step>,
}

impl Options {
    /// The chosen steps, in the order in which they run.
    fn steps(&self) -> Result<Vec<Step>> {
        let steps: Vec<_> = Step::value_variants()
            .iter()
            .copied()
            .filter(|step| self.only.is_empty() || self.only.contains(step))
            .filter(|step| !self.skip.contains(step))
            .collect();
        if steps.is_empty() {
            bail!("no step is left to run");
        }
        Ok(steps)
    }
}

/// Runs the chosen steps until one fails, and ends with its exit code.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let steps = options.steps()?;
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
        let name = step.name();
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
                summary.ended(step, &outcome, took);
            }
            Err(failure) => {
                if let Some(reason) = failure.reason {
                    eprintln!("error: {reason:#}");
                }
                summary.failed(step, took);
                left.for_each(|step| summary.not_run(step));
                eprintln!("\n{summary}");
                eprintln!("To run only this step again: cargo xtask test --only {name}");
                return Ok(failure.code.into());
            }
        }
    }
    eprintln!("\n{summary}");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(only: &[Step], skip: &[Step]) -> Result<Vec<Step>, String> {
        let options = Options {
            only: only.into(),
            skip: skip.into(),
        };
        options.steps().map_err(|error| error.to_string())
    }

    #[test]
    fn all_steps_run_unless_some_are_chosen() {
        assert_eq!(steps(&[], &[]).unwrap(), Step::value_variants());
    }

    #[test]
    fn chosen_steps_run_in_their_usual_order() {
        assert_eq!(
            steps(&[Step::Test, Step::Fmt], &[]),
            Ok(vec![Step::Fmt, Step::Test])
        );
    }

    #[test]
    fn skipped_steps_do_not_run() {
        let left = steps(&[], &[Step::Fmt]).unwrap();
        assert_eq!(left, Step::value_variants()[1..]);
    }

    #[test]
    fn nothing_to_run_is_an_error_and_not_a_success() {
        assert_eq!(
            steps(&[Step::Fmt], &[Step::Fmt]),
            Err("no step is left to run".into())
        );
    }
}
