//! What the project promises about its cost, and whether it held.

mod figure;
mod promises;

use self::figure::{Figure, Measured, is_call};
use super::table::Table;
use super::{Page, Report};

/// A promise.
#[derive(Clone)]
struct Bound {
    what: String,
    figure: Figure,
    limit: Limit,
}

/// How much it may be.
#[derive(Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

/// Whether a promise held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    Missed,
    NotMeasured,
}

impl Verdict {
    /// As it is shown.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missed => "MISSED",
            Self::NotMeasured => "not measured",
        }
    }
}

/// A promise that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Check {
    pub(super) what: String,
    pub(super) limit: String,
    /// What was measured, with its interval, as far as it was.
    pub(super) measured: String,
    pub(super) verdict: Verdict,
}

/// Looks at every promise, and at every count that has a limit of its own.
pub(super) fn check(report: &Report) -> Vec<Check> {
    let bounds = promises::all();
    let promised = bounds.iter().map(|bound| bound.check(report));
    let counts = report.records.iter().flat_map(|record| &record.counts);
    let limited = counts.filter_map(|count| {
        let is_promised = bounds.iter().any(|bound| {
            matches!(bound.figure, Figure::Count { call, unit }
                if count.unit == unit && is_call(&count.name, call))
        });
        let limit = count.limit.filter(|_| !is_promised)?;
        Some(Check {
            what: format!("{}: {} of a call", count.name, count.unit),
            limit: format!("≤ {limit}"),
            measured: count.value.to_string(),
            verdict: if count.value <= limit {
                Verdict::Ok
            } else {
                Verdict::Missed
            },
        })
    });
    promised.chain(limited).collect()
}

/// Writes the section.
pub(super) fn section(checks: &[Check], page: &mut Page) {
    page.text("## What has to hold\n\n");
    page.text(&table(checks).markdown());
    page.text(
        "In parentheses is the interval that holds the true median with 95 %, or the whole range \
         if there were fewer than six rounds. What counts is the median. Shared machines differ \
         from run to run: where the limit is within the interval, run it again.\n\n",
    );
}

/// The checks as a table.
pub(super) fn table(checks: &[Check]) -> Table {
    let mut table = Table::new(["what has to hold", "result", "limit", "measured"]);
    table = table.with_text_columns(2);
    for check in checks {
        table.row([
            &check.what,
            check.verdict.name(),
            &check.limit,
            &check.measured,
        ]);
    }
    table
}

impl Bound {
    fn check(&self, report: &Report) -> Check {
        let measured = self
            .figure
            .measure(report)
            .filter(|measured| measured.value.is_finite());
        let verdict = match &measured {
            None | Some(Measured { lacks: Some(_), .. }) => Verdict::NotMeasured,
            Some(measured) if self.limit.permits(measured.value) => Verdict::Ok,
            Some(_) => Verdict::Missed,
        };
        let show = |value| self.figure.show(value);
        Check {
            what: self.what.clone(),
            limit: match self.limit {
                Limit::AtMost(limit) => format!("≤ {}", show(limit)),
                Limit::AtLeast(limit) => format!("≥ {}", show(limit)),
            },
            measured: measured.map_or_else(String::new, |measured| {
                let interval = measured
                    .interval
                    .map(|(low, high)| format!(" ({}–{})", show(low), show(high)));
                let lacks = measured.lacks.map(|lacks| format!(", {lacks}"));
                let parts = [Some(show(measured.value)), interval, lacks];
                parts.into_iter().flatten().collect()
            }),
            verdict,
        }
    }
}

impl Limit {
    fn permits(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Count, Record, Samples};
    use crate::report::{Estimate, fixture};

