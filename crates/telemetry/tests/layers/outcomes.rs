//! How calls ended, as their caller saw it.

use core::time::Duration;
use std::io;

use futures::poll;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::advance;
use tower::{Layer as _, ServiceExt as _};
use wrpc_middleware_telemetry::metrics::client::{ClientMetrics, Metrics, MetricsLayer};
use wrpc_middleware_telemetry::metrics::{
    CLIENT_CALL_DURATION, CLIENT_CALLS, CLIENT_CALLS_IN_FLIGHT,
};
use wrpc_middleware_transport::link::{Link, LinkTable};
use wrpc_middleware_transport::liveness::TargetLivenessLayer;
use wrpc_middleware_transport::timeout::TimeoutLayer;
use wrpc_middleware_transport::{Channels, Context, Delivery, Invocation, Stack, Target};
use wrpc_transport::Index as _;

use crate::recorded::Recorded;
use crate::support::{FUNC, Mock, drop_at_every_await, invocation};

const LIMIT: Duration = Duration::from_secs(2);
const NOBODY: &str = "_UNRESOLVED";

/// `inner` and the metrics of its calls.
fn measured<S>(inner: S) -> (Metrics<S>, Recorded) {
    let recorded = Recorded::new();
    (layer(&recorded).layer(inner), recorded)
}

fn layer(recorded: &Recorded) -> MetricsLayer {
    MetricsLayer::new(ClientMetrics::new(recorded.options()))
}

/// Asserts that one call has ended, so, and that none runs.
#[track_caller]
fn assert_ended(recorded: &Recorded, target: &str, outcome: &str, delivery: Option<&str>) {
    let mut labels = vec![
        ("target", target),
        ("instance", "test:app/greeter"),
        ("function", FUNC),
        ("outcome", outcome),
    ];
    let durations = format!("{CLIENT_CALL_DURATION}_count");
    recorded.assert_only(&durations, &labels, 1.0);
    labels.extend(delivery.map(|delivery| ("delivery", delivery)));
    recorded.assert_only(CLIENT_CALLS, &labels, 1.0);
    let has_delivery = recorded.series(CLIENT_CALLS)[0].0.contains("delivery=");
    assert_eq!(has_delivery, delivery.is_some());
    recorded.assert_only(CLIENT_CALLS_IN_FLIGHT, &[("function", FUNC)], 0.0);
}

#[track_caller]
fn assert_runs(recorded: &Recorded) {
    recorded.assert_only(CLIENT_CALLS_IN_FLIGHT, &[("function", FUNC)], 1.0);
    assert!(recorded.series(CLIENT_CALLS).is_empty());
}

#[tokio::test]
async fn without_the_layer_nothing_is_recorded() {
    let recorded = Recorded::new();
    let mock = Mock::accepting();
    mock.leaf().oneshot(invocation()).await.unwrap();
    assert!(!recorded.render().contains("wrpc_"));
    layer(&recorded)
        .layer(mock.leaf())
        .oneshot(invocation())
        .await
        .unwrap();
    assert!(recorded.render().contains("wrpc_"));
}

#[tokio::test]
async fn a_call_runs_until_its_last_stream_is_dropped() {
    let mock = Mock::accepting();
    let (service, recorded) = measured(mock.leaf());
    let Channels {
        outgoing,
        mut incoming,
        ..
    } = service.oneshot(invocation()).await.unwrap();
    mock.call(0).send(&[], b"results");
    mock.call(0).close(&[]);
    let mut results = String::new();
    incoming.read_to_string(&mut results).await.unwrap();
    let child = incoming.index(&[0]).unwrap();
    drop(incoming);
    assert_runs(&recorded);
    drop(outgoing);
    assert_runs(&recorded);
    drop(child);
    assert_ended(&recorded, NOBODY, "ok", None);
}

#[tokio::test]
async fn an_answer_need_not_be_read_to_its_end() {
    let mock = Mock::accepting();
    let (service, recorded) = measured(mock.leaf());
    let mut streams = service.oneshot(invocation()).await.unwrap();
    mock.call(0).send(&[], b"results");
    let mut results = [0; 7];
    streams.incoming.read_exact(&mut results).await.unwrap();
    drop(streams);
    assert_ended(&recorded, NOBODY, "ok", None);
}

#[tokio::test]
async fn one_who_asks_for_no_results_has_to_close_the_parameters() {
    for (closes, outcome, delivery) in [(true, "ok", None), (false, "cancelled", Some("accepted"))]
    {
        let (service, recorded) = measured(Mock::accepting().leaf());
        let mut streams = service.oneshot(invocation()).await.unwrap();
        streams.outgoing.flush().await.unwrap();
        if closes {
            streams.outgoing.shutdown().await.unwrap();
        }
        drop(streams);
        assert_ended(&recorded, NOBODY, outcome, delivery);
    }
}

#[tokio::test]
async fn one_who_waits_for_more_has_not_got_the_answer() {
    let mock = Mock::accepting();
    let (service, recorded) = measured(mock.leaf());
    let mut streams = service.oneshot(invocation()).await.unwrap();
    streams.outgoing.flush().await.unwrap();
    mock.call(0).send(&[], b"res");
    let mut results = Vec::new();
    assert!(poll!(core::pin::pin!(streams.incoming.read_to_end(&mut results))).is_pending());
    drop(streams);
    assert_ended(&recorded, NOBODY, "cancelled", Some("accepted"));
}

