//! The section of a comparison: how its rows relate to the baseline under all loads, then each
//! load in full.

use core::fmt::Write as _;

use anyhow::Result;

use super::ratio::{self, Quantity};
use super::table::{Table, inline};
use super::{Page, charts, units};
use crate::record::{Comparison, Record, Row};
use crate::statistics::Spread;

/// How many loads a table has side by side.
const LOADS_PER_TABLE: usize = 8;

/// All loads of what is compared.
pub(super) struct Group<'a> {
    pub(super) title: &'a str,
    /// The loads, by payload and then by concurrency.
    pub(super) loads: Vec<&'a Comparison>,
}

/// The comparisons of all records by their titles, in the order in which those first appear.
pub(super) fn grouped(records: &[Record]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for comparison in records.iter().flat_map(|record| &record.comparisons) {
        match groups
            .iter_mut()
            .find(|group| group.title == comparison.title)
        {
            Some(group) => group.loads.push(comparison),
            None => groups.push(Group {
                title: &comparison.title,
                loads: vec![comparison],
            }),
        }
    }
    for group in &mut groups {
        group
            .loads
            .sort_by_key(|comparison| (comparison.payload, comparison.concurrency));
    }
    groups
}

impl<'a> Group<'a> {
    /// The names of the rows that any load has, in order.
    pub(super) fn rows(&self) -> Vec<&'a str> {
        let mut names = Vec::new();
        for row in self.loads.iter().flat_map(|comparison| &comparison.rows) {
            if !names.contains(&row.name.as_str()) {
                names.push(&row.name);
            }
        }
        names
    }

    /// What the rows are divided by.
    pub(super) fn baselines(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for comparison in &self.loads {
            if !names.contains(&comparison.baseline.as_str()) {
                names.push(&comparison.baseline);
            }
        }
        names.join(", ")
    }

    /// What there are ratios of.
    pub(super) fn quantities(&self) -> Vec<Quantity> {
        let has = |quantity: &Quantity| {
            self.loads.iter().any(|comparison| {
                let mut rows = comparison.rows.iter();
                rows.any(|row| ratio::ratio(comparison, row, *quantity).is_some())
            })
        };
        Quantity::ALL.into_iter().filter(has).collect()
    }

    /// The loads in parts that fit on a page side by side; a payload is never torn apart.
    fn parts(&self) -> Vec<&[&'a Comparison]> {
        if self.loads.len() <= LOADS_PER_TABLE {
            return vec![&self.loads];
        }
        self.loads
            .chunk_by(|one, other| one.payload == other.payload)
            .collect()
    }
}

/// What a load is called.
pub(super) fn load(comparison: &Comparison) -> String {
    format!("{} × {}", comparison.concurrency, payload(comparison))
}

/// The size of its parameters, and of its results.
pub(super) fn payload(comparison: &Comparison) -> String {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    units::bytes(comparison.payload as f64)
}

/// Writes the section of a group.
pub(super) fn section(group: &Group<'_>, page: &mut Page) -> Result<()> {
    let baseline = inline(&group.baselines());
    let _ = writeln!(
        page.markdown,
        "## {}\n\n\
         Ratios to *{baseline}*, the median over rounds in which both had their turn. Below one, a \
         latency is better and a throughput worse than the baseline's; CPU time is that of the \
         caller's process for each call. A ratio in italics can't be \
         told from one: the 95 % interval of the median (with fewer than six rounds the whole \
         range) has it on both sides. A load such as `64 × 16 B` is 64 calls at a time with 16 B \
         of parameters and of results, or one way where the title says so.\n",
        inline(group.title)
    );
    for part in group.parts() {
        for quantity in group.quantities() {
            let _ = writeln!(page.markdown, "The {} ratio:\n", quantity.name());
            let heads = part.iter().map(|comparison| load(comparison));
            let mut table = Table::new(core::iter::once("row".to_owned()).chain(heads));
            for name in group.rows() {
                let cells = part
                    .iter()
                    .map(|comparison| emphasized(comparison, name, quantity));
                table.row(core::iter::once(name.to_owned()).chain(cells));
            }
            page.text(&table.markdown());
            page.plot(charts::ratios(group, part, quantity).draw()?);
        }
    }
    remarks(group, page);
    for part in group.parts() {
        page.plot(charts::percentiles(group, part).draw()?);
    }
    page.plot(charts::by_payload(group).draw()?);
    for comparison in &group.loads {
        details(comparison, &group.quantities(), page);
    }
    Ok(())
}

/// The ratio of a row, or why there is none.
pub(super) fn cell(comparison: &Comparison, name: &str, quantity: Quantity) -> String {
    let Some(row) = ratio::find(comparison, name) else {
        return String::new();
    };
    if row.failed.is_some() {
        return "FAILED".into();
    }
    if row.skipped.is_some() {
        return "skipped".into();
    }
    match ratio::ratio(comparison, row, quantity) {
        _ if name == comparison.baseline => "1".into(),
        Some(spread) => units::ratio(spread.median),
        None => units::NONE.into(),
    }
}

