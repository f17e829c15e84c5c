//! What the project promises about its cost, and whether it held.

use super::ratio::{self, Quantity};
use super::table::Table;
use super::{Page, Report, units};
use crate::record::Samples;

/// A promise.
struct Bound {
    what: &'static str,
    figure: Figure,
    limit: Limit,
}

/// What is measured for it.
enum Figure {
    /// A row's ratio to the baseline of its comparison.
    Ratio {
        title: &'static str,
        row: &'static str,
        concurrency: usize,
        payload: usize,
        quantity: Quantity,
    },
    /// What a call takes of something.
    Count {
        call: &'static str,
        unit: &'static str,
    },
    /// The time of a bench of criterion's, in nanoseconds.
    Time { id: &'static str },
    /// The time of one bench of criterion's relative to that of another.
    TimeRatio { id: &'static str, to: &'static str },
    /// How many times as much a sample is after the `last` call as after the `first`.
    Growth {
        sample: &'static str,
        first: u64,
        last: u64,
    },
}

/// How much it may be.
#[derive(Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

const NATIVE: &str = "Native calls";
const FULL_STACK: &str = "full stack";

/// Every promise.
const BOUNDS: &[Bound] = &[
    Bound {
        what: "full stack over bare wRPC, one call at a time: latency",
        figure: Figure::Ratio {
            title: NATIVE,
            row: FULL_STACK,
            concurrency: 1,
            payload: 16,
            quantity: Quantity::Latency,
        },
        limit: Limit::AtMost(1.05),
    },
    Bound {
        what: "full stack over bare wRPC, 64 calls at a time: throughput",
        figure: Figure::Ratio {
            title: NATIVE,
            row: FULL_STACK,
            concurrency: 64,
            payload: 16,
            quantity: Quantity::Throughput,
        },
        limit: Limit::AtLeast(0.95),
    },
    Bound {
        what: "full stack without a network: time of a call",
        figure: Figure::Time {
            id: "success/full stack",
        },
        limit: Limit::AtMost(1_000.0),
    },
    Bound {
        what: "full stack without a network: time of a denial",
        figure: Figure::Time {
            id: "failure/denied",
        },
        limit: Limit::AtMost(1_000.0),
    },
    Bound {
        what: "full stack: allocations of a call",
        figure: Figure::Count {
            call: FULL_STACK,
            unit: "allocations",
        },
        limit: Limit::AtMost(6.0),
    },
    Bound {
        what: "full stack: allocations of a denial",
        figure: Figure::Count {
            call: "denied",
            unit: "allocations",
        },
        limit: Limit::AtMost(5.0),
    },
    Bound {
        what: "lookup of one link, 100,000 links over 1: time",
        figure: Figure::TimeRatio {
            id: "lookup/same link/100000",
            to: "lookup/same link/1",
        },
        limit: Limit::AtMost(2.0),
    },
    Bound {
        what: "lookup of random links, 100,000 links over 1: time",
        figure: Figure::TimeRatio {
            id: "lookup/random link/100000",
            to: "lookup/random link/1",
        },
        limit: Limit::AtMost(2.0),
    },
    Bound {
        what: "memory after 1,000,000 calls over that after 10,000",
        figure: Figure::Growth {
            sample: "resident memory after ",
            first: 10_000,
            last: 1_000_000,
        },
        // Of some 14 MiB: two bytes a call. Buffers that happen to be larger at the time of the look
        // are less, the smallest allocation left behind by every fifteenth call is more.
        limit: Limit::AtMost(1.15),
    },
];

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

/// What was measured.
struct Measured {
    value: f64,
    interval: Option<(f64, f64)>,
    /// What is missing for a verdict.
    lacks: Option<String>,
}

impl Measured {
    fn exact(value: f64) -> Self {
        Self {
            value,
            interval: None,
            lacks: None,
        }
    }
}

/// Looks at every promise, and at every count that has a limit of its own.
pub(super) fn check(report: &Report) -> Vec<Check> {
    let promised = BOUNDS.iter().map(|bound| bound.check(report));
    let counts = report.records.iter().flat_map(|record| &record.counts);
    let limited = counts.filter_map(|count| {
        let is_promised = BOUNDS.iter().any(|bound| {
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
            what: self.what.into(),
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

impl Figure {
    /// What the report has of it.
    fn measure(&self, report: &Report) -> Option<Measured> {
        match *self {
            Self::Ratio {
                title,
                row,
                concurrency,
                payload,
                quantity,
            } => {
                let mut comparisons = report.records.iter().flat_map(|record| &record.comparisons);
                let comparison = comparisons.find(|comparison| {
                    comparison.title == title
                        && comparison.concurrency == concurrency
                        && comparison.payload == payload
                })?;
                let row = ratio::find(comparison, row).filter(|row| row.failed.is_none())?;
                let spread = ratio::ratio(comparison, row, quantity)?;
                Some(Measured {
                    value: spread.median,
                    interval: Some(spread.interval()),
                    lacks: None,
                })
            }
            Self::Count { call, unit } => {
                let mut counts = report.records.iter().flat_map(|record| &record.counts);
                let count =
                    counts.find(|count| count.unit == unit && is_call(&count.name, call))?;
                #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
                Some(Measured::exact(count.value as f64))
            }
            Self::Time { id } => {
                let estimate = report.estimates.iter().find(|estimate| estimate.id == id)?;
                Some(Measured {
                    value: estimate.median,
                    interval: Some(estimate.interval),
                    lacks: None,
                })
            }
            Self::TimeRatio { id, to } => {
                let time = |id| report.estimates.iter().find(|estimate| estimate.id == id);
                let (of, to) = (time(id)?, time(to)?);
                Some(Measured::exact(of.median / to.median))
            }
            Self::Growth {
                sample,
                first,
                last,
            } => growth(report, sample, first, last),
        }
    }

    fn show(&self, value: f64) -> String {
        match self {
            // A digit more than elsewhere: what misses a limit has to differ from it.
            Self::Ratio { .. } | Self::TimeRatio { .. } | Self::Growth { .. } => {
                format!("{value:.3}")
            }
            Self::Count { .. } => units::number(value),
            Self::Time { .. } => units::duration(value),
        }
    }
}

/// Whether a count is that of `call`, which a bench may prefix with its group.
fn is_call(name: &str, call: &str) -> bool {
    name.strip_suffix(call)
        .is_some_and(|group| group.is_empty() || group.ends_with('/'))
}

fn growth(report: &Report, sample: &str, first: u64, last: u64) -> Option<Measured> {
    let samples = report.records.iter().flat_map(|record| &record.samples);
    let mut by_calls: Vec<_> = samples
        .filter_map(|samples| {
            let value = samples.values.last().filter(|value| value.is_finite())?;
            Some((calls(samples, sample)?, *value))
        })
        .collect();
    by_calls.sort_by_key(|(calls, _)| *calls);
    let (_, before) = by_calls.iter().find(|(calls, _)| *calls == first)?;
    let (calls, after) = by_calls.last().filter(|(calls, _)| *calls > first)?;
    Some(Measured {
        value: after / before,
        interval: None,
        lacks: (*calls < last).then(|| {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            let calls = units::number(*calls as f64);
            format!("after {calls} calls only")
        }),
    })
}

/// How many calls there had been, from a name such as `resident memory after 10,000 calls`.
fn calls(samples: &Samples, prefix: &str) -> Option<u64> {
    let rest = samples.name.strip_prefix(prefix)?;
    let number = rest.split_whitespace().next()?.replace([',', '_'], "");
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Count, Record};
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
        assert_eq!(checks.len(), BOUNDS.len());
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
            seen("one call at a time"),
            (Verdict::Missed, "≤ 1.050", "1.250 (1.250–1.250)")
        );
        assert_eq!(
            seen("64 calls at a time"),
            (Verdict::Missed, "≥ 0.950", "0.800 (0.800–0.800)")
        );
        assert_eq!(
            seen("time of a call"),
            (Verdict::Ok, "≤ 1 µs", "812 ns (731 ns–893 ns)")
        );
        assert_eq!(seen("time of a denial").0, Verdict::NotMeasured);
        assert_eq!(seen("allocations of a call"), (Verdict::Ok, "≤ 6", "5"));
        assert_eq!(seen("one link"), (Verdict::Ok, "≤ 2.000", "1.200"));
        assert_eq!(seen("memory"), (Verdict::Ok, "≤ 1.150", "1.010"));
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
        let memory = checked(&checks, "memory");
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
            checked(&checks, "one call at a time").verdict,
            Verdict::NotMeasured
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
        assert_eq!(checks.len(), BOUNDS.len() + 2);
        assert_eq!(
            checked(&checks, "allocations of a denial").verdict,
            Verdict::Missed
        );
        assert_eq!(checked(&checks, "fail fast").verdict, Verdict::Ok);
        assert_eq!(checked(&checks, "undenied").verdict, Verdict::Missed);
    }
}
