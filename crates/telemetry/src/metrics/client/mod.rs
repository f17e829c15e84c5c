//! Metrics of calls that are made: [`MetricsLayer`].
//!
//! # What it measures
//!
//! Calls, from the moment the service is called until both of their streams, and every stream that
//! was indexed out of them, are dropped: how many run, how long they took, and how they ended.
//! Outermost, in front of a [`Stack`](wrpc_middleware_transport::Stack), it sees denied calls too;
//! the target of a call is known as soon as the stack has resolved it.
//!
//! The outcome is what the caller saw:
//!
//! - `ok`: the results were read to their end, or some were and nobody waited for more. An `err`
//!   that the target returned is a value like any other.
//! - A case of `rpc-error`: the call failed so.
//! - `cancelled`: the call was dropped before.
//!
//! As a [`TargetObserver`] the metrics keep the state of each target.
//!
//! # What it does not measure
//!
//! What the adapter above makes of the bytes: results that do not decode are `ok` here. The time
//! that a call waits for the service to become ready; a stack is always ready. What a caller makes
//! of it: two attempts of a retry in front are two calls.
//!
//! # What it costs
//!
//! An allocation for each call that is answered, and none for one that fails.
//!
//! ```
//! use core::time::Duration;
//! use tower::Layer as _;
//! use wrpc_middleware_telemetry::metrics::MetricsOptions;
//! use wrpc_middleware_telemetry::metrics::client::{ClientMetrics, MetricsLayer};
//! use wrpc_middleware_transport::link::LinkTable;
//! use wrpc_middleware_transport::liveness::TargetLivenessLayer;
//! use wrpc_middleware_transport::{Context, Invoker, Stack, Transport};
//!
//! # fn wrap<T: wrpc_transport::Invoke<Context = ()> + Clone + 'static>(client: T) -> impl wrpc_transport::Invoke {
//! let metrics = ClientMetrics::new(MetricsOptions::new());
//! let liveness = TargetLivenessLayer::new(Duration::from_millis(500)).observer(metrics.clone());
//! let stack = Stack::new(LinkTable::default()).liveness_layer(liveness);
//! let measured = MetricsLayer::new(metrics).layer(stack.layer(Transport::new(client)));
//! Invoker::<_, Context<()>>::new(measured)
//! # }
//! ```

mod layer;
mod service;

use std::sync::Arc;

use wrpc_middleware_transport::liveness::{TargetObserver, TargetState};
use wrpc_middleware_transport::{Progress, Target};

pub use self::layer::MetricsLayer;
pub use self::service::Metrics;
use super::MetricsOptions;
use super::capped::{Capped, is_label};
use super::names::{self, CLIENT_TARGET_STATE, TARGET, UNRESOLVED};
use super::options::label;
use super::series::{CLIENT, Calls, Running};
use super::state::StateSet;
use crate::Outcome;
use crate::call::Observer;

/// The metrics of calls that are made. Cheap to clone: all clones share them.
#[derive(Clone, Debug)]
pub struct ClientMetrics(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    calls: Calls,
    targets: Capped<Arc<str>, StateSet<3>>,
    options: MetricsOptions,
}

impl ClientMetrics {
    /// Metrics without a series yet.
    #[must_use]
    pub fn new(options: MetricsOptions) -> Self {
        options.with(names::describe_client);
        Self(Arc::new(Shared {
            calls: Calls::new(CLIENT, options.clone()),
            targets: Capped::new(options.max_series),
            options,
        }))
    }

    fn begin(
        &self,
        instance: &str,
        func: &str,
        target: Option<&Target>,
        progress: &Progress,
    ) -> ClientCall {
        let function = self.0.calls.function(instance, func);
        ClientCall {
            running: Running::begin(function),
            metrics: self.clone(),
            target: target.cloned(),
            progress: progress.clone(),
        }
    }
}

/// Past the limit of series a target has none.
impl TargetObserver for ClientMetrics {
    fn changed(&self, target: Option<&Target>, state: TargetState) {
        let target = target.map_or(UNRESOLVED, Target::as_str);
        if !is_label(target) {
            return;
        }
        let states = self.0.targets.get(target, || {
            let target = Arc::from(target);
            let labels = [label(TARGET, &target)];
            let values = TargetState::ALL.map(TargetState::as_str);
            let states = StateSet::new(&self.0.options, CLIENT_TARGET_STATE, &labels, values);
            (target, states)
        });
        if let Some(states) = states {
            states.set(state.as_str());
        }
    }
}

/// One call that runs.
#[derive(Debug)]
pub struct ClientCall {
    metrics: ClientMetrics,
    running: Running,
    /// What the caller said.
    target: Option<Target>,
    progress: Progress,
}

impl Observer for ClientCall {
    fn ended(&mut self, outcome: Outcome) {
        let target = self.progress.target().or(self.target.as_ref());
        let target = target.map(Target::as_str);
        self.metrics.0.calls.end(&self.running, target, outcome);
    }
}
