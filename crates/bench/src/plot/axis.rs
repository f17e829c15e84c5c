//! Where a value is on an axis, and which values are named there.

use core::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// About how many ticks an axis has.
const TICKS: f64 = 5.0;

/// The most ticks that a logarithmic axis has.
const MOST_TICKS: usize = 7;

/// No quantity is larger; with room for margins around it.
const LARGEST: f64 = 1e100;

/// How the distance on an axis follows from the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Equal differences are equally far apart, and the axis starts at zero.
    FromZero,
    /// Equal ratios are equally far apart.
    Logarithmic,
}

/// An axis of a plot.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    scale: Scale,
    /// As positions.
    range: Range<f64>,
    /// As values.
    ticks: Vec<f64>,
    format: fn(f64) -> String,
}

impl Axis {
    /// An axis with room for `values`; those that have no place on it are passed over.
    pub(crate) fn new(
        scale: Scale,
        values: impl IntoIterator<Item = f64>,
        format: fn(f64) -> String,
    ) -> Self {
        let has_place = |value: &f64| match scale {
            Scale::FromZero => (0.0..=LARGEST).contains(value),
            Scale::Logarithmic => (1.0 / LARGEST..=LARGEST).contains(value),
        };
        let (low, high) = values
            .into_iter()
            .filter(has_place)
            .fold(None, |range: Option<(f64, f64)>, value| {
                let (low, high) = range.unwrap_or((value, value));
                Some((low.min(value), high.max(value)))
            })
            .unwrap_or((1.0, 1.0));
        let (range, ticks) = match scale {
            Scale::FromZero => {
                let high = if high > 0.0 { high * 1.1 } else { 1.0 };
                (0.0..high, linear_ticks(0.0, high))
            }
            Scale::Logarithmic => {
                let (low, high) = (low.ln(), high.ln());
                let margin = ((high - low) * 0.06).max(0.01);
                let range = low - margin..high + margin;
                let ticks = logarithmic_ticks(range.start.exp(), range.end.exp());
                (range, ticks)
            }
        };
        Self {
            scale,
            range,
            ticks,
            format,
        }
    }

    /// Names these values on the axis and no others.
    pub(crate) fn with_ticks(mut self, values: impl IntoIterator<Item = f64>) -> Self {
        self.ticks = values
            .into_iter()
            .filter(|value| self.position(*value).is_some())
            .collect();
        self
    }

    /// Leaves out every other tick until the names of those that remain have no more than
    /// `letters` together.
    pub(crate) fn with_room(mut self, letters: usize) -> Self {
        let length = |ticks: &[f64]| {
            let names = ticks.iter().map(|tick| (self.format)(*tick));
            names.map(|name| name.chars().count()).sum::<usize>()
        };
        while self.ticks.len() > 1 && length(&self.ticks) > letters {
            // From the last one on, since that is where most of what is compared is.
            let kept = self
                .ticks
                .iter()
                .copied()
                .rev()
                .step_by(2)
                .collect::<Vec<_>>();
            self.ticks = kept.into_iter().rev().collect();
        }
        self
    }

    /// Where `value` is, if it has a place here.
    pub(crate) fn position(&self, value: f64) -> Option<f64> {
        let position = match self.scale {
            Scale::FromZero => value,
            Scale::Logarithmic => value.ln(),
        };
        (self.range.start..=self.range.end)
            .contains(&position)
            .then_some(position)
    }

    /// The name of the tick at a position.
    pub(super) fn label(&self, position: f64) -> String {
        (self.format)(match self.scale {
            Scale::FromZero => position,
            Scale::Logarithmic => position.exp(),
        })
    }

    /// How many ticks there are.
    pub(super) fn ticks(&self) -> usize {
        self.ticks.len()
    }
}

/// To `plotters`, the values on an axis are positions.
impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    #[expect(clippy::cast_possible_truncation, reason = "a pixel")]
    fn map(&self, position: &f64, (first, last): (i32, i32)) -> i32 {
        let share = (position - self.range.start) / (self.range.end - self.range.start);
        first + (share * f64::from(last - first)).round() as i32
    }

    fn key_points<H: KeyPointHint>(&self, hint: H) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.ticks
            .iter()
            .filter_map(|value| self.position(*value))
            .collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

