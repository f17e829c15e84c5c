//! `cargo xtask guests`: the example guests in each language, built and tried.
//!
//! | file | what |
//! |---|---|
//! | `language` | the languages |
//! | `build` | a guest, by the tool of its language |
//! | `stage` | the processes that the scenarios take place on |
//! | `targets` | the component that the guests call |
//! | `scenario` | what is broken, in which order, and what the guests should answer |
//! | `table` | what is printed |
//! | `documents` | that the documentation shows what is there |

mod build;
#[cfg(test)]
mod documents;
mod language;
mod scenario;
mod stage;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use clap::Args;

use crate::nats_server;
use crate::outcome::{Failure, Outcome, pass};
use crate::summary::seconds;
use crate::workspace::Workspace;
use build::Built;
use language::Language;
use stage::{Programs, Stage};
use table::Table;

/// Which guests.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Those in these languages only; what they need has to be installed. Of all of them, one that
    /// can't be built here is passed over, but not in CI ($CI is "true")
    languages: Vec<Language>,
    /// Program to use instead of building wrpc-host
    #[arg(long, value_name = "FILE")]
    host: Option<PathBuf>,
}

/// Builds the guests and plays the scenarios with them.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let nats_server = nats_server::locate(&workspace.tools_dir())?;
    let (languages, strict): (&[_], _) = if options.languages.is_empty() {
        (&Language::ALL, is_ci())
    } else {
        (&options.languages, true)
    };
    match try_them(
        workspace,
        &nats_server,
        options.host.as_deref(),
        languages,
        strict,
    ) {
        Ok(Outcome::Passed) => Ok(ExitCode::SUCCESS),
        Ok(Outcome::Skipped(reason)) => {
            eprintln!("skipped: {reason}");
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => match failure.reason {
            Some(reason) => Err(reason),
            None => Ok(failure.code.into()),
        },
    }
}

/// The same as a step of all checks.
pub(crate) fn check(workspace: &Workspace, nats_server: &Path) -> Result<Outcome, Failure> {
    try_them(workspace, nats_server, None, &Language::ALL, is_ci())
}

/// Where nobody would see that something was passed over.
fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

fn try_them(
    workspace: &Workspace,
    nats_server: &Path,
    host: Option<&Path>,
    languages: &[Language],
    strict: bool,
) -> Result<Outcome, Failure> {
    let host = match host {
        Some(host) => host.to_owned(),
        None => build_host(workspace)?,
    };
    let programs = Programs {
        nats_server: nats_server.into(),
        host,
    };

    let (guests, missing) = build_all(workspace, languages)?;
    if strict && !missing.is_empty() {
        return Err(anyhow!(missing.join("; ")).into());
    }
    for missing in &missing {
        eprintln!("skipped: {missing}");
    }
    if guests.is_empty() {
        return Ok(Outcome::Skipped(missing.join("; ")));
    }

    let started = Instant::now();
    let table = play_all(&programs, &guests)?;
    let (rows, wrong) = table.count();
    print!("\n{table}");
    if wrong > 0 {
        return Err(anyhow!("{wrong} of {rows} answers are not as expected").into());
    }
    println!(
        "\nAll {rows} answers as expected, in {}.",
        seconds(started.elapsed())
    );
    Ok(Outcome::Passed)
}

fn build_host(workspace: &Workspace) -> Result<PathBuf, Failure> {
    eprintln!("building wrpc-host (the first time takes a few minutes)");
    // As for the demo: with the features of dependencies that the tests use too.
    pass(&mut workspace.cargo(&["build", "--workspace", "--bins", "--examples"]))?;
    Ok(workspace.program("wrpc-host"))
}

/// A guest that could be built.
type Guest = (Language, PathBuf);

/// The guests that could be built, and why the others could not.
fn build_all(workspace: &Workspace, languages: &[Language]) -> Result<(Vec<Guest>, Vec<String>)> {
    let mut guests = Vec::new();
    let mut missing = Vec::new();
    let build = |language: &Language| build::build(workspace, *language);
    for (language, built) in at_once(languages, build) {
        let name = language.name();
        match built.with_context(|| format!("can't build the guest in {name}"))? {
            Built::Component(component, took) => {
                eprintln!("built {} in {}", component.display(), seconds(took));
                guests.push((*language, component));
            }
            Built::Missing(what) => missing.push(format!("the guest in {name}: {what}")),
        }
    }
    Ok((guests, missing))
}

fn play_all(programs: &Programs, guests: &[Guest]) -> Result<Table> {
    let play = |(_, component): &Guest| scenario::play(&mut Stage::start(programs, component)?);
    let mut table = Table::default();
    for ((language, _), rows) in at_once(guests, play) {
        let rows = rows.with_context(|| format!("with the guest in {}", language.name()))?;
        table.add(*language, rows);
    }
    Ok(table)
}

/// Does `work` on all of `items`, each in a thread of its own: most of it is waiting.
fn at_once<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Vec<(&T, Result<R>)> {
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = items
            .iter()
            .map(|item| (item, scope.spawn(move || work(item))))
            .collect();
        threads
            .into_iter()
            .map(|(item, thread)| {
                let result = thread.join();
                (item, result.unwrap_or_else(|_| Err(anyhow!("it panicked"))))
            })
            .collect()
    })
}