fn emphasized(comparison: &Comparison, name: &str, quantity: Quantity) -> String {
    let cell = cell(comparison, name, quantity);
    let spread = ratio::find(comparison, name)
        .filter(|row| name != comparison.baseline && row.failed.is_none() && row.skipped.is_none())
        .and_then(|row| ratio::ratio(comparison, row, quantity));
    match spread.map(|spread| spread.interval()) {
        Some((low, high)) if low <= 1.0 && high >= 1.0 => format!("*{cell}*"),
        _ => cell,
    }
}

/// Says what is missing and what went wrong, each with its loads.
fn remarks(group: &Group<'_>, page: &mut Page) {
    let mut remarks: Vec<(String, Vec<String>)> = Vec::new();
    let mut remark =
        |text: String, load: String| match remarks.iter_mut().find(|(known, _)| *known == text) {
            Some((_, loads)) => loads.push(load),
            None => remarks.push((text, vec![load])),
        };
    for comparison in &group.loads {
        for row in &comparison.rows {
            let name = inline(&row.name);
            if let Some(reason) = &row.skipped {
                remark(
                    format!("*{name}* skipped: {}", inline(reason)),
                    load(comparison),
                );
            }
            if let Some(reason) = &row.failed {
                remark(
                    format!("*{name}* **failed**: {}", inline(reason)),
                    load(comparison),
                );
            }
            if row.unanswered > 0 {
                remark(
                    format!("*{name}*: calls that were never answered"),
                    format!("{} ({})", load(comparison), row.unanswered),
                );
            }
        }
        if ratio::baseline(comparison).is_none_or(|row| row.rounds.is_empty()) {
            remark("no baseline, so no ratios".into(), load(comparison));
        }
    }
    for (text, loads) in &remarks {
        let loads = if loads.len() == group.loads.len() && !text.contains("never answered") {
            "under all loads".to_owned()
        } else {
            loads.join(", ")
        };
        let _ = writeln!(page.markdown, "- {text} ({loads})");
    }
    if !remarks.is_empty() {
        page.text("\n");
    }
}

/// Everything about one load.
fn details(comparison: &Comparison, quantities: &[Quantity], page: &mut Page) {
    let mut figures = Table::new([
        "row",
        "p50",
        "p99",
        "p99.9",
        "max",
        "throughput",
        "CPU time",
        "rounds",
        "unanswered",
    ]);
    for row in &comparison.rows {
        let absolute = |quantity, show: &dyn Fn(f64) -> String| {
            ratio::absolute(row, quantity)
                .map_or_else(|| units::NONE.to_owned(), |spread| show(spread.median))
        };
        let mut cells = vec![row.name.clone()];
        cells.extend(latencies(row));
        cells.push(absolute(Quantity::Throughput, &|rate| {
            units::throughput(rate, comparison.payload)
        }));
        cells.push(absolute(Quantity::CpuTime, &units::duration));
        cells.push(row.rounds.len().to_string());
        cells.push(row.unanswered.to_string());
        figures.row(cells);
    }

    let heads = quantities
        .iter()
        .flat_map(|quantity| [quantity.name(), "quartiles", "95 %"]);
    let mut ratios = Table::new(core::iter::once("ratio").chain(heads));
    for row in &comparison.rows {
        let mut cells = vec![row.name.clone()];
        for quantity in quantities {
            cells.push(cell(comparison, &row.name, *quantity));
            let spread = ratio::ratio(comparison, row, *quantity);
            cells.extend(intervals(
                spread.filter(|_| row.name != comparison.baseline),
            ));
        }
        ratios.row(cells);
    }

    let _ = writeln!(
        page.markdown,
        "<details>\n<summary>{} a call, {} at a time</summary>\n",
        payload(comparison),
        comparison.concurrency
    );
    page.text(&figures.markdown());
    if !quantities.is_empty() {
        page.text(&ratios.markdown());
    }
    page.text("</details>\n\n");
}

fn latencies(row: &Row) -> [String; 4] {
    let latency = &row.latency;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    [
        latency.p50_ns,
        latency.p99_ns,
        latency.p999_ns,
        latency.max_ns,
    ]
    .map(|ns| {
        if row.rounds.is_empty() {
            units::NONE.into()
        } else {
            units::duration(ns as f64)
        }
    })
}

