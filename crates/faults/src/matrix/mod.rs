//! Every fault in every phase of a call, and what must come of it.
//!
//! | file | what |
//! |---|---|
//! | `cell` | what is broken, how and when |
//! | `expected` | how the call may end, and why |
//! | `stage`, `peer` | the processes of a cell |
//! | `inject` | breaking and mending |
//! | `play` | one cell from start to end |
//! | `judge` | what is wrong with what happened |
//! | `report` | what is printed |

#![allow(
    clippy::expect_used,
    reason = "a harness fails by panicking, which fails the cell that it plays"
)]

mod cell;
mod expected;
mod inject;
mod judge;
mod outcome;
mod peer;
mod play;
mod report;
mod stage;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use futures::StreamExt as _;
use regex::Regex;
use wrpc_middleware_testing::nats;

pub use self::cell::{Cell, Component, Fault, Phase};
pub use self::judge::{Observed, judge};
pub use self::outcome::{NoOutcome, Outcome};
pub use self::report::{Played, matrix, report};
pub use self::stage::BOUND;
use crate::caller::Client;

/// Which cells to play, and how.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Those whose name fits this regular expression, of `TOPOLOGY/COMPONENT/FAULT/PHASE`
    #[arg(long, value_name = "REGEX")]
    filter: Option<Regex>,
    /// A bounded selection, with one server
    #[arg(long, conflicts_with = "all")]
    quick: bool,
    /// All of them, as without any option
    #[arg(long)]
    all: bool,
    /// So many cells at a time, each with processes of its own
    #[arg(long, default_value = "3", value_parser = clap::value_parser!(u8).range(1..))]
    jobs: u8,
    /// What calls are made with
    #[arg(long, value_enum, default_value = "own")]
    client: Client,
    /// Where to write the report
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl Args {
    /// The cells that are chosen, in their order.
    fn cells(&self) -> Vec<Cell> {
        let mut cells: Vec<_> = if self.quick && !self.all {
            Cell::quick().collect()
        } else {
            Cell::all().collect()
        };
        if let Some(filter) = &self.filter {
            cells.retain(|cell| filter.is_match(&cell.to_string()));
        }
        cells
    }
}

/// Plays the chosen cells with processes of `program`, and prints what comes of them. Returns
/// whether all is as it should be.
///
/// # Errors
///
/// No cell is chosen, there is no NATS server, or the report can't be written.
pub async fn run(program: &Path, args: &Args) -> anyhow::Result<bool> {
    let cells = args.cells();
    anyhow::ensure!(!cells.is_empty(), "no cell has such a name");
    // Without it there is no point in any of them.
    let nats_server = std::process::Command::new(nats::binary())
        .arg("--version")
        .output();
    nats_server.context(
        "can't start nats-server, in $NATS_SERVER or on the PATH: `cargo xtask nats-server` gets it",
    )?;
    let played = play_all(program, cells, args.client, args.jobs.into(), |played| {
        println!("{}", played.line());
    })
    .await;
    let failed = played.iter().filter(|played| !played.is_passed()).count();
    println!("{}", matrix(&played));
    println!("{} cells, {failed} not as they should be", played.len());
    if let Some(file) = &args.report {
        std::fs::write(file, report(&played))
            .with_context(|| format!("can't write {}", file.display()))?;
        println!("report: {}", file.display());
    }
    Ok(failed == 0)
}

/// Plays cells, `jobs` at a time, and tells `each` of them as it is over. Returns all, in order.
pub async fn play_all(
    program: &Path,
    cells: Vec<Cell>,
    client: Client,
    jobs: usize,
    mut each: impl FnMut(&Played),
) -> Vec<Played> {
    let playing = cells
        .into_iter()
        .map(|cell| play::play(program, cell, client));
    let mut playing = futures::stream::iter(playing).buffer_unordered(jobs);
    let mut played = Vec::new();
    while let Some(one) = playing.next().await {
        each(&one);
        played.push(one);
    }
    played.sort_by_key(|played| played.cell);
    played
}
