//! What was recorded, as Prometheus would scrape it.

use std::sync::Arc;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use wrpc_middleware_telemetry::metrics::{DURATION_BUCKETS, MetricsOptions};

/// A recorder of its own.
#[derive(Clone)]
pub struct Recorded {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

impl Recorded {
    pub fn new() -> Self {
        let builder = PrometheusBuilder::new();
        let recorder = builder.set_buckets(&DURATION_BUCKETS).unwrap();
        let recorder = recorder.build_recorder();
        Self {
            handle: recorder.handle(),
            recorder: Arc::new(recorder),
        }
    }

    pub fn options(&self) -> MetricsOptions {
        MetricsOptions::new().recorder(Arc::clone(&self.recorder))
    }

    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// The series of a metric, as their labels and value.
    pub fn series(&self, metric: &str) -> Vec<(String, f64)> {
        let text = self.render();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let of_metric = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            let (name, labels) = name.split_once('{').unwrap_or((name, "}"));
            let labels = labels.strip_suffix('}').unwrap();
            (name == metric).then(|| (labels.to_owned(), value.parse().unwrap()))
        });
        of_metric.collect()
    }

    /// The sum of the series with all of these labels.
    pub fn sum(&self, metric: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |found: &str| {
            let mut wanted = labels.iter();
            wanted.all(|(name, value)| found.contains(&format!("{name}=\"{value}\"")))
        };
        let series = self.series(metric).into_iter();
        series
            .filter_map(|(found, value)| has(&found).then_some(value))
            .sum()
    }

    /// Asserts that the counter has this one series, which counts this many.
    #[track_caller]
    pub fn assert_only(&self, metric: &str, labels: &[(&str, &str)], count: f64) {
        let series = self.series(metric);
        assert_eq!(series.len(), 1, "{series:?}");
        assert_eq!(
            self.sum(metric, labels).to_bits(),
            count.to_bits(),
            "{series:?}"
        );
    }
}
