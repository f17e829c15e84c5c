//! Where metrics go, and how many of them.

use core::fmt;
use std::sync::Arc;

use metrics::{
    Counter, Gauge, Histogram, Key, Label, Level, Metadata, NoopRecorder, Recorder, SharedString,
};

/// How many pairs of target and function have series of their own by default.
const MAX_SERIES: usize = 256;

/// Where metrics go, and how many of them.
#[derive(Clone)]
#[must_use = "options do nothing by themselves"]
pub struct MetricsOptions {
    recorder: Option<Arc<dyn Recorder + Send + Sync>>,
    pub(crate) max_series: usize,
}

impl Default for MetricsOptions {
    fn default() -> Self {
        Self {
            recorder: None,
            max_series: MAX_SERIES,
        }
    }
}

impl MetricsOptions {
    /// The recorder of the `metrics` facade, and 256 series.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes `recorder` in place of the one of the facade.
    pub fn recorder(mut self, recorder: impl Recorder + Send + Sync + 'static) -> Self {
        self.recorder = Some(Arc::new(recorder));
        self
    }

    /// Takes none: nothing is recorded.
    pub fn off(self) -> Self {
        self.recorder(NoopRecorder)
    }

    /// Bounds how many functions, and how many pairs of target and function, have series of their
    /// own. All others share those that are called [`OTHER`](super::OTHER).
    ///
    /// Each pair has a series of the counter for each outcome that was seen, and a histogram.
    pub const fn max_series(mut self, max: usize) -> Self {
        self.max_series = max;
        self
    }

    pub(crate) fn with<R>(&self, work: impl FnOnce(&dyn Recorder) -> R) -> R {
        match &self.recorder {
            Some(recorder) => work(recorder),
            None => metrics::with_recorder(work),
        }
    }

    pub(crate) fn counter(&self, name: &'static str, labels: Vec<Label>) -> Counter {
        let key = Key::from_parts(name, labels);
        self.with(|recorder| recorder.register_counter(&key, &METADATA))
    }

    pub(crate) fn gauge(&self, name: &'static str, labels: Vec<Label>) -> Gauge {
        let key = Key::from_parts(name, labels);
        self.with(|recorder| recorder.register_gauge(&key, &METADATA))
    }

    pub(crate) fn histogram(&self, name: &'static str, labels: Vec<Label>) -> Histogram {
        let key = Key::from_parts(name, labels);
        self.with(|recorder| recorder.register_histogram(&key, &METADATA))
    }
}

static METADATA: Metadata<'static> =
    Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// A label whose value is shared by many series.
pub(crate) fn label(name: &'static str, value: &Arc<str>) -> Label {
    Label::new(name, SharedString::from_shared(Arc::clone(value)))
}

impl fmt::Debug for MetricsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsOptions")
            .field("max_series", &self.max_series)
            .finish_non_exhaustive()
    }
}
