//! A state as a gauge for each value, of which one is 1.

use metrics::{Gauge, Label};

use super::names::STATE;
use super::options::MetricsOptions;

/// The gauges of one state, by the names of its values.
#[derive(Debug)]
pub(super) struct StateSet<const N: usize>([(&'static str, Gauge); N]);

impl<const N: usize> StateSet<N> {
    pub(super) fn new(
        options: &MetricsOptions,
        metric: &'static str,
        labels: &[Label],
        values: [&'static str; N],
    ) -> Self {
        Self(values.map(|value| {
            let mut labels = labels.to_vec();
            labels.push(Label::from_static_parts(STATE, value));
            (value, options.gauge(metric, labels))
        }))
    }

    /// From now on it is `value`.
    pub(super) fn set(&self, value: &'static str) {
        for (name, gauge) in &self.0 {
            gauge.set(if *name == value { 1.0 } else { 0.0 });
        }
    }
}
