//! One report of everything that the benches measured.
//!
//! A pure function: what a run left behind goes in ([`Run`], [`Record`], [`Estimate`]), Markdown,
//! plots and a summary for the terminal come out.

mod bounds;
mod charts;
mod comparison;
mod counts;
mod criterion;
mod files;
#[cfg(test)]
mod fixture;
pub mod gungraun;
mod ratio;
mod samples;
mod summary;
mod table;
mod times;
mod units;

use core::fmt::Write as _;
use core::time::Duration;

use anyhow::Result;

pub use self::criterion::Estimate;
pub use crate::plot::Plot;

use self::table::{Table, inline};
use crate::record::Record;

/// What the report is made of.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Where and of what it was measured: names and what they stand for.
    pub environment: Vec<(String, String)>,
    /// Whether the benches were told to be quick.
    pub quick: bool,
    /// The benches, in the order in which they ran.
    pub runs: Vec<Run>,
    /// What they saved.
    pub records: Vec<Record>,
    /// What criterion measured.
    pub estimates: Vec<Estimate>,
}

/// What became of a bench.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its name.
    pub bench: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long that took.
    pub took: Duration,
}

/// How a bench ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It measured what it was to measure.
    Completed,
    /// It did not run, and why.
    Skipped(String),
    /// It failed, and how.
    Failed(String),
}

/// A report, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The report; it expects the plots beside it.
    pub markdown: String,
    /// The plots, each a file.
    pub plots: Vec<Plot>,
    /// The most important of it, for a terminal.
    pub summary: String,
}

impl Report {
    /// Whether nothing was measured at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.estimates.is_empty()
            && self.records.iter().all(|record| {
                record.comparisons.is_empty()
                    && record.counts.is_empty()
                    && record.samples.is_empty()
            })
    }

    /// Makes the report.
    ///
    /// # Errors
    ///
    /// A plot can't be drawn.
    pub fn render(&self) -> Result<Rendered> {
        let checks = bounds::check(self);
        let comparisons = comparison::grouped(&self.records);

        let mut page = Page::default();
        page.text("# What the stack costs\n\n");
        self.header(&mut page);
        bounds::section(&checks, &mut page);
        self.what_ran(&mut page);
        for group in &comparisons {
            comparison::section(group, &mut page)?;
        }
        times::section(&self.estimates, &mut page)?;
        counts::section(&self.records, &mut page);
        samples::section(&self.records, &mut page);
        Ok(Rendered {
            markdown: page.markdown.trim_end().to_owned() + "\n",
            plots: page.plots,
            summary: summary::text(&comparisons, &checks),
        })
    }

    fn header(&self, page: &mut Page) {
        let mut table = Table::new(["", ""]).with_text_columns(2);
        for (name, value) in &self.environment {
            table.row([name, value]);
        }
        let mut versions: Vec<_> = Vec::new();
        for version in self.records.iter().flat_map(|record| &record.versions) {
            if !versions.contains(&version.as_str()) {
                versions.push(version);
            }
        }
        if !versions.is_empty() {
            table.row(["measured with", &versions.join(", ")]);
        }
        if !table.is_empty() {
            page.text(&table.markdown());
        }
        if self.quick {
            page.text(
                "A quick run: short rounds and few of them, enough to see a tendency. Run it \
                 without `--quick` for figures to rely on.\n\n",
            );
        }
    }

    fn what_ran(&self, page: &mut Page) {
        if self.runs.is_empty() {
            return;
        }
        page.text("## What ran\n\n");
        let mut table = Table::new(["bench", "result", "took"]).with_text_columns(2);
        for run in &self.runs {
            let (result, took) = match &run.outcome {
                Outcome::Completed => ("completed".into(), units::seconds(run.took)),
                Outcome::Skipped(reason) => (format!("skipped: {reason}"), String::new()),
                Outcome::Failed(reason) => {
                    (format!("**FAILED**: {reason}"), units::seconds(run.took))
                }
            };
            table.row([&run.bench, &result, &took]);
        }
        page.text(&table.markdown());
    }
}

/// A page that is being written.
#[derive(Debug, Default)]
struct Page {
    markdown: String,
    plots: Vec<Plot>,
}

impl Page {
    fn text(&mut self, text: &str) {
        self.markdown.push_str(text);
    }

    /// Shows a plot here, if there is one.
    fn plot(&mut self, plot: Option<Plot>) {
        if let Some(plot) = plot {
            let description = inline(&plot.description).replace(['[', ']'], "");
            let _ = writeln!(self.markdown, "![{description}]({})\n", plot.file);
            self.plots.push(plot);
        }
    }
}

