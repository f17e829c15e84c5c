//! Metrics of calls that are served: [`ServeMetricsLayer`].
//!
//! # What it measures
//!
//! Calls, from the moment the service is called until its future ends: how many run, how long they
//! took, and how they ended. Outermost, in front of a
//! [`ServeStack`](wrpc_middleware_nats::serve::ServeStack), it sees those that are refused too.
//!
//! The outcome is what the service answered: `ok`, or a case of `rpc-error`; `cancelled` if the
//! caller has given up, or if the future was dropped. A panic counts as that.
//!
//! # What it does not measure
//!
//! What goes on after the future has ended, where a service hands the streams of a call to somebody
//! else. Calls that are refused before they come to a service, for
//! [`Options::max_running`](wrpc_middleware_nats::Options::max_running) or since they come too late.
//!
//! # What it costs
//!
//! No allocation for a call.
//!
//! ```
//! use tower::Layer as _;
//! use wrpc_middleware_nats::serve::{ServeStack, authorization::CallerRequest, handler};
//! use wrpc_middleware_telemetry::metrics::MetricsOptions;
//! use wrpc_middleware_telemetry::metrics::served::{ServeMetricsLayer, ServerMetrics};
//!
//! let metrics = ServerMetrics::new(MetricsOptions::new());
//! let stack = ServeStack::new(|request: &CallerRequest<'_>| request.caller == Some("client"));
//! let service = ServeMetricsLayer::new(metrics).layer(stack.layer(handler(async |(_, results, params)| {
//!     // …
//! #   drop((results, params)); Ok(())
//! })));
//! ```

mod layer;
mod service;

use std::sync::Arc;

pub use self::layer::ServeMetricsLayer;
pub use self::service::ServeMetrics;
use super::MetricsOptions;
use super::names;
use super::series::{Calls, Function, Running, SERVER};
use crate::Outcome;
use crate::call::Observer;

/// The metrics of calls that are served. Cheap to clone: all clones share them.
#[derive(Clone, Debug)]
pub struct ServerMetrics(Arc<Calls>);

impl ServerMetrics {
    /// Metrics without a series yet.
    #[must_use]
    pub fn new(options: MetricsOptions) -> Self {
        options.with(names::describe_server);
        Self(Arc::new(Calls::new(SERVER, options)))
    }

    pub(crate) fn function(&self, instance: &str, func: &str) -> Arc<Function> {
        self.0.function(instance, func)
    }

    pub(crate) fn begin(&self, function: Arc<Function>) -> ServerCall {
        ServerCall {
            running: Running::begin(function),
            metrics: self.clone(),
        }
    }
}

/// One served call that runs.
#[derive(Debug)]
pub struct ServerCall {
    metrics: ServerMetrics,
    running: Running,
}

impl Observer for ServerCall {
    fn ended(&mut self, outcome: Outcome) {
        self.metrics.0.end(&self.running, None, outcome);
    }
}

#[cfg(test)]
mod tests {
    use allocation_counter::measure;
    use wrpc_middleware_errors::{Delivery, RpcErrorKind};

    use super::*;

    #[test]
    fn a_call_allocates_nothing() {
        let metrics = ServerMetrics::new(MetricsOptions::new().off());
        let call = |outcome| {
            let function = metrics.function("test:app/echo@0.1.0", "echo");
            metrics.begin(function).ended(outcome);
        };
        let failed = Outcome::Failed(RpcErrorKind::Overloaded, Delivery::NotSent);
        for outcome in [Outcome::Ok, failed] {
            // The first makes what stays.
            assert!(measure(|| call(outcome)).count_total > 0);
            assert_eq!(measure(|| call(outcome)).count_total, 0);
        }
    }
}
