//! `links import`.

use serde::Serialize;
use wrpc_middleware::links::bucket::{Change, Import};

use super::print::{json, line, print};
use crate::cli::{ImportArgs, Output};
use crate::error::{Error, Exit};
use crate::links::{Entry, Links};

/// What an import does, for programs.
#[derive(Default, Serialize)]
struct Report<'a> {
    removed: Vec<&'a str>,
    added: Vec<&'a Entry>,
    replaced: Vec<&'a Entry>,
    unchanged: usize,
}

pub(super) async fn run(args: &ImportArgs) -> Result<Exit, Error> {
    let links = Links::read(&args.file)?;
    let connected = args.place.connect("links import").await?;
    let plan = connected.bucket.plan(&links).await;
    let plan = plan.map_err(|error| connected.explain(error))?;
    for change in plan.changes() {
        if !args.dry_run {
            let applied = connected.bucket.apply(change).await;
            applied.map_err(|error| connected.explain(error))?;
        }
        if args.output == Output::Text {
            // One by one: if the next one fails, these are done.
            print(&described(change))?;
        }
    }
    let report = report(&plan);
    match args.output {
        Output::Json => json(&report, true)?,
        Output::Text => print(&format!(
            "{}{} removed, {} added, {} replaced, {} unchanged\n",
            if args.dry_run { "would be: " } else { "" },
            report.removed.len(),
            report.added.len(),
            report.replaced.len(),
            report.unchanged,
        ))?,
    };
    Ok(Exit::Success)
}

fn described(change: &Change) -> String {
    match change {
        Change::Add(entry) => format!("+ {}\n", line(entry)),
        Change::Replace { entry, .. } => format!("~ {}\n", line(entry)),
        change => format!("- {}\n", change.key().escape_debug()),
    }
}

fn report(plan: &Import) -> Report<'_> {
    let mut report = Report {
        unchanged: plan.unchanged(),
        ..Report::default()
    };
    for change in plan.changes() {
        match change {
            Change::Remove { key, .. } => report.removed.push(key),
            Change::Add(entry) => report.added.push(entry),
            Change::Replace { entry, .. } => report.replaced.push(entry),
            // There are no others.
            _ => {}
        }
    }
    report
}