/// The name of a plot's file, made of these parts.
fn file_name(parts: &[&str]) -> String {
    let letters = parts.join("-").to_lowercase();
    let words: Vec<_> = letters
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    format!("{}.svg", words.join("-"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::{Comparison, Count, Latency, Round, Row, Samples};

    #[test]
    fn a_report_has_all_parts() {
        let rendered = fixture::report().render().unwrap();
        let headings: Vec<_> = rendered
            .markdown
            .lines()
            .filter(|line| line.starts_with('#'))
            .collect();
        assert_eq!(
            headings,
            [
                "# What the stack costs",
                "## What has to hold",
                "## What ran",
                "## Native calls",
                "## Time without a network",
                "### lookup",
                "### success",
                "## What a call takes",
                "## Also measured",
            ]
        );
        for part in [
            "| commit ",
            "| measured with | nats-server 2.15.1 ",
            "A quick run",
            "| instructions | skipped: no valgrind ",
            "| network      | **FAILED**: exit code 7 ",
        ] {
            assert!(
                rendered.markdown.contains(part),
                "{part} in {}",
                rendered.markdown
            );
        }
        for plot in &rendered.plots {
            assert!(rendered.markdown.contains(&format!("]({})", plot.file)));
            assert!(plot.svg.starts_with("<svg"), "{}", plot.file);
        }
    }

    #[test]
    fn a_report_of_nothing_is_one_in_which_nothing_was_measured() {
        let report = Report::default();
        assert!(report.is_empty());
        let rendered = report.render().unwrap();
        assert!(
            rendered.markdown.contains("not measured"),
            "{}",
            rendered.markdown
        );
        assert!(!rendered.markdown.contains("| ok"), "{}", rendered.markdown);
        assert_eq!(rendered.plots, []);
        assert!(!fixture::report().is_empty());
    }

    #[test]
    fn files_of_plots_are_plain_names() {
        assert_eq!(
            file_name(&["Native calls", "../ratio", "4 KiB"]),
            "native-calls-ratio-4-kib.svg"
        );
    }

    fn rounds() -> impl Strategy<Value = Vec<Round>> {
        let round = any::<[u64; 4]>().prop_map(|[calls, elapsed, median, cpu]| {
            let small = |value: u64| value >> (value % 64);
            Round {
                calls: small(calls),
                elapsed_ns: small(elapsed),
                median_ns: small(median),
                cpu_ns: small(cpu),
            }
        });
        prop::collection::vec(round, 0..10)
    }

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let names = prop::sample::select(vec!["bare wRPC", "full stack", "a | <b>\n&"]);
        let reason = || prop::option::weighted(0.2, Just("why".to_owned()));
        let row = (names, rounds(), any::<u64>(), reason(), reason()).prop_map(
            |(name, rounds, value, skipped, failed)| Row {
                name: name.into(),
                rounds,
                latency: Latency {
                    p50_ns: value >> 32,
                    p99_ns: value,
                    ..Latency::default()
                },
                unanswered: value % 3,
                skipped,
                failed,
            },
        );
        prop::collection::vec(row, 0..4)
    }

    fn records() -> impl Strategy<Value = Vec<Record>> {
        let loads = prop::sample::select(vec![(0, 0), (1, 16), (64, 16), (1, 3 << 20)]);
        let comparison = (loads, rows()).prop_map(|((concurrency, payload), rows)| Comparison {
            title: "Native calls".into(),
            concurrency,
            payload,
            baseline: "bare wRPC".into(),
            rows,
        });
        let samples = prop::collection::vec(any::<f64>(), 0..5).prop_map(|values| Samples {
            name: "resident memory after 10,000 calls".into(),
            unit: "bytes".into(),
            values,
        });
        let record = (
            prop::collection::vec(comparison, 0..10),
            prop::collection::vec(samples, 0..3),
            any::<u64>(),
        )
            .prop_map(|(comparisons, samples, value)| Record {
                comparisons,
                samples,
                counts: vec![Count {
                    name: "full stack".into(),
                    unit: "allocations".into(),
                    value,
                    limit: None,
                }],
                ..Record::new("network")
            });
        prop::collection::vec(record, 0..3)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_was_measured_can_be_reported(
            records in records(),
            times in prop::collection::vec(any::<f64>(), 3),
        ) {
            let ids = ["success/full stack", "lookup/same link/1", "lookup/same link/100000"];
            let estimates = ids.iter().zip(times).map(|(id, median)| Estimate {
                id: (*id).to_owned(),
                median,
                interval: (median - 1.0, median + 1.0),
            });
            let report = Report {
                records,
                estimates: estimates.collect(),
                ..Report::default()
            };
            let rendered = report.render().unwrap();
            for word in ["NaN", "inf"] {
                prop_assert!(!rendered.markdown.contains(word), "{}", rendered.markdown);
                prop_assert!(!rendered.summary.contains(word), "{}", rendered.summary);
            }
        }
    }
}
