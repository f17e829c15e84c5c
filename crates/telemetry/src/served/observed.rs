//! A transport whose served calls are measured and traced.

use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use wrpc_middleware_transport::Paths;
use wrpc_transport::Serve;

use super::ServedCall;
use crate::call::{Flow, Observed};
use crate::metrics::served::{ServerCall, ServerMetrics};
use crate::trace::{CallSpan, Headers, Side, TraceContext};

/// What is told how a served call ended.
pub type ServedObserver = (ServerCall, CallSpan);

/// A [`Serve`] whose calls are measured and traced. See the [module](super) for what it measures.
///
/// ```no_run
/// use wrpc_middleware_telemetry::metrics::{MetricsOptions, served::ServerMetrics};
/// use wrpc_middleware_telemetry::served::ObservedServe;
/// use wrpc_transport::Serve as _;
///
/// # async fn run(client: wrpc_middleware_nats::Client) -> anyhow::Result<()> {
/// let transport = ObservedServe::new(client, ServerMetrics::new(MetricsOptions::new()));
/// let calls = transport.serve("test:app/greeter", "greet", []).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ObservedServe<S> {
    inner: S,
    metrics: ServerMetrics,
}

impl<S> ObservedServe<S> {
    /// Serves by `inner` and measures into `metrics`.
    pub const fn new(inner: S, metrics: ServerMetrics) -> Self {
        Self { inner, metrics }
    }
}

impl<S> Serve for ObservedServe<S>
where
    S: Serve,
    S::Context: Headers,
    S::Outgoing: Unpin,
    S::Incoming: Unpin,
{
    type Context = ServedCall<S::Context>;
    type Outgoing = Observed<S::Outgoing, ServedObserver>;
    type Incoming = Observed<S::Incoming, ServedObserver>;

    /// Errors and cancellation are those of the transport.
    async fn serve(
        &self,
        instance: &str,
        func: &str,
        paths: impl Into<Paths> + Send,
    ) -> anyhow::Result<
        impl Stream<Item = anyhow::Result<(Self::Context, Self::Outgoing, Self::Incoming)>>
        + Send
        + 'static,
    > {
        let calls = self.inner.serve(instance, func, paths).await?;
        let metrics = self.metrics.clone();
        let function = metrics.function(instance, func);
        let (instance, func): (Arc<str>, Arc<str>) = (instance.into(), func.into());
        Ok(calls.map(move |call| {
            let (context, outgoing, incoming) = call?;
            let parent = context.headers().and_then(TraceContext::read);
            let observer = (
                metrics.begin(Arc::clone(&function)),
                CallSpan::begin(Side::Server, &instance, &func, parent),
            );
            let flow = Arc::new(Flow::served(observer));
            Ok((
                ServedCall::new(context, Arc::clone(&flow)),
                Observed::new(outgoing, Arc::clone(&flow)),
                Observed::new(incoming, flow),
            ))
        }))
    }
}