fn intervals(spread: Option<Spread>) -> [String; 2] {
    let Some(spread) = spread else {
        return Default::default();
    };
    let interval = |(low, high)| format!("{}–{}", units::ratio(low), units::ratio(high));
    [
        interval((spread.first_quartile, spread.third_quartile)),
        spread
            .confidence
            .map_or_else(|| units::NONE.into(), interval),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Round;
    use crate::report::fixture;

    fn rendered(record: Record) -> Page {
        let mut page = Page::default();
        for group in grouped(&[record]) {
            section(&group, &mut page).unwrap();
        }
        page
    }

    /// The line of a table, without its padding.
    fn line(markdown: &str, start: &str) -> String {
        let line = markdown
            .lines()
            .find(|line| line.starts_with(start))
            .unwrap_or_else(|| panic!("no {start} in {markdown}"));
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ratios_are_taken_within_rounds() {
        let page = rendered(fixture::record());
        // The baseline got slower and slower, and the row with it: in each round it took 1.25
        // times as long.
        assert_eq!(
            line(&page.markdown, "| full stack "),
            "| full stack | 1.25 | 1.25 |"
        );
        assert_eq!(
            line(&page.markdown, "| bare wRPC "),
            "| bare wRPC | 1 | 1 |"
        );
    }

    #[test]
    fn a_ratio_that_can_not_be_told_from_one_is_in_italics() {
        let mut record = fixture::record();
        for comparison in &mut record.comparisons {
            let baseline = comparison.rows[0].rounds.clone();
            for (index, (round, base)) in comparison.rows[1]
                .rounds
                .iter_mut()
                .zip(baseline)
                .enumerate()
            {
                round.median_ns = base.median_ns / 100 * if index % 2 == 0 { 90 } else { 112 };
            }
        }
        let page = rendered(record);
        assert_eq!(
            line(&page.markdown, "| full stack "),
            "| full stack | *1.01* | *1.01* |"
        );
    }

    #[test]
    fn what_is_missing_says_why() {
        let mut record = fixture::record();
        let rows = &mut record.comparisons[0].rows;
        rows[1].rounds.clear();
        rows[1].skipped = Some("too | large".into());
        let mut failed = rows[1].clone();
        failed.name = "leaf alone".into();
        failed.skipped = None;
        failed.failed = Some("refused\nby the broker".into());
        failed.unanswered = 7;
        rows.push(failed);
        let page = rendered(record).markdown;
        for remark in [
            "- *full stack* skipped: too \\| large (64 × 16 B)\n",
            "- *leaf alone* **failed**: refused by the broker (64 × 16 B)\n",
            "- *leaf alone*: calls that were never answered (64 × 16 B (7))\n",
        ] {
            assert!(page.contains(remark), "{remark} in {page}");
        }
        assert_eq!(
            line(&page, "| full stack "),
            "| full stack | 1.25 | skipped |"
        );
        assert_eq!(line(&page, "| leaf alone "), "| leaf alone | | FAILED |");
    }

    #[test]
    fn without_a_baseline_there_are_no_ratios() {
        let mut record = fixture::record();
        for comparison in &mut record.comparisons {
            comparison.rows[0].rounds.clear();
        }
        let page = rendered(record).markdown;
        assert!(
            page.contains("- no baseline, so no ratios (under all loads)"),
            "{page}"
        );
        assert!(!page.contains("ratio:"), "{page}");
    }

    #[test]
    fn rounds_without_calls_or_time_do_not_matter() {
        let mut record = fixture::record();
        for comparison in &mut record.comparisons {
            for row in &mut comparison.rows {
                row.rounds.push(Round {
                    calls: 0,
                    elapsed_ns: 0,
                    median_ns: 0,
                    cpu_ns: 0,
                });
            }
        }
        let page = rendered(record).markdown;
        assert_eq!(line(&page, "| full stack "), "| full stack | 1.25 | 1.25 |");
    }

    #[test]
    fn many_loads_have_a_table_for_each_payload() {
        let mut record = fixture::record();
        let template = record.comparisons[0].clone();
        record.comparisons.clear();
        for payload in [3 << 20, 16, 4_096] {
            for concurrency in [64, 1, 16, 256] {
                record.comparisons.push(Comparison {
                    concurrency,
                    payload,
                    ..template.clone()
                });
            }
        }
        let page = rendered(record);
        let heads: Vec<_> = page
            .markdown
            .lines()
            .filter(|line| line.starts_with("| row") && line.contains('×'))
            .map(|head| head.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(heads.len(), 9);
        assert_eq!(
            heads[3],
            "| row | 1 × 4 KiB | 16 × 4 KiB | 64 × 4 KiB | 256 × 4 KiB |"
        );
        let mut files: Vec<_> = page.plots.iter().map(|plot| &plot.file).collect();
        files.sort();
        files.dedup();
        assert_eq!(
            files.len(),
            page.plots.len(),
            "each plot has a file of its own"
        );
        for file in files {
            assert!(page.markdown.contains(&format!("({file})")), "{file}");
        }
    }
}
