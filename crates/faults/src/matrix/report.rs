//! What is printed, and written down.

use core::fmt::Write as _;
use core::time::Duration;

use super::cell::{Cell, Phase, rows};
use super::expected::expected;
use crate::cluster::Topology;
use crate::speech::Ended;

/// A cell that was played.
#[derive(Clone, Debug)]
pub struct Played {
    /// Which.
    pub cell: Cell,
    /// How the call that met the fault ended, if it did.
    pub ended: Option<Ended>,
    /// What is wrong; nothing, if all is as it should be.
    pub wrong: Vec<String>,
    /// How long it took to play, with all processes that were started.
    pub took: Duration,
}

impl Played {
    /// Whether all is as it should be.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.wrong.is_empty()
    }

    /// How the call ended.
    #[must_use]
    pub fn outcome(&self) -> &str {
        self.ended
            .as_ref()
            .map_or("not ended", |ended| &ended.outcome)
    }

    /// One line about it.
    #[must_use]
    pub fn line(&self) -> String {
        let millis = self.ended.as_ref().map_or(0, |ended| ended.millis);
        let mark = if self.is_passed() { "✓" } else { "✗" };
        let mut line = format!(
            "{mark} {:<38} {} {millis} ms",
            self.cell.to_string(),
            self.outcome()
        );
        if let Some(ended) = self.ended.as_ref().filter(|_| !self.is_passed()) {
            let _ = write!(line, "\n    {}", ended.message);
        }
        for wrong in &self.wrong {
            // A failed assertion has several lines.
            let _ = write!(line, "\n    {}", wrong.replace('\n', "\n    "));
        }
        line
    }
}

/// The matrix of all cells that were played, as Markdown: a table for each topology.
#[must_use]
pub fn matrix(played: &[Played]) -> String {
    let mut text = String::new();
    for &topology in Topology::ALL {
        if !played.iter().any(|played| played.cell.topology == topology) {
            continue;
        }
        let _ = write!(text, "\n### {topology}\n\n| |");
        for phase in Phase::ALL {
            let _ = write!(text, " {phase} |");
        }
        let _ = writeln!(text, "\n|---|{}", "---|".repeat(Phase::ALL.len()));
        for (component, fault) in rows() {
            let is_row = |cell: Cell| {
                (cell.topology, cell.component, cell.fault) == (topology, component, fault)
            };
            if !played.iter().any(|played| is_row(played.cell)) {
                continue;
            }
            let _ = write!(text, "| {component} {fault} |");
            for &phase in Phase::ALL {
                let cell = Cell {
                    topology,
                    component,
                    fault,
                    phase,
                };
                let _ = write!(text, " {} |", entry(played, cell));
            }
            text.push('\n');
        }
    }
    text
}

fn entry(played: &[Played], cell: Cell) -> String {
    match played.iter().find(|played| played.cell == cell) {
        None => "·".into(),
        Some(played) if played.is_passed() => played.outcome().into(),
        Some(played) => format!("**✗ {}**", played.outcome()),
    }
}

/// The matrix, what is wrong, and what is expected of each cell and why.
#[must_use]
pub fn report(played: &[Played]) -> String {
    let failed: Vec<_> = played.iter().filter(|played| !played.is_passed()).collect();
    let mut text = format!(
        "# Fault matrix\n\n{} cells, {} of them not as they should be.\n{}",
        played.len(),
        failed.len(),
        matrix(played)
    );
    if !failed.is_empty() {
        text.push_str("\n## What is wrong\n\n");
        for played in failed {
            let wrong = played.wrong.join("; ").replace('\n', " ");
            let _ = writeln!(text, "- `{}`: {wrong}", played.cell);
        }
    }
    text.push_str("\n## What is expected, and why\n\n");
    text.push_str("| cell | ended | ms | expected | since |\n|---|---|---|---|---|\n");
    for played in played {
        let row = expected(played.cell);
        let outcomes: Vec<_> = row.outcomes().iter().map(ToString::to_string).collect();
        let millis = played.ended.as_ref().map_or(0, |ended| ended.millis);
        let _ = writeln!(
            text,
            "| {} | {} | {millis} | {} | {} |",
            played.cell,
            played.outcome(),
            outcomes.join(", "),
            row.because()
        );
    }
    text
}
