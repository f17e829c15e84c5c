//! The table at the end of a command that has several parts.

use std::fmt;
use std::time::Duration;

use crate::outcome::Outcome;

/// What became of each part, in order.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    result: &'static str,
    took: Option<Duration>,
    note: String,
}

impl Summary {
    /// Adds a part that ran and took so long.
    pub(crate) fn ended(&mut self, name: String, outcome: &Outcome, took: Duration) {
        match outcome {
            Outcome::Passed => self.add(name, "ok", Some(took), ""),
            Outcome::Skipped(reason) => self.add(name, "skipped", None, reason),
        }
    }

    /// Adds a part that failed after so long.
    pub(crate) fn failed(&mut self, name: String, took: Duration) {
        self.add(name, "FAILED", Some(took), "");
    }

    /// Adds a part that did not run because one before it failed.
    pub(crate) fn not_run(&mut self, name: String) {
        self.add(name, "not run", None, "");
    }

    fn add(&mut self, name: String, result: &'static str, took: Option<Duration>, note: &str) {
        self.rows.push(Row {
            name,
            result,
            took,
            note: note.into(),
        });
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const TOTAL: &str = "total";

        let names = self.rows.iter().map(|row| row.name.len());
        let width = names.chain([TOTAL.len()]).max().unwrap_or_default() + 1;
        for row in &self.rows {
            let took = row.took.map_or_else(String::new, seconds);
            let Row {
                name, result, note, ..
            } = row;
            let line = format!("{name:<width$} {result:<8} {took:>8}  {note}");
            writeln!(f, "{}", line.trim_end())?;
        }
        let total = self.rows.iter().filter_map(|row| row.took).sum();
        writeln!(f, "{TOTAL:<width$} {:<8} {:>8}", "", seconds(total))
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
    fn every_part_has_its_line() {
        let mut summary = Summary::default();
        let passed = Outcome::Passed;
        summary.ended("fmt".into(), &passed, Duration::from_millis(750));
        let skipped = Outcome::Skipped("not installed".into());
        summary.ended("deny".into(), &skipped, Duration::ZERO);
        summary.failed("clippy".into(), Duration::from_secs(100));
        summary.not_run("features".into());
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
