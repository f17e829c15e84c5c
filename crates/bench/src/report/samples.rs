//! The section of everything else that was measured.

use super::table::Table;
use super::{Page, units};
use crate::record::{Record, Samples};
use crate::statistics::quantile;

/// Writes the distributions of the records' samples.
pub(super) fn section(records: &[Record], page: &mut Page) {
    let samples = records.iter().flat_map(|record| &record.samples);
    let mut table = Table::new(["what", "p50", "p99", "max", "values"]);
    for samples in samples {
        table.row(row(samples));
    }
    if !table.is_empty() {
        page.text("## Also measured\n\n");
        page.text(&table.markdown());
    }
}

fn row(samples: &Samples) -> [String; 5] {
    let mut sorted: Vec<_> = samples
        .values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    sorted.sort_by(f64::total_cmp);
    let at = |share| {
        quantile(&sorted, share).map_or_else(
            || units::NONE.to_owned(),
            |value| units::value(value, &samples.unit),
        )
    };
    let name = match samples.unit.as_str() {
        // They are written with each value.
        "ns" | "µs" | "us" | "ms" | "s" | "bytes" => samples.name.clone(),
        unit if samples.name.contains(unit) => samples.name.clone(),
        unit => format!("{} ({unit})", samples.name),
    };
    // A single value is no distribution.
    let (p99, max) = if sorted.len() > 1 {
        (at(0.99), at(1.0))
    } else {
        Default::default()
    };
    [name, at(0.5), p99, max, sorted.len().to_string()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(unit: &str, values: &[f64]) -> Samples {
        Samples {
            name: "first denied call".into(),
            unit: unit.into(),
            values: values.into(),
        }
    }

    #[test]
    fn values_are_shown_in_their_unit() {
        assert_eq!(
            row(&samples("ns", &[3_000.0, 1_000.0, 2_000.0])),
            ["first denied call", "2 µs", "2.98 µs", "3 µs", "3"]
        );
        assert_eq!(
            row(&samples("bytes", &[2_097_152.0])),
            ["first denied call", "2 MiB", "", "", "1"]
        );
        assert_eq!(
            row(&samples("tries", &[2.0]))[0],
            "first denied call (tries)"
        );
    }

    #[test]
    fn no_values_are_shown_as_none() {
        for values in [&[][..], &[f64::NAN]] {
            assert_eq!(
                row(&samples("ns", values)),
                ["first denied call", "–", "", "", "0"]
            );
        }
    }
}
