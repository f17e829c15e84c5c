//! Names that guests and peers make up have bounds.

use bytes::Bytes;
use tower::{Layer as _, ServiceExt as _};
use wrpc_middleware_telemetry::metrics::client::{ClientMetrics, MetricsLayer};
use wrpc_middleware_telemetry::metrics::{CLIENT_CALLS, CLIENT_CALLS_IN_FLIGHT, OTHER};
use wrpc_middleware_transport::{Invocation, Target};

use crate::recorded::Recorded;
use crate::support::Mock;
use crate::support::immediate::Immediate;

fn call(instance: &str, func: &str, target: &str) -> Invocation<()> {
    Invocation::new((), instance, func, Bytes::new()).with_target(Target::new(target).unwrap())
}

#[tokio::test]
async fn past_the_limit_calls_share_their_series() {
    let recorded = Recorded::new();
    let metrics = ClientMetrics::new(recorded.options().max_series(3));
    let service = MetricsLayer::new(metrics).layer(Immediate::Taken.leaf());
    let made = async |instance: &str, func: &str, target: &str| {
        let call = call(instance, func, target);
        drop(service.clone().oneshot(call).await.unwrap());
    };
    for n in 0..1000 {
        made("a:b/c", &format!("f{n}"), "greeter").await;
    }
    for n in 0..1000 {
        made("a:b/c", "f0", &format!("target-{n}")).await;
    }
    let series = recorded.series(CLIENT_CALLS);
    assert_eq!(series.len(), 4, "{series:?}");
    assert_eq!(recorded.series(CLIENT_CALLS_IN_FLIGHT).len(), 4);
    let other = [("target", OTHER), ("instance", OTHER), ("function", OTHER)];
    assert_eq!(recorded.sum(CLIENT_CALLS, &other) as u32, 997 + 1000);
    // Who came first keeps its own.
    let first = [("target", "greeter"), ("function", "f0")];
    assert_eq!(recorded.sum(CLIENT_CALLS, &first) as u32, 1);
}

#[tokio::test]
async fn a_name_that_is_too_long_is_no_label() {
    let recorded = Recorded::new();
    let metrics = ClientMetrics::new(recorded.options());
    let service = MetricsLayer::new(metrics).layer(Immediate::Taken.leaf());
    let long = "x".repeat(257);
    for (instance, func, target) in [(&*long, "f", "t"), ("i", &*long, "t"), ("i", "f", &*long)] {
        let call = call(instance, func, target);
        drop(service.clone().oneshot(call).await.unwrap());
    }
    assert!(!recorded.render().contains(&long));
    let other = [("target", OTHER), ("function", OTHER)];
    recorded.assert_only(CLIENT_CALLS, &other, 3.0);
}

#[tokio::test]
async fn versions_of_an_instance_share_their_series() {
    let recorded = Recorded::new();
    let metrics = ClientMetrics::new(recorded.options());
    let service = MetricsLayer::new(metrics).layer(Mock::accepting().leaf());
    let mut running = Vec::new();
    for instance in ["a:b/c@0.1.0", "a:b/c@1.0.0-rc.1+build", "a:b/c"] {
        let call = Invocation::new((), instance, "f", Bytes::new());
        running.push(service.clone().oneshot(call).await.unwrap());
    }
    let labels = [("instance", "a:b/c"), ("function", "f")];
    recorded.assert_only(CLIENT_CALLS_IN_FLIGHT, &labels, 3.0);
    drop(running);
    recorded.assert_only(CLIENT_CALLS_IN_FLIGHT, &labels, 0.0);
    recorded.assert_only(CLIENT_CALLS, &labels, 3.0);
}
