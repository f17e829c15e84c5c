//! Configuration of [`ServeTrace`].

use tower::Layer;

use super::ServeTrace;

/// Traces served calls. See the [module](super) for what it does.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ServeTraceLayer;

impl ServeTraceLayer {
    /// A layer that makes a span of each call.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for ServeTraceLayer {
    type Service = ServeTrace<S>;

    fn layer(&self, inner: S) -> ServeTrace<S> {
        ServeTrace::new(inner)
    }
}
