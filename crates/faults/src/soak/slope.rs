//! Whether something grows.

/// How fast `value` grows with `time`, by least squares, in the units of both. None of fewer than
/// two points in time.
#[must_use]
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let mean = |of: fn(&(f64, f64)) -> f64| {
        let (count, sum) = points
            .iter()
            .map(of)
            .fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
        sum / count
    };
    let (time, value) = (mean(|point| point.0), mean(|point| point.1));
    let (mut product, mut square) = (0.0, 0.0);
    for (at, what) in points {
        product += (at - time) * (what - value);
        square += (at - time) * (at - time);
    }
    (square > 0.0).then(|| product / square)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(points: &[(f64, f64)]) -> Option<f64> {
        slope(points).map(|slope| (slope * 1e6).round() / 1e6)
    }

    #[test]
    fn what_grows_is_told_from_what_does_not() {
        assert_eq!(of(&[(0.0, 5.0), (1.0, 5.0), (3.0, 5.0)]), Some(0.0));
        assert_eq!(of(&[(1.0, 1.0), (2.0, 3.0), (4.0, 7.0)]), Some(2.0));
        assert_eq!(of(&[(0.0, 4.0), (2.0, 1.0)]), Some(-1.5));
        // Up and down around what grows by one.
        let around = [(0.0, 1.0), (1.0, 0.0), (2.0, 3.0), (3.0, 2.0)];
        assert_eq!(of(&around), Some(0.6));
    }

    #[test]
    fn one_point_has_no_slope() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(1.0, 1.0), (1.0, 2.0)]), None);
    }
}
