//! Configuration of [`Foreign`].

use tower::Layer;

use super::Foreign;

/// Makes every error of the services below an [`RpcError`](wrpc_middleware_errors::RpcError). See
/// the [module](super).
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ForeignLayer;

impl ForeignLayer {
    /// The layer; there is nothing to configure.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for ForeignLayer {
    type Service = Foreign<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Foreign::new(inner)
    }
}
