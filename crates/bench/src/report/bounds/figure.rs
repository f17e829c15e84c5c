//! What is measured for a promise.

use super::super::ratio::{self, Quantity};
use super::super::{Report, units};
use crate::record::Samples;

/// What is measured for it.
#[derive(Clone)]
pub(super) enum Figure {
    /// A row's ratio to another of its comparison, the baseline if none is named.
    Ratio {
        title: &'static str,
        row: &'static str,
        to: Option<&'static str>,
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
    /// How many of so many calls a sample counts.
    Calls { sample: &'static str, of: u64 },
}

/// What was measured.
pub(super) struct Measured {
    pub(super) value: f64,
    pub(super) interval: Option<(f64, f64)>,
    /// What is missing for a verdict.
    pub(super) lacks: Option<String>,
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

impl Figure {
    /// What the report has of it.
    pub(super) fn measure(&self, report: &Report) -> Option<Measured> {
        match *self {
            Self::Ratio {
                title,
                row,
                to,
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
                let found = |name| ratio::find(comparison, name).filter(|row| row.failed.is_none());
                let to = found(to.unwrap_or(&comparison.baseline))?;
                let spread = ratio::between(found(row)?, to, quantity)?;
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
            Self::Calls { sample, of } => counted(report, sample, of),
        }
    }

    pub(super) fn show(&self, value: f64) -> String {
        match self {
            // A digit more than elsewhere: what misses a limit has to differ from it.
            Self::Ratio { .. } | Self::TimeRatio { .. } | Self::Growth { .. } => {
                format!("{value:.3}")
            }
            Self::Count { .. } | Self::Calls { .. } => units::number(value),
            Self::Time { .. } => units::duration(value),
        }
    }
}

/// Whether a count is that of `call`, which a bench may prefix with its group.
pub(super) fn is_call(name: &str, call: &str) -> bool {
    name.strip_suffix(call)
        .is_some_and(|group| group.is_empty() || group.ends_with('/'))
}

fn growth(report: &Report, sample: &str, first: u64, last: u64) -> Option<Measured> {
    let by_calls = by_calls(report, sample);
    let (_, before) = by_calls.iter().find(|(calls, _)| *calls == first)?;
    let (calls, after) = by_calls.last().filter(|(calls, _)| *calls > first)?;
    Some(Measured {
        value: after / before,
        interval: None,
        lacks: too_few(*calls, last),
    })
}

fn counted(report: &Report, sample: &str, of: u64) -> Option<Measured> {
    let (calls, value) = by_calls(report, sample).pop()?;
    Some(Measured {
        value,
        interval: None,
        // What was seen among few calls was seen; what was not proves nothing.
        lacks: too_few(calls, of).filter(|_| value == 0.0),
    })
}

fn too_few(calls: u64, promised: u64) -> Option<String> {
    (calls < promised).then(|| {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let calls = units::number(calls as f64);
        format!("after {calls} calls only")
    })
}

/// The values of a sample and after how many calls they were taken, in that order.
fn by_calls(report: &Report, sample: &str) -> Vec<(u64, f64)> {
    let samples = report.records.iter().flat_map(|record| &record.samples);
    let mut by_calls: Vec<_> = samples
        .filter_map(|samples| {
            let value = samples.values.last().filter(|value| value.is_finite())?;
            Some((calls(samples, sample)?, *value))
        })
        .collect();
    by_calls.sort_by_key(|(calls, _)| *calls);
    by_calls
}

/// How many calls there had been, from a name such as `resident memory after 10,000 calls`.
fn calls(samples: &Samples, prefix: &str) -> Option<u64> {
    let rest = samples.name.strip_prefix(prefix)?;
    let number = rest.split_whitespace().next()?.replace([',', '_'], "");
    number.parse().ok()
}
