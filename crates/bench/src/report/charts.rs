//! The plots of a comparison.

use super::comparison::{Group, load, payload};
use super::ratio::{self, Quantity};
use super::{file_name, units};
use crate::plot::{Dots, Line, Lines, Panel, Point, Scale};
use crate::record::{Comparison, Row};

/// The ratios of the rows under each load.
pub(super) fn ratios(group: &Group<'_>, part: &[&Comparison], quantity: Quantity) -> Dots {
    let baselines = group.baselines();
    let rows: Vec<_> = group
        .rows()
        .into_iter()
        .filter(|name| *name != baselines)
        .collect();
    Dots {
        file: file(group, part, &format!("{} ratio", quantity.name())),
        title: format!(
            "{}: {} relative to {baselines}",
            group.title,
            quantity.name()
        ),
        unit: "Ratio: the median over rounds and its 95 % interval, under each load (calls at a \
               time × size)"
            .into(),
        axis_format: units::round_ratio,
        format: units::ratio,
        reference: Some(1.0),
        series: vec![quantity.name().into()],
        panels: panels(part, &rows, |comparison, row| {
            vec![ratio::ratio(comparison, row, quantity).map(Point::from)]
        }),
        rows: names(&rows),
    }
}

/// The percentiles of the rows' latencies under each load.
pub(super) fn percentiles(group: &Group<'_>, part: &[&Comparison]) -> Dots {
    let rows = group.rows();
    Dots {
        file: file(group, part, "latency"),
        title: format!("{}: latency", group.title),
        unit: "Latency of a call, under each load (calls at a time × size)".into(),
        axis_format: units::duration,
        format: units::duration,
        reference: None,
        series: ["p50", "p99", "p99.9"].map(Into::into).into(),
        panels: panels(part, &rows, |_, row| {
            let latency = row.latency;
            [latency.p50_ns, latency.p99_ns, latency.p999_ns]
                .map(|ns| (!row.rounds.is_empty()).then(|| Point::exact(nanoseconds(ns))))
                .into()
        }),
        rows: names(&rows),
    }
}

/// The median latency by the size of the calls, with as few calls at a time as were measured.
pub(super) fn by_payload(group: &Group<'_>) -> Lines {
    let concurrency = group.loads.iter().map(|load| load.concurrency).min();
    let loads: Vec<_> = group
        .loads
        .iter()
        .filter(|load| Some(load.concurrency) == concurrency)
        .collect();
    let line = |name: &str| Line {
        name: name.to_owned(),
        points: loads
            .iter()
            .filter_map(|comparison| {
                let row = ratio::find(comparison, name)?;
                let latency = (!row.rounds.is_empty()).then_some(row.latency.p50_ns)?;
                #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
                let size = comparison.payload as f64;
                Some((size, Point::exact(nanoseconds(latency))))
            })
            .collect(),
    };
    // One size makes no line.
    let rows = if loads.len() > 1 {
        group.rows()
    } else {
        Vec::new()
    };
    Lines {
        file: file_name(&[group.title, "latency by size"]),
        title: format!(
            "{}: latency by size, {} at a time",
            group.title,
            concurrency.unwrap_or_default()
        ),
        x_label: "bytes of a call, each way".into(),
        x_format: units::bytes,
        y_label: "median latency of a call".into(),
        y_format: units::duration,
        y_scale: Scale::Logarithmic,
        series: rows.into_iter().map(line).collect(),
    }
}

fn file(group: &Group<'_>, part: &[&Comparison], what: &str) -> String {
    match part.first() {
        Some(first) if part.len() < group.loads.len() => {
            file_name(&[group.title, what, &payload(first)])
        }
        _ => file_name(&[group.title, what]),
    }
}

fn names(rows: &[&str]) -> Vec<String> {
    rows.iter().copied().map(Into::into).collect()
}

fn panels(
    part: &[&Comparison],
    rows: &[&str],
    points: impl Fn(&Comparison, &Row) -> Vec<Option<Point>>,
) -> Vec<Panel> {
    let panel = |comparison: &&Comparison| Panel {
        title: load(comparison),
        rows: rows
            .iter()
            .map(|name| {
                // A row that this load does not have is as one that has no values.
                ratio::find(comparison, name)
                    .map_or_else(|| vec![None], |row| points(comparison, row))
            })
            .collect(),
    };
    part.iter().map(panel).collect()
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn nanoseconds(ns: u64) -> f64 {
    ns as f64
}