#[tokio::test]
async fn a_call_that_is_dropped_anywhere_was_cancelled_and_runs_no_more() {
    let mock = Mock::new(|call, _| {
        let call = call.clone();
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            call.publish();
            tokio::task::yield_now().await;
            call.accept();
        });
    });
    let (service, recorded) = measured(TimeoutLayer::new(LIMIT).layer(mock.leaf()));
    drop_at_every_await(
        || async {
            let mut streams = service.clone().oneshot(invocation()).await.unwrap();
            streams.outgoing.shutdown().await.unwrap();
        },
        |polls| {
            assert_eq!(recorded.sum(CLIENT_CALLS_IN_FLIGHT, &[]) as i32, 0);
            let ended = recorded.sum(CLIENT_CALLS, &[]);
            let cancelled = recorded.sum(CLIENT_CALLS, &[("outcome", "cancelled")]);
            let ok = recorded.sum(CLIENT_CALLS, &[("outcome", "ok")]);
            // Before the first poll there is no call.
            assert_eq!((ended as usize, cancelled + ok), (polls, ended));
            assert!(ok <= 1.0);
        },
    )
    .await;
    assert_eq!(recorded.sum(CLIENT_CALLS, &[("outcome", "ok")]) as u32, 1);
    assert!(recorded.sum(CLIENT_CALLS, &[("outcome", "cancelled")]) > 1.0);
}

fn stack(links: LinkTable) -> Stack<LinkTable> {
    Stack::new(links)
        .timeout(LIMIT)
        .handshake_timeout(LIMIT / 4)
}

fn links() -> LinkTable {
    let interface = "test:app/greeter".parse().unwrap();
    LinkTable::new([Link::new(
        "client",
        Target::new("greeter").unwrap(),
        interface,
    )])
    .unwrap()
}

fn of_client() -> Invocation<Context<()>> {
    invocation().map_context(|()| Context::new(()).with_source("client"))
}

#[tokio::test]
async fn what_an_earlier_attempt_reached_counts_for_a_call_that_is_given_up() {
    let (service, recorded) = measured(Mock::silent().leaf_of_second_attempts());
    let channels = service.oneshot(invocation()).await.unwrap();
    assert_eq!(channels.progress.delivery(), Delivery::Unknown);
    drop(channels);
    assert_ended(&recorded, NOBODY, "cancelled", Some("accepted"));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_its_case_and_how_far_the_call_came() {
    type Behaviour = fn(&crate::support::Call, usize);
    let cases: [(Behaviour, &str, &str, Duration); 4] = [
        (
            |call, _| {
                call.publish();
                call.fail(io::ErrorKind::NotConnected);
            },
            "target-unavailable",
            "not-sent",
            Duration::ZERO,
        ),
        (
            |call, _| call.publish(),
            "target-unavailable",
            "unknown",
            LIMIT / 4,
        ),
        (|_, _| {}, "timeout", "unknown", LIMIT),
        (
            |call, _| {
                call.publish();
                call.accept();
            },
            "timeout",
            "accepted",
            LIMIT,
        ),
    ];
    for (behaviour, outcome, delivery, took) in cases {
        let mock = Mock::new(behaviour);
        let target = Target::new("greeter").unwrap();
        let (service, recorded) = measured(stack(links()).layer(mock.leaf().target(target)));
        if let Ok(mut streams) = service.oneshot(of_client()).await {
            let read = streams.incoming.read_to_end(&mut Vec::new()).await;
            read.unwrap_err();
        }
        assert_ended(&recorded, "greeter", outcome, Some(delivery));
        let sum = recorded.sum(&format!("{CLIENT_CALL_DURATION}_sum"), &[]);
        assert!(
            (sum - took.as_secs_f64()).abs() < 0.01,
            "{outcome} took {sum}"
        );
    }
}

#[tokio::test]
async fn a_denied_call_has_no_target() {
    let mock = Mock::accepting();
    let (service, recorded) = measured(stack(LinkTable::default()).layer(mock.leaf()));
    service.clone().oneshot(of_client()).await.unwrap_err();
    assert_ended(&recorded, NOBODY, "link-denied", Some("not-sent"));
    assert_eq!(mock.count(), 0);
    // Unless its caller has named one.
    let (service, recorded) = measured(stack(LinkTable::default()).layer(mock.leaf()));
    let named = of_client().with_target(Target::new("greeter").unwrap());
    service.oneshot(named).await.unwrap_err();
    assert_ended(&recorded, "greeter", "link-denied", Some("not-sent"));
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_as_long_as_its_streams() {
    let mock = Mock::accepting();
    let (service, recorded) = measured(mock.leaf());
    let mut streams = service.oneshot(invocation()).await.unwrap();
    mock.call(0).close(&[]);
    advance(LIMIT).await;
    streams.incoming.read_to_end(&mut Vec::new()).await.unwrap();
    drop(streams);
    let sum = recorded.sum(&format!("{CLIENT_CALL_DURATION}_sum"), &[]);
    assert!((sum - LIMIT.as_secs_f64()).abs() < 0.01, "{sum}");
}

/// What `TargetLivenessLayer` awaits is part of the call, and its own failures are seen.
#[tokio::test(start_paused = true)]
async fn a_target_that_is_left_alone_is_unavailable() {
    let liveness = TargetLivenessLayer::new(LIMIT).silences(1);
    let (service, recorded) = measured(liveness.layer(Mock::silent().leaf()));
    for _ in 0..2 {
        service.clone().oneshot(invocation()).await.unwrap_err();
    }
    for delivery in ["unknown", "not-sent"] {
        let labels = [("outcome", "target-unavailable"), ("delivery", delivery)];
        assert_eq!(recorded.sum(CLIENT_CALLS, &labels) as u32, 1);
    }
}
