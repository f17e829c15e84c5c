//! `cargo xtask bench`.

mod benches;
mod environment;
mod gungraun;
mod packages;
mod results;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use clap::error::ErrorKind;
use regex::Regex;
use wrpc_middleware_bench::record;
use wrpc_middleware_bench::report::{self, Report, Run};

use self::benches::Bench;
use self::packages::Packages;
use self::results::Results;
use crate::outcome::{Failure, Outcome, pass};
use crate::selection::{self, Selection};
use crate::summary::{Summary, seconds};
use crate::workspace::Workspace;
use crate::{features, nats_server, process};

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Measure for a shorter time: enough to see a tendency
    #[arg(long)]
    quick: bool,
    /// Make 20 million calls in network/endurance over the own transport, in the place of a million
    ///
    /// It takes about half an hour more. Of these alone:
    /// `--only network --long --filter 'endurance/.*own transport'`
    #[arg(long, conflicts_with = "quick")]
    long: bool,
    /// Measure only what matches this regular expression
    ///
    /// It is looked for in names such as `network/Native calls/full stack/16/64` (bytes, calls at
    /// a time) and `success/full stack`.
    #[arg(long, value_name = "PATTERN", value_parser = Regex::new)]
    filter: Option<Regex>,
    #[command(flatten)]
    benches: Selection<Bench>,
}

/// Builds the chosen benches, runs them one after the other, and reports.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let benches = options.benches.chosen()?;
    let setup = Setup::new(workspace, options, &benches)?;

    eprintln!("building the benches (the first time takes several minutes)");
    let built = process::run(setup.cargo_bench(&benches).arg("--no-run"))?;
    if !built.success() {
        return Ok(process::exit_code(built).into());
    }
    setup.results.clear()?;

    let (runs, code) = setup.run_all(&benches);
    let names: Vec<_> = benches.iter().map(selection::name).collect();
    let report = Report {
        environment: setup.environment,
        quick: options.quick,
        runs,
        records: setup.results.records(&names)?,
        estimates: setup.results.estimates()?,
    };
    if let (true, 0, Some(filter)) = (report.is_empty(), code, &options.filter) {
        let message = format!("nothing matches {:?}\n", filter.as_str());
        return Err(clap::Error::raw(ErrorKind::InvalidValue, message).into());
    }
    let rendered = report.render()?;
    let file = setup.results.write(&rendered)?;
    println!("{}", rendered.summary);
    println!("report: {}", file.display());
    if let Some(index) = setup.results.criterion_report()
        && !report.estimates.is_empty()
    {
        println!("criterion: {}", index.display());
    }
    Ok(code.into())
}

/// Everything that the benches need.
struct Setup<'a> {
    workspace: &'a Workspace,
    options: &'a Options,
    results: Results,
    nats_server: Option<PathBuf>,
    /// The runner of gungraun, or why there is none.
    runner: Result<PathBuf, &'static str>,
    environment: Vec<(String, String)>,
}

impl<'a> Setup<'a> {
    /// Finds or installs what `benches` need: without it there is no point in the minutes of
    /// building that come next.
    fn new(workspace: &'a Workspace, options: &'a Options, benches: &[Bench]) -> Result<Self> {
        let packages = Packages::of(workspace)?;
        let nats_server = if benches.iter().any(|bench| bench.needs_nats_server()) {
            let path = nats_server::locate(&workspace.tools_dir())?;
            eprintln!("nats-server: {}", path.display());
            Some(path)
        } else {
            None
        };
        let valgrind = if benches.contains(&Bench::Instructions) {
            gungraun::valgrind()
        } else {
            Err("not chosen")
        };
        let runner = match valgrind {
            Ok(_) => Ok(gungraun::runner(workspace, &packages)?),
            Err(reason) => Err(reason),
        };
        let environment = environment::describe(
            workspace,
            &packages,
            nats_server.as_deref(),
            valgrind.as_deref().ok(),
        );
        Ok(Self {
            workspace,
            options,
            results: Results::of(workspace),
            nats_server,
            runner,
            environment,
        })
    }

    /// `cargo bench` for these benches.
    fn cargo_bench(&self, benches: &[Bench]) -> Command {
        let mut command = self
            .workspace
            .cargo(&["bench", "--package", features::PACKAGE]);
        for bench in benches {
            command.arg("--bench").arg(selection::name(bench));
        }
        command
            .env(record::DIRECTORY, &self.results.records)
            .env("CRITERION_HOME", &self.results.criterion)
            .env(gungraun::HOME, &self.results.gungraun);
        if let Some(nats_server) = &self.nats_server {
            command.env(nats_server::VARIABLE, nats_server);
        }
        if let Ok(runner) = &self.runner {
            command.env(gungraun::RUNNER, runner);
        }
        command
    }

    /// Runs the benches. Returns what became of them, and the exit code of the first that failed.
    fn run_all(&self, benches: &[Bench]) -> (Vec<Run>, u8) {
        let mut summary = Summary::default();
        let mut runs = Vec::new();
        let mut code = 0;
        for (index, bench) in benches.iter().enumerate() {
            let name = selection::name(bench);
            let progress = format!("[{}/{}] {name}", index + 1, benches.len());
            eprintln!("\n{progress} …");
            let started = Instant::now();
            let ended = self.run(*bench);
            let took = started.elapsed();
            let outcome = match ended {
                Ok(outcome) => {
                    summary.ended(name.clone(), &outcome, took);
                    match outcome {
                        Outcome::Passed => {
                            eprintln!("{progress}: done in {}", seconds(took));
                            report::Outcome::Completed
                        }
                        Outcome::Skipped(reason) => {
                            eprintln!("{progress}: skipped, {reason}");
                            report::Outcome::Skipped(reason)
                        }
                    }
                }
                Err(failure) => {
                    summary.failed(name.clone(), took);
                    if code == 0 {
                        code = failure.code;
                    }
                    let reason = match failure.reason {
                        Some(reason) => format!("{reason:#}"),
                        None => format!("it ended with code {}", failure.code),
                    };
                    eprintln!("{progress}: FAILED, {reason}");
                    report::Outcome::Failed(reason)
                }
            };
            runs.push(Run {
                bench: name,
                outcome,
                took,
            });
        }
        eprintln!("\n{summary}");
        (runs, code)
    }

    fn run(&self, bench: Bench) -> Result<Outcome, Failure> {
        let filter = self.options.filter.as_ref();
        let mut command = self.cargo_bench(&[bench]);
        command.arg("--quiet").arg("--");
        if bench != Bench::Instructions {
            command.args(self.options.quick.then_some("--quick"));
            // The others have nothing that is long, and criterion would not know it.
            if bench == Bench::Network {
                command.args(self.options.long.then_some("--long"));
            }
            command.args(filter.map(Regex::as_str));
            pass(&mut command)?;
            return Ok(Outcome::Passed);
        }

        if let Err(reason) = self.runner {
            return Ok(Outcome::Skipped(reason.into()));
        }
        let list = process::capture(self.cargo_bench(&[bench]).args(["--quiet", "--", "--list"]))?;
        let runs = gungraun::arguments(&list, filter);
        if runs.is_empty() {
            return Ok(Outcome::Skipped("the filter matches nothing of it".into()));
        }
        for arguments in runs {
            let mut command = self.cargo_bench(&[bench]);
            pass(command.args(["--quiet", "--"]).args(arguments))?;
        }
        Ok(Outcome::Passed)
    }
}