    fn checked<'a>(checks: &'a [Check], what: &str) -> &'a Check {
        let mut found = checks.iter().filter(|check| check.what.contains(what));
        let check = found.next().unwrap_or_else(|| panic!("no check of {what}"));
        assert_eq!(found.next(), None, "two checks of {what}");
        check
    }

    #[test]
    fn what_is_not_there_is_not_measured() {
        let checks = check(&Report::default());
        assert_eq!(checks.len(), promises::all().len());
        for check in checks {
            assert_eq!(check.verdict, Verdict::NotMeasured, "{check:?}");
            assert_eq!(check.measured, "");
        }
    }

    #[test]
    fn each_figure_is_held_against_its_limit() {
        let checks = check(&fixture::report());
        let seen = |what| {
            let check = checked(&checks, what);
            (check.verdict, &*check.limit, &*check.measured)
        };
        assert_eq!(
            seen("bare wRPC, one call at a time"),
            (Verdict::Missed, "≤ 1.050", "1.250 (1.250–1.250)")
        );
        assert_eq!(
            seen("bare wRPC, 64 calls at a time"),
            (Verdict::Missed, "≥ 0.950", "0.800 (0.800–0.800)")
        );
        assert_eq!(
            seen("time of a call"),
            (Verdict::Ok, "≤ 1 µs", "812 ns (731 ns–893 ns)")
        );
        assert_eq!(seen("time of a denial").0, Verdict::NotMeasured);
        assert_eq!(seen("allocations of a call"), (Verdict::Ok, "≤ 6", "5"));
        assert_eq!(seen("one link"), (Verdict::Ok, "≤ 2.000", "1.200"));
        assert_eq!(
            seen("memory after 1,000,000"),
            (Verdict::Ok, "≤ 1.150", "1.010")
        );
    }

    #[test]
    fn a_value_at_its_limit_is_within_it() {
        let estimate = |median| Report {
            estimates: vec![Estimate {
                id: "success/full stack".into(),
                median,
                interval: (median, median),
            }],
            ..Report::default()
        };
        for (median, verdict) in [
            (1_000.0, Verdict::Ok),
            (1_000.1, Verdict::Missed),
            (f64::NAN, Verdict::NotMeasured),
        ] {
            let checks = check(&estimate(median));
            assert_eq!(
                checked(&checks, "time of a call").verdict,
                verdict,
                "{median}"
            );
        }
    }

    #[test]
    fn fewer_calls_than_promised_are_shown_but_prove_nothing() {
        let mut report = fixture::report();
        for samples in &mut report.records[0].samples {
            samples.name = samples.name.replace("1000000", "100,000");
        }
        let checks = check(&report);
        let memory = checked(&checks, "memory after 1,000,000");
        assert_eq!(memory.verdict, Verdict::NotMeasured);
        assert_eq!(memory.measured, "1.010, after 100,000 calls only");
    }

    #[test]
    fn a_row_that_failed_is_not_measured() {
        let mut report = fixture::report();
        for comparison in &mut report.records[0].comparisons {
            comparison.rows[1].failed = Some("refused".into());
        }
        let checks = check(&report);
        assert_eq!(
            checked(&checks, "bare wRPC, one call at a time").verdict,
            Verdict::NotMeasured
        );
    }

    #[test]
    fn a_row_can_be_held_against_another_than_the_baseline() {
        let mut report = fixture::report();
        for comparison in &mut report.records[0].comparisons {
            comparison.title = "Transport".into();
            let [bare, full] = &mut comparison.rows[..] else {
                panic!("two rows");
            };
            bare.name = "full stack on own transport".into();
            full.name = "upstream's client".into();
            comparison.baseline = "raw NATS request".into();
        }
        let checks = check(&report);
        let faster = checked(&checks, "upstream's bare client, 64 at a time");
        assert_eq!(
            (faster.verdict, &*faster.limit, &*faster.measured),
            (Verdict::Ok, "≤ 1.000", "0.800 (0.800–0.800)")
        );
        // There is no such row.
        let missing = checked(&checks, "own transport over a raw NATS request, 64");
        assert_eq!(missing.verdict, Verdict::NotMeasured);
    }

    #[test]
    fn one_lost_call_is_too_many_however_few_there_were() {
        let lost = |calls, lost| {
            let report = Report {
                records: vec![Record {
                    samples: vec![Samples {
                        name: format!("own transport: calls without an answer after {calls} calls"),
                        unit: "calls".into(),
                        values: vec![lost],
                    }],
                    ..Record::new("network")
                }],
                ..Report::default()
            };
            let checks = check(&report);
            let check = checked(&checks, "without an answer");
            (check.verdict, check.measured.clone())
        };
        assert_eq!(lost(20_000_000, 0.0), (Verdict::Ok, "0".into()));
        assert_eq!(lost(20_000_000, 1.0), (Verdict::Missed, "1".into()));
        assert_eq!(lost(1_000_000, 1.0), (Verdict::Missed, "1".into()));
        assert_eq!(
            lost(1_000_000, 0.0),
            (Verdict::NotMeasured, "0, after 1,000,000 calls only".into())
        );
    }

    #[test]
    fn a_limit_that_a_bench_states_is_checked_too() {
        let count = |name: &str, value| Count {
            name: name.into(),
            unit: "allocations".into(),
            value,
            limit: Some(5),
        };
        let report = Report {
            records: vec![Record {
                counts: vec![
                    count("failure/denied", 6),
                    count("fail fast", 4),
                    count("undenied", 9),
                ],
                ..Record::new("allocations")
            }],
            ..Report::default()
        };
        let checks = check(&report);
        assert_eq!(checks.len(), promises::all().len() + 2);
        assert_eq!(
            checked(&checks, "allocations of a denial").verdict,
            Verdict::Missed
        );
        assert_eq!(checked(&checks, "fail fast").verdict, Verdict::Ok);
        assert_eq!(checked(&checks, "undenied").verdict, Verdict::Missed);
    }
}
