//! A view in columns.

use core::time::Duration;

use super::totals::Side;
use super::view::{FunctionView, HostView, View};

pub(super) const HEADER: [&str; COLUMNS] = [
    "SOURCE", "TARGET", "STATE", "FUNCTION", "CALLS/S", "P50", "P99", "RUNNING", "CALLS", "ERRORS",
];

pub(super) const COLUMNS: usize = 10;

/// Whether a column has numbers.
pub(super) const NUMBERS: [bool; COLUMNS] = [
    false, false, false, false, true, true, true, true, true, false,
];

/// What stands where nothing is known.
const NOTHING: &str = "-";

/// The cells of each function.
pub(super) fn rows(view: &View) -> Vec<[String; COLUMNS]> {
    view.functions.iter().map(|row| cells(view, row)).collect()
}

fn cells(view: &View, row: &FunctionView) -> [String; COLUMNS] {
    let (source, state) = match row.side {
        Side::Server => ("(served)", None),
        Side::Client => (known(&row.source), view.targets.get(&row.target)),
    };
    let rate = row.calls_per_second.map(|rate| format!("{rate:.1}"));
    let errors = row
        .errors
        .iter()
        .map(|(case, calls)| format!("{case} {calls}"));
    let errors = errors.collect::<Vec<_>>().join(", ");
    [
        source.into(),
        known(&row.target).into(),
        state.cloned().unwrap_or_default(),
        row.function.clone(),
        rate.unwrap_or_else(|| NOTHING.into()),
        seconds(row.p50_seconds),
        seconds(row.p99_seconds),
        row.in_flight.to_string(),
        row.calls.to_string(),
        errors,
    ]
}

/// A name, if there is one.
fn known(name: &str) -> &str {
    if name.is_empty() { NOTHING } else { name }
}

/// A latency, as far as buckets tell.
fn seconds(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    else {
        return NOTHING.into();
    };
    let micros = seconds.as_micros();
    if micros < 1000 {
        format!("{micros}µs")
    } else if micros < 1_000_000 {
        format!("{:.1}ms", seconds.as_secs_f64() * 1e3)
    } else {
        format!("{:.2}s", seconds.as_secs_f64())
    }
}

/// A host on a line.
pub(super) fn host(host: &HostView) -> String {
    let endpoint = &host.endpoint;
    if let Some(error) = &host.error {
        return format!("{endpoint}  {error}");
    }
    let id = host.id.as_deref().unwrap_or(NOTHING);
    let connection = host.connection.as_deref().unwrap_or("unknown");
    let links = match host.links_age_seconds {
        Some(age) => format!(", links {age:.1}s old"),
        None => String::new(),
    };
    format!("{endpoint}  {id}  NATS {connection}{links}")
}

/// All of it, as text in columns.
pub(super) fn text(view: &View) -> String {
    let mut lines: Vec<String> = view.hosts.iter().map(host).collect();
    lines.push(String::new());
    let header = HEADER.map(str::to_owned);
    let rows: Vec<_> = core::iter::once(header).chain(rows(view)).collect();
    let widths = widths(&rows);
    lines.extend(rows.iter().map(|row| line(row, &widths)));
    if view.functions.is_empty() {
        lines.push("no calls yet".into());
    }
    lines.push(String::new());
    lines.join("\n")
}

/// How wide each column has to be.
pub(super) fn widths(rows: &[[String; COLUMNS]]) -> [usize; COLUMNS] {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    widths
}

fn line(row: &[String; COLUMNS], widths: &[usize; COLUMNS]) -> String {
    let cells = row.iter().zip(widths).zip(NUMBERS);
    let cells = cells.map(|((cell, &width), is_number)| {
        if is_number {
            format!("{cell:>width$}")
        } else {
            format!("{cell:<width$}")
        }
    });
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}