fn linear_ticks(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / TICKS;
    let magnitude = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * magnitude)
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let first = (low / step).ceil();
    let ticks = (0..16_u8).map(|index| (first + f64::from(index)) * step);
    ticks
        .take_while(|tick| *tick <= high)
        .filter(|tick| tick.is_finite())
        .collect()
}

fn logarithmic_ticks(low: f64, high: f64) -> Vec<f64> {
    if high / low < 4.0 {
        return linear_ticks(low, high);
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most three digits")]
    let power = |value: f64| value.log10().floor() as i32;
    let decades = |factors: &'static [f64]| {
        let powers = (power(low)..=power(high)).map(|power| 10_f64.powi(power));
        powers
            .flat_map(|power| factors.iter().map(move |factor| factor * power))
            .filter(|tick| (low..=high).contains(tick))
            .collect::<Vec<_>>()
    };
    let ticks = [&[1.0, 1.5, 2.0, 3.0, 5.0, 7.0][..], &[1.0, 2.0, 5.0]]
        .into_iter()
        .map(decades)
        .find(|ticks| ticks.len() <= MOST_TICKS);
    ticks.unwrap_or_else(|| {
        let ticks = decades(&[1.0]);
        let every = ticks.len().div_ceil(MOST_TICKS);
        ticks.into_iter().step_by(every.max(1)).collect()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn axis(scale: Scale, values: &[f64]) -> Axis {
        Axis::new(scale, values.iter().copied(), |value| format!("{value:.3}"))
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(
            axis(Scale::FromZero, &[42.0]).ticks,
            [0.0, 10.0, 20.0, 30.0, 40.0]
        );
        assert_eq!(
            axis(Scale::Logarithmic, &[16.0, 3_000_000.0]).ticks,
            [10.0, 100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0]
        );
    }

    #[test]
    fn ticks_are_closer_where_there_is_room() {
        let ticks = axis(Scale::Logarithmic, &[0.5, 3.0]).ticks;
        let labels: Vec<_> = ticks.iter().map(|tick| format!("{tick:.1}")).collect();
        assert_eq!(labels, ["0.5", "0.7", "1.0", "1.5", "2.0", "3.0"]);
    }

    #[test]
    fn a_small_ratio_has_ticks_of_its_size() {
        let axis = axis(Scale::Logarithmic, &[0.98, 1.05]);
        let labels: Vec<_> = axis.ticks.iter().map(|tick| format!("{tick:.2}")).collect();
        assert_eq!(labels, ["0.98", "1.00", "1.02", "1.04", "1.06"]);
    }

    #[test]
    fn what_has_no_place_on_an_axis_has_no_position() {
        let axis = axis(Scale::Logarithmic, &[0.0, -1.0, f64::NAN, 2.0]);
        assert_eq!(axis.position(2.0), Some(2_f64.ln()));
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(axis.position(value), None, "{value}");
        }
    }

    #[test]
    fn names_that_have_no_room_are_left_out() {
        let axis = axis(Scale::Logarithmic, &[1e-4, 1.0]);
        assert_eq!(axis.ticks.len(), 5);
        let axis = axis.with_room(15);
        let names: Vec<_> = axis.ticks.iter().map(|tick| format!("{tick:.4}")).collect();
        assert_eq!(names, ["0.0001", "0.0100", "1.0000"]);
        assert_eq!(axis.with_room(0).ticks.len(), 1);
    }

    proptest! {
        #[test]
        fn an_axis_has_room_and_ticks_whatever_the_values_are(
            values in prop::collection::vec(prop_oneof![any::<f64>(), 0.0..1e9], 0..8)
        ) {
            for scale in [Scale::FromZero, Scale::Logarithmic] {
                let axis = axis(scale, &values);
                prop_assert!(axis.range.start < axis.range.end);
                prop_assert!(axis.ticks.len() <= 16);
                for value in values.iter().filter(|value| (1e-3..1e12).contains(*value)) {
                    prop_assert!(axis.position(*value).is_some());
                }
            }
        }
    }
}
