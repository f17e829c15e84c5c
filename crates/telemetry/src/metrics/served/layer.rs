//! Configuration of [`ServeMetrics`].

use tower::Layer;

use super::{ServeMetrics, ServerMetrics};

/// Measures served calls. See the [module](super) for what it measures.
#[derive(Clone, Debug)]
pub struct ServeMetricsLayer(ServerMetrics);

impl ServeMetricsLayer {
    /// Measures into `metrics`.
    #[must_use]
    pub const fn new(metrics: ServerMetrics) -> Self {
        Self(metrics)
    }
}

impl<S> Layer<S> for ServeMetricsLayer {
    type Service = ServeMetrics<S>;

    fn layer(&self, inner: S) -> ServeMetrics<S> {
        ServeMetrics::new(inner, self.0.clone())
    }
}
