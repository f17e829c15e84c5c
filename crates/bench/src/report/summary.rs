//! The most important of a report, for a terminal.

use core::fmt::Write as _;

use super::bounds::{self, Check, Verdict};
use super::comparison::{Group, cell, load};
use super::table::Table;
use crate::record::Comparison;

/// A table for each comparison, and what has to hold.
pub(super) fn text(groups: &[Group<'_>], checks: &[Check]) -> String {
    let mut text = String::new();
    for group in groups {
        for quantity in group.quantities() {
            let _ = writeln!(
                text,
                "{}: {} as times that of {}",
                group.title,
                quantity.name(),
                group.baselines()
            );
            let loads = edges(group);
            let heads = loads.iter().map(|comparison| load(comparison));
            let mut table = Table::new(core::iter::once(String::new()).chain(heads));
            for name in group.rows() {
                let cells = loads
                    .iter()
                    .map(|comparison| cell(comparison, name, quantity));
                table.row(core::iter::once(name.to_owned()).chain(cells));
            }
            let _ = writeln!(text, "{}", table.text());
        }
        let unanswered: u64 = rows(group).map(|row| row.unanswered).sum();
        if unanswered > 0 {
            let _ = writeln!(text, "{unanswered} calls were never answered\n");
        }
    }
    text += &bounds::table(checks).text();
    let missed = checks
        .iter()
        .filter(|check| check.verdict == Verdict::Missed)
        .count();
    if missed > 0 {
        let _ = writeln!(text, "\n{missed} of {} MISSED", checks.len());
    }
    text
}

/// The loads that fit on a terminal: every concurrency with the smallest payload, and every
/// payload with the smallest concurrency.
fn edges<'a>(group: &Group<'a>) -> Vec<&'a Comparison> {
    let smallest = |part: fn(&Comparison) -> usize| group.loads.iter().map(|load| part(load)).min();
    let payload = smallest(|load| load.payload);
    let concurrency = smallest(|load| load.concurrency);
    group
        .loads
        .iter()
        .copied()
        .filter(|load| Some(load.payload) == payload || Some(load.concurrency) == concurrency)
        .collect()
}

fn rows<'a>(group: &Group<'a>) -> impl Iterator<Item = &'a crate::record::Row> {
    group.loads.iter().flat_map(|comparison| &comparison.rows)
}

#[cfg(test)]
mod tests {
    use crate::report::fixture;

    #[test]
    fn it_fits_on_a_terminal() {
        let rendered = fixture::report().render().unwrap();
        let lines: Vec<_> = rendered.summary.lines().map(str::trim_end).collect();
        assert_eq!(
            lines[..5],
            [
                "Native calls: latency as times that of bare wRPC",
                "            1 × 16 B  64 × 16 B",
                "bare wRPC          1          1",
                "full stack      1.25       1.25",
                "",
            ]
        );
        assert!(
            lines.iter().all(|line| line.chars().count() <= 110),
            "{lines:#?}"
        );
        assert!(
            rendered.summary.ends_with("2 of 31 MISSED\n"),
            "{}",
            rendered.summary
        );
    }

    #[test]
    fn lost_calls_are_not_passed_over() {
        let mut report = fixture::report();
        report.records[0].comparisons[0].rows[1].unanswered = 3;
        let summary = report.render().unwrap().summary;
        assert!(
            summary.contains("\n3 calls were never answered\n"),
            "{summary}"
        );
    }
}
