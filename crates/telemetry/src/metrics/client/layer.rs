//! Configuration of [`Metrics`].

use tower::Layer;

use super::{ClientMetrics, Metrics};

/// Measures calls. See the [module](super) for what it measures.
#[derive(Clone, Debug)]
pub struct MetricsLayer(ClientMetrics);

impl MetricsLayer {
    /// Measures into `metrics`.
    #[must_use]
    pub const fn new(metrics: ClientMetrics) -> Self {
        Self(metrics)
    }
}

impl<S> Layer<S> for MetricsLayer {
    type Service = Metrics<S>;

    fn layer(&self, inner: S) -> Metrics<S> {
        Metrics::new(inner, self.0.clone())
    }
}
