//! What the layers allocate for a call over a transport that answers at once.

use core::time::Duration;

use allocation_counter::measure;
use async_nats::HeaderMap;
use bytes::Bytes;
use futures::FutureExt as _;
use tower::{Layer, Service, ServiceExt as _};
use tracing::subscriber::{NoSubscriber, with_default};
use wrpc_middleware_telemetry::metrics::MetricsOptions;
use wrpc_middleware_telemetry::metrics::client::{ClientMetrics, MetricsLayer};
use wrpc_middleware_telemetry::trace::client::TraceLayer;
use wrpc_middleware_transport::liveness::TargetLivenessLayer;
use wrpc_middleware_transport::{Invocation, RpcError, Transport};

use crate::recorded::Recorded;
use crate::support::immediate::Immediate;
use crate::support::{FUNC, INSTANCE, Proof};

type Headers = Option<HeaderMap>;

/// The leaf takes no headers.
#[derive(Clone)]
struct WithoutHeaders<S>(S);

impl<S: Service<Invocation<()>>> Service<Invocation<Headers>> for WithoutHeaders<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(
        &mut self,
        cx: &mut core::task::Context<'_>,
    ) -> core::task::Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, invocation: Invocation<Headers>) -> S::Future {
        self.0.call(invocation.map_context(drop))
    }
}

fn leaf(immediate: Immediate) -> WithoutHeaders<Transport<Immediate, Proof>> {
    WithoutHeaders(immediate.leaf())
}

/// How many allocations a call takes, on average of many.
fn allocations<S>(service: &S) -> f64
where
    S: Service<Invocation<Headers>, Error = RpcError> + Clone,
{
    const CALLS: u32 = 1000;
    let call = || {
        let call = Invocation::new(None, INSTANCE, FUNC, Bytes::new());
        let outcome = service.clone().oneshot(call).now_or_never();
        drop(outcome.expect("an outcome at once"));
    };
    // The first makes what stays.
    call();
    let info = measure(|| (0..CALLS).for_each(|_| call()));
    info.count_total as f64 / f64::from(CALLS)
}

/// Asserts that a call takes this many more with a layer than without. What a recorder keeps for
/// many calls is rounded away.
#[track_caller]
fn assert_more<L>(layer: &L, immediate: Immediate, more: f64)
where
    L: Layer<WithoutHeaders<Transport<Immediate, Proof>>>,
    L::Service: Service<Invocation<Headers>, Error = RpcError> + Clone,
{
    let without = allocations(&leaf(immediate));
    let with = allocations(&layer.layer(leaf(immediate)));
    println!("{without} without, {with} with");
    assert!(
        (with - without - more).abs() < 0.1,
        "{with}, and {without} without"
    );
}

/// What the streams share.
#[tokio::test]
async fn an_answered_call_that_is_measured() {
    for recorder in [MetricsOptions::new().off(), Recorded::new().options()] {
        let layer = MetricsLayer::new(ClientMetrics::new(recorder));
        assert_more(&layer, Immediate::Taken, 1.0);
    }
}

#[tokio::test]
async fn a_failed_call_that_is_measured() {
    for recorder in [MetricsOptions::new().off(), Recorded::new().options()] {
        let layer = MetricsLayer::new(ClientMetrics::new(recorder));
        let liveness = TargetLivenessLayer::new(Duration::from_secs(1));
        let service = |measured: bool| {
            let service = liveness.layer(leaf(Immediate::Absent));
            if measured {
                allocations(&layer.layer(service))
            } else {
                allocations(&service)
            }
        };
        let (with, without) = (service(true), service(false));
        assert!(
            (with - without).abs() < 0.1,
            "{with}, and {without} without"
        );
    }
}

/// Nobody is interested in the span, and there is no trace to go on with.
#[tokio::test]
async fn a_call_that_nobody_traces() {
    with_default(NoSubscriber::new(), || {
        assert_more(&TraceLayer::new(), Immediate::Taken, 1.0);
    });
}

/// Two headers more, and a span.
#[tokio::test]
async fn a_call_that_is_traced() {
    with_default(tracing_subscriber::registry(), || {
        let layer = TraceLayer::new();
        let without = allocations(&leaf(Immediate::Taken));
        let with = allocations(&layer.layer(leaf(Immediate::Taken)));
        println!("{without} without, {with} with");
        assert!(with - without <= 12.0, "{with}, and {without} without");
    });
}
