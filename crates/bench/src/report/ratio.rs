//! A row in relation to the baseline of its comparison.

use crate::record::{Comparison, Round, Row};
use crate::statistics::Spread;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    /// The median latency of a round.
    Latency,
    /// The calls per second of a round.
    Throughput,
    /// The CPU time of the caller's process for each call of a round.
    CpuTime,
}

impl Quantity {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Latency, Self::Throughput, Self::CpuTime];

    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Throughput => "throughput",
            Self::CpuTime => "CPU time",
        }
    }

    /// Of a round; in nanoseconds, if it is a time.
    fn of(self, round: &Round) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let (calls, median, cpu) = (
            round.calls as f64,
            round.median_ns as f64,
            round.cpu_ns as f64,
        );
        // Without a call there is no time that one took.
        match self {
            Self::Latency => (calls > 0.0).then_some(median),
            Self::Throughput => (calls > 0.0).then(|| round.throughput()),
            Self::CpuTime => (calls > 0.0).then(|| cpu / calls),
        }
    }
}

/// How many times the baseline's a row's quantity is: of each round, where both had the same
/// neighbours on the machine.
pub(super) fn ratio(comparison: &Comparison, row: &Row, quantity: Quantity) -> Option<Spread> {
    between(row, baseline(comparison)?, quantity)
}

/// The same of any two rows of a comparison.
pub(super) fn between(row: &Row, base: &Row, quantity: Quantity) -> Option<Spread> {
    Spread::of(
        row.rounds
            .iter()
            .zip(&base.rounds)
            .filter_map(|(round, base)| {
                let base = quantity.of(base).filter(|base| *base > 0.0)?;
                Some(quantity.of(round)? / base)
            }),
    )
}

/// A row's quantity over its rounds.
pub(super) fn absolute(row: &Row, quantity: Quantity) -> Option<Spread> {
    Spread::of(row.rounds.iter().filter_map(|round| quantity.of(round)))
}

/// The row that the others are divided by.
pub(super) fn baseline(comparison: &Comparison) -> Option<&Row> {
    find(comparison, &comparison.baseline)
}

/// The row of this name.
pub(super) fn find<'a>(comparison: &'a Comparison, name: &str) -> Option<&'a Row> {
    comparison.rows.iter().find(|row| row.name == name)
}
