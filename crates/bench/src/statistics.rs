//! The middle of what was measured, and how far it spreads.
//!
//! Medians and quantiles only: a neighbour that takes the machine for a while moves a mean, and a
//! distribution of times is not normal.

use core::f64::consts::LN_2;

/// How likely the interval around a median has to hold the true one.
const CONFIDENCE: f64 = 0.95;

/// Where values lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// A quarter of the values is not above this.
    pub first_quartile: f64,
    /// A quarter of the values is not below this.
    pub third_quartile: f64,
    /// The smallest value.
    pub minimum: f64,
    /// The largest value.
    pub maximum: f64,
    /// The interval that holds the median of what the values were drawn from with a probability of
    /// 95 %, whatever their distribution is. Fewer than six values have none.
    pub confidence: Option<(f64, f64)>,
    /// How many values there are.
    pub count: usize,
}

impl Spread {
    /// Where the finite ones among `values` lie, if there are any.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<_> = values
            .into_iter()
            .filter(|value| value.is_finite())
            .collect();
        sorted.sort_by(f64::total_cmp);
        let confidence = confidence_rank(sorted.len()).and_then(|rank| {
            let mirrored = sorted.len().checked_sub(rank + 1)?;
            Some((*sorted.get(rank)?, *sorted.get(mirrored)?))
        });
        Some(Self {
            median: quantile(&sorted, 0.5)?,
            first_quartile: quantile(&sorted, 0.25)?,
            third_quartile: quantile(&sorted, 0.75)?,
            minimum: *sorted.first()?,
            maximum: *sorted.last()?,
            confidence,
            count: sorted.len(),
        })
    }

    /// Where the true median is: the [confidence](Self::confidence) interval, and the whole range
    /// where there are too few values for one.
    #[must_use]
    pub fn interval(&self) -> (f64, f64) {
        self.confidence.unwrap_or((self.minimum, self.maximum))
    }
}

/// The quantile `at` (0 to 1) of values in ascending order, interpolated between the two nearest.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index, far below 2^52"
)]
pub fn quantile(sorted: &[f64], at: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = at.clamp(0.0, 1.0) * last as f64;
    let below = *sorted.get(position.floor() as usize)?;
    let above = *sorted.get(position.ceil() as usize)?;
    let share = position.fract();
    // Not `below + (above - below) * share`, where the difference can overflow; and rounding must
    // not lead out of what is between the two.
    Some((below * (1.0 - share) + above * share).clamp(below, above))
}

/// How many of `count` values in ascending order are left out at either end, so that the median of
/// their distribution is between those that remain with a probability of [`CONFIDENCE`] at least.
///
/// Each value is below that median with a probability of one half, so how many are is binomially
/// distributed.
#[expect(clippy::cast_precision_loss, reason = "a count, far below 2^52")]
fn confidence_rank(count: usize) -> Option<usize> {
    // The logarithm of the probability that `below` values are below the median; the probability
    // itself is too small for a float if there are many values.
    let mut log_probability = -(count as f64) * LN_2;
    let mut tail = 0.0;
    let mut rank = None;
    for below in 0..count {
        tail += log_probability.exp();
        if 2.0 * tail > 1.0 - CONFIDENCE {
            break;
        }
        rank = Some(below);
        log_probability += ((count - below) as f64 / (below + 1) as f64).ln();
    }
    rank
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_middle_of_an_even_number_of_values_is_between_two_of_them() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!(
            spread,
            Spread {
                median: 2.5,
                first_quartile: 1.75,
                third_quartile: 3.25,
                minimum: 1.0,
                maximum: 4.0,
                confidence: None,
                count: 4
            }
        );
        assert_eq!(spread.interval(), (1.0, 4.0));
    }

    #[test]
    fn what_is_no_number_does_not_count() {
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([f64::NAN, f64::INFINITY]), None);
        let spread = Spread::of([f64::NAN, 7.0, f64::NEG_INFINITY]).unwrap();
        assert_eq!((spread.median, spread.count), (7.0, 1));
    }

    /// Against the published tables of the sign test (ranks from 1 there).
    #[test]
    fn the_interval_leaves_out_as_many_values_as_the_sign_test_does() {
        for (count, rank) in [
            (0, None),
            (5, None),
            (6, Some(0)),
            (8, Some(0)),
            (9, Some(1)),
            (12, Some(2)),
            (20, Some(5)),
            (25, Some(7)),
            (40, Some(13)),
            (100, Some(39)),
        ] {
            assert_eq!(confidence_rank(count), rank, "{count} values");
        }
        // The normal approximation: n/2 - 1.96 * sqrt(n)/2.
        let rank = confidence_rank(1_000_000).unwrap();
        assert!((499_018..=499_022).contains(&rank), "{rank}");
    }

    proptest! {
        #[test]
        fn the_parts_of_a_spread_are_in_order(values in prop::collection::vec(any::<f64>(), 0..60)) {
            let finite = values.iter().filter(|value| value.is_finite()).count();
            let Some(spread) = Spread::of(values) else {
                prop_assert_eq!(finite, 0);
                return Ok(());
            };
            prop_assert_eq!(spread.count, finite);
            prop_assert!(spread.minimum <= spread.first_quartile);
            prop_assert!(spread.first_quartile <= spread.median);
            prop_assert!(spread.median <= spread.third_quartile);
            prop_assert!(spread.third_quartile <= spread.maximum);
            let (low, high) = spread.interval();
            prop_assert!(spread.minimum <= low && low <= spread.median);
            prop_assert!(spread.median <= high && high <= spread.maximum);
        }

        #[test]
        fn the_order_of_values_does_not_matter(mut values in prop::collection::vec(-1e9..1e9, 1..40)) {
            let forwards = Spread::of(values.clone());
            values.reverse();
            prop_assert_eq!(forwards, Spread::of(values));
        }
    }
}
