//! Records made by hand.

use core::time::Duration;

use super::{Estimate, Outcome, Report, Run};
use crate::record::{Comparison, Count, Latency, Record, Round, Row, Samples};

/// Two rows under two loads: in each round, the full stack took 1.25 times as long as bare wRPC,
/// and there were ten rounds, each slower than the one before.
pub(super) fn record() -> Record {
    let row = |name: &str, factor: u64| Row {
        name: name.into(),
        rounds: (1..=10)
            .map(|round| Round {
                calls: 1_000,
                elapsed_ns: round * factor * 1_000_000,
                median_ns: round * factor * 1_000,
                cpu_ns: factor * 900,
            })
            .collect(),
        latency: Latency {
            p50_ns: 5 * factor * 1_000,
            p99_ns: 20 * factor * 1_000,
            p999_ns: 50 * factor * 1_000,
            max_ns: 90 * factor * 1_000,
        },
        unanswered: 0,
        skipped: None,
        failed: None,
    };
    let comparison = |concurrency| Comparison {
        title: "Native calls".into(),
        concurrency,
        payload: 16,
        baseline: "bare wRPC".into(),
        rows: vec![row("bare wRPC", 100), row("full stack", 125)],
    };
    Record {
        comparisons: vec![comparison(64), comparison(1)],
        samples: [(10_000_u32, 20e6), (1_000_000, 20.2e6)]
            .map(|(calls, bytes)| Samples {
                name: format!("resident memory after {calls} calls"),
                unit: "bytes".into(),
                values: vec![bytes],
            })
            .into(),
        versions: vec!["nats-server 2.15.1".into()],
        ..Record::new("network")
    }
}

/// A report with something in each of its parts.
pub(super) fn report() -> Report {
    let run = |bench: &str, outcome| Run {
        bench: bench.into(),
        outcome,
        took: Duration::from_secs(3),
    };
    let estimate = |id: &str, median| Estimate {
        id: id.into(),
        median,
        interval: (median * 0.9, median * 1.1),
    };
    Report {
        environment: vec![("commit".into(), "1234567".into())],
        quick: true,
        runs: vec![
            run("network", Outcome::Failed("exit code 7".into())),
            run("layers", Outcome::Completed),
            run("instructions", Outcome::Skipped("no valgrind".into())),
        ],
        records: vec![
            record(),
            Record {
                counts: vec![Count {
                    name: "full stack".into(),
                    unit: "allocations".into(),
                    value: 5,
                    limit: Some(6),
                }],
                ..Record::new("allocations")
            },
        ],
        estimates: vec![
            estimate("lookup/same link/1", 50.0),
            estimate("lookup/same link/100000", 60.0),
            estimate("success/full stack", 812.0),
        ],
    }
}
