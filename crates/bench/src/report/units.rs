//! Figures for people: three digits that count, and a unit that fits.

use core::time::Duration;

const KIB: f64 = 1024.0;
const MIB: f64 = KIB * KIB;
const GIB: f64 = KIB * MIB;

/// What stands for a figure that there is none of.
pub(super) const NONE: &str = "–";

/// A time of `ns` nanoseconds.
pub(super) fn duration(ns: f64) -> String {
    scaled(ns, &[(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")])
}

/// How long something took that is worth no more than a tenth of a second.
pub(super) fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

/// A size.
pub(super) fn bytes(bytes: f64) -> String {
    scaled(
        bytes,
        &[(GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"), (1.0, "B")],
    )
}

/// Calls in a second; of large ones, the bytes that they carry in each direction.
pub(super) fn throughput(calls_per_second: f64, payload: usize) -> String {
    const LARGE: usize = 64 << 10;

    if payload < LARGE {
        let rate = number(calls_per_second);
        if rate == NONE {
            rate
        } else {
            format!("{rate}/s")
        }
    } else {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let rate = scaled(calls_per_second * payload as f64, &[(MIB, "MiB/s")]);
        rate
    }
}

/// A value in a unit that a record names.
pub(super) fn value(value: f64, unit: &str) -> String {
    match unit {
        "ns" => duration(value),
        "µs" | "us" => duration(value * 1e3),
        "ms" => duration(value * 1e6),
        "s" => duration(value * 1e9),
        "bytes" => bytes(value),
        _ => number(value),
    }
}

/// How many times as much; which part, if it is little.
pub(super) fn ratio(ratio: f64) -> String {
    if !ratio.is_finite() {
        return NONE.into();
    }
    if ratio > 0.0 && ratio < 0.1 {
        return format!("1/{}", number(ratio.recip().round()));
    }
    let places = 2_usize.saturating_sub(magnitude(ratio));
    format!("{ratio:.places$}")
}

/// How many times as much, for an axis: without the zeros that only show precision.
pub(super) fn round_ratio(value: f64) -> String {
    let text = ratio(value);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').into()
    } else {
        text
    }
}

/// A number with its thousands set apart; whole unless it is small.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return NONE.into();
    }
    if value.fract() != 0.0 && value.abs() < 100.0 {
        return significant(value);
    }
    let digits = format!("{:.0}", value.abs());
    let sign = if value < 0.0 && digits != "0" {
        "-"
    } else {
        ""
    };
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}")
}

/// `value` in the largest unit of which it is at least one.
fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    if !value.is_finite() {
        return NONE.into();
    }
    let fitting = units
        .iter()
        // What is rounded to a thousand of the next smaller unit is one of this.
        .find(|(size, _)| value.abs() >= *size * 0.9995)
        .or(units.last());
    let Some((size, unit)) = fitting else {
        return significant(value);
    };
    format!("{} {unit}", significant(value / size))
}

/// Three digits, without a fraction that is zero.
fn significant(value: f64) -> String {
    let places = 2_usize.saturating_sub(magnitude(value));
    let text = if value.abs() >= 1_000.0 {
        number(value)
    } else {
        format!("{value:.places$}")
    };
    match text.strip_suffix(".00").or_else(|| text.strip_suffix(".0")) {
        Some(whole) => whole.into(),
        None => text,
    }
}

/// How many digits there are before the point, without the first.
fn magnitude(value: f64) -> usize {
    match value.abs() {
        100.0.. => 2,
        10.0.. => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        for (ns, text) in [
            (0.0, "0 ns"),
            (0.25, "0.25 ns"),
            (8.125, "8.12 ns"),
            (812.4, "812 ns"),
            (999.4, "999 ns"),
            (999_999.9, "1 ms"),
            (1_234.0, "1.23 µs"),
            (91_000.0, "91 µs"),
            (45_600_000.0, "45.6 ms"),
            (3.5e9, "3.50 s"),
            (7.2e12, "7,200 s"),
            (f64::NAN, "–"),
            (f64::INFINITY, "–"),
        ] {
            assert_eq!(duration(ns), text, "{ns}");
        }
    }

    #[test]
    fn sizes_are_in_powers_of_two() {
        for (size, text) in [
            (16.0, "16 B"),
            (4_096.0, "4 KiB"),
            (262_144.0, "256 KiB"),
            (3_145_728.0, "3 MiB"),
            (1_610_612_736.0, "1.50 GiB"),
        ] {
            assert_eq!(bytes(size), text);
        }
    }

    #[test]
    fn large_calls_are_counted_in_bytes() {
        assert_eq!(throughput(12_345.6, 16), "12,346/s");
        assert_eq!(throughput(12.5, 4_096), "12.5/s");
        assert_eq!(throughput(100.0, 3 << 20), "300 MiB/s");
        assert_eq!(throughput(0.0, 3 << 20), "0 MiB/s");
        assert_eq!(throughput(f64::NAN, 16), "–");
        assert_eq!(throughput(f64::NAN, 3 << 20), "–");
    }

    #[test]
    fn ratios_keep_the_digits_that_count() {
        for (value, text) in [
            (1.0, "1.00"),
            (0.954, "0.95"),
            (0.0016, "1/625"),
            (1e-5, "1/100,000"),
            (0.0, "0.00"),
            (2.345, "2.35"),
            (31.21, "31.2"),
            (314.2, "314"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(ratio(value), text);
        }
    }

    #[test]
    fn ratios_on_an_axis_are_short() {
        for (value, text) in [
            (1.0, "1"),
            (0.5, "0.5"),
            (1.05, "1.05"),
            (200.0, "200"),
            (0.01, "1/100"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(round_ratio(value), text);
        }
    }

    #[test]
    fn numbers_have_their_thousands_set_apart() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (2.5, "2.50"),
            (100.0, "100"),
            (999.5, "1,000"),
            (1_000_000.0, "1,000,000"),
            (-12_345.0, "-12,345"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_value_is_shown_in_the_unit_of_its_record() {
        assert_eq!(value(1_500.0, "ns"), "1.50 µs");
        assert_eq!(value(1.5, "ms"), "1.50 ms");
        assert_eq!(value(2_048.0, "bytes"), "2 KiB");
        assert_eq!(value(5.0, "allocations"), "5");
    }
}
