//! How long calls took, by buckets.

use std::collections::BTreeMap;

/// How many calls took no longer than each bound, in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram(BTreeMap<Bound, u64>);

/// A bound that is not negative, so that the order of its bits is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Bound(u64);

impl Histogram {
    /// So many more calls took no longer than `bound`.
    pub(super) fn add(&mut self, bound: f64, calls: u64) {
        if bound >= 0.0 {
            *self.0.entry(Bound(bound.to_bits())).or_default() += calls;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (bound, calls) in &other.0 {
            *self.0.entry(*bound).or_default() += calls;
        }
    }

    /// What was added since `before`.
    pub(super) fn since(&self, before: &Self) -> Self {
        let since = self.0.iter().map(|(bound, calls)| {
            let before = before.0.get(bound).copied().unwrap_or_default();
            (*bound, calls.saturating_sub(before))
        });
        Self(since.collect())
    }

    /// How long the fastest `part` of the calls took at most, within a bucket by interpolation, as
    /// Prometheus does it; the largest bound, if it was longer. None without calls.
    #[expect(clippy::cast_precision_loss, reason = "it is an estimate")]
    pub(super) fn quantile(&self, part: f64) -> Option<f64> {
        let all = *self.0.last_key_value()?.1;
        if all == 0 {
            return None;
        }
        let rank = part * all as f64;
        let (mut lower, mut below) = (0.0, 0);
        for (Bound(bits), calls) in &self.0 {
            let upper = f64::from_bits(*bits);
            if *calls as f64 >= rank {
                let within = calls.saturating_sub(below);
                if upper.is_infinite() || within == 0 {
                    return Some(lower);
                }
                return Some(lower + (upper - lower) * (rank - below as f64) / within as f64);
            }
            (lower, below) = (upper, *calls);
        }
        Some(lower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(buckets: &[(f64, u64)]) -> Histogram {
        let mut histogram = Histogram::default();
        for (bound, calls) in buckets {
            histogram.add(*bound, *calls);
        }
        histogram
    }

    fn assert_quantile(histogram: &Histogram, part: f64, expected: f64) {
        let found = histogram.quantile(part).unwrap();
        assert!((found - expected).abs() < 1e-9, "{found}");
    }

    #[test]
    fn a_quantile_is_within_its_bucket() {
        let inf = f64::INFINITY;
        let found = histogram(&[(0.1, 50), (0.2, 90), (inf, 100)]);
        assert_quantile(&found, 0.5, 0.1);
        assert_quantile(&found, 0.7, 0.15);
        assert_quantile(&found, 0.9, 0.2);
        // Nothing is known beyond.
        assert_quantile(&found, 0.99, 0.2);
        assert_eq!(histogram(&[]).quantile(0.5), None);
        assert_eq!(histogram(&[(0.1, 0), (inf, 0)]).quantile(0.5), None);
    }

    #[test]
    fn what_was_added_is_what_counts() {
        let before = histogram(&[(0.1, 100), (f64::INFINITY, 100)]);
        let after = histogram(&[(0.1, 100), (0.2, 10), (f64::INFINITY, 110)]);
        assert_quantile(&after.since(&before), 1.0, 0.2);
    }
}
