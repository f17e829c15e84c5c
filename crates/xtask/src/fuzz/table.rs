//! What a person sees at the end.

use core::fmt;
use std::path::PathBuf;

use super::statistics::Statistics;

/// A line for each target.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    target: String,
    statistics: Statistics,
    succeeded: bool,
    found: Vec<PathBuf>,
}

impl Table {
    pub(super) fn add(
        &mut self,
        target: String,
        statistics: Statistics,
        succeeded: bool,
        found: Vec<PathBuf>,
    ) {
        self.rows.push(Row {
            target,
            statistics,
            succeeded,
            found,
        });
    }

    /// Whether every target ran to its end.
    pub(super) fn is_clean(&self) -> bool {
        self.rows.iter().all(|row| row.succeeded)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<14} {:<7} {:>8} {:>12} {:>8} {:>7} {:>8}",
            "TARGET", "RESULT", "SECONDS", "EXECUTIONS", "EDGES", "INPUTS", "PEAK MB"
        )?;
        for row in &self.rows {
            let Statistics {
                executions,
                coverage,
                inputs,
                peak_rss_mb,
                took,
            } = row.statistics;
            let result = match (row.succeeded, executions) {
                (true, _) => "ok",
                (false, 0) => "FAILED",
                (false, _) => "FOUND",
            };
            let seconds = took.as_secs();
            writeln!(
                f,
                "{:<14} {result:<7} {seconds:>8} {executions:>12} {coverage:>8} {inputs:>7} {peak_rss_mb:>8}",
                row.target
            )?;
        }
        for input in self.rows.iter().flat_map(|row| &row.found) {
            writeln!(f, "found: {}", input.display())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn what_was_found_is_named() {
        let statistics = |executions| Statistics {
            executions,
            took: Duration::from_mins(10),
            ..Statistics::default()
        };
        let mut table = Table::default();
        table.add("links_file".into(), statistics(1000), true, vec![]);
        assert!(table.is_clean());
        table.add(
            "nats_caller".into(),
            statistics(7),
            false,
            vec!["crash-1".into()],
        );
        table.add("wave_call".into(), statistics(0), false, vec![]);
        assert!(!table.is_clean());
        let text = table.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines[1].starts_with("links_file     ok           600         1000"),
            "{text}"
        );
        assert!(
            lines[2].contains("FOUND") && lines[3].contains("FAILED"),
            "{text}"
        );
        assert_eq!(lines[4], "found: crash-1");
    }
}
