//! The table at the end of `cargo xtask test`.

use std::fmt;
use std::time::Duration;

use crate::steps::{Outcome, Step};

/// What became of each step, in order.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    step: Step,
    result: &'static str,
    took: Option<Duration>,
    note: &'static str,
}

impl Summary {
    /// Adds a step that ran and took so long.
    pub(crate) fn ended(&mut self, step: Step, outcome: &Outcome, took: Duration) {
        match outcome {
            Outcome::Passed => self.add(step, "ok", Some(took), ""),
            Outcome::Skipped(reason) => self.add(step, "skipped", None, reason),
        }
    }

    /// Adds a step that failed after so long.
    pub(crate) fn failed(&mut self, step: Step, took: Duration) {
        self.add(step, "FAILED", Some(took), "");
    }

    /// Adds a step that did not run because one before it failed.
    pub(crate) fn not_run(&mut self, step: Step) {
        self.add(step, "not run", None, "");
    }

    fn add(
        &mut self,
        step: Step,
        result: &'static str,
        took: Option<Duration>,
        note: &'static str,
    ) {
        self.rows.push(Row {
            step,
            result,
            took,
            note,
        });
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            let took = row.took.map_or_else(String::new, seconds);
            let name = row.step.name();
            let line = format!("{name:<9} {:<8} {took:>8}  {}", row.result, row.note);
            writeln!(f, "{}", line.trim_end())?;
        }
        let total = self.rows.iter().filter_map(|row| row.took).sum();
        writeln!(f, "{:<9} {:<8} {:>8}", "total", "", seconds(total))
    }
}

/// Seconds for a person, to a tenth.
pub(crate) fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_its_line() {
        let mut summary = Summary::default();
        summary.ended(Step::Fmt, &Outcome::Passed, Duration::from_millis(750));
        summary.ended(
            Step::Deny,
            &Outcome::Skipped("not installed"),
            Duration::ZERO,
        );
        summary.failed(Step::Clippy, Duration::from_secs(100));
        summary.not_run(Step::Features);
        assert_eq!(
            summary.to_string(),
            "\
fmt       ok          0.8 s
deny      skipped            not installed
clippy    FAILED    100.0 s
features  not run
total               100.8 s
"
        );
    }
}
