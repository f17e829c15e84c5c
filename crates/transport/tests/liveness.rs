//! The liveness layer alone: exact bounds on paused time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use core::time::Duration;
use std::io;

use std::sync::{Arc, Mutex};
use support::{Mock, assert_rpc, drop_at_every_await, invocation};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, sleep, timeout};
use tower::{Layer as _, Service as _, ServiceExt as _};
use wrpc_middleware_transport::liveness::{TargetLivenessLayer, TargetState};
use wrpc_middleware_transport::timeout::TimeoutLayer;
use wrpc_middleware_transport::{
    Channels, Delivery, Invocation, RpcError, RpcErrorKind, Stage, Target,
};

const HANDSHAKE: Duration = Duration::from_millis(500);
const OPEN: Duration = Duration::from_secs(1);
const AGES: Duration = Duration::from_hours(10);

fn layer() -> TargetLivenessLayer {
    TargetLivenessLayer::new(HANDSHAKE).silences(3).open(OPEN)
}

#[tokio::test(start_paused = true)]
async fn silence_is_unknown() {
    let mock = Mock::silent();
    let start = Instant::now();
    let error = layer()
        .layer(mock.leaf())
        .oneshot(invocation())
        .await
        .unwrap_err();
    assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::Unknown);
    assert_eq!(start.elapsed(), HANDSHAKE);
    assert_eq!(mock.alive(), 0);

    let mut control = mock.leaf().oneshot(invocation()).await.unwrap();
    assert!(timeout(AGES, control.outgoing.flush()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn absence_is_not_sent_and_asked_anew_each_time() {
    let mock = Mock::new(|call, _| {
        call.publish();
        call.fail(io::ErrorKind::NotConnected);
    });
    let mut service = layer().layer(mock.leaf());
    let start = Instant::now();
    for n in 1..=10 {
        let error = service.call(invocation()).await.unwrap_err();
        assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::NotSent);
        assert_eq!(mock.count(), n);
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_in_time_is_no_silence() {
    let mock = Mock::silent();
    let mut service = layer().layer(mock.leaf());
    let call = service.call(invocation());
    let (channels, ()) = tokio::join!(call, async {
        sleep(HANDSHAKE * 9 / 10).await;
        mock.call(0).accept();
    });
    assert_eq!(channels.unwrap().progress.stage(), Stage::Accepted);
}

#[tokio::test(start_paused = true)]
async fn a_leaf_that_can_not_tell_is_not_waited_for() {
    let mock = Mock::silent();
    let mut service = layer().layer(mock.plain_leaf());
    let start = Instant::now();
    for _ in 0..10 {
        service.call(invocation()).await.unwrap();
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

/// Three silences, one after the other.
async fn open<S>(service: &mut S)
where
    S: tower::Service<Invocation<()>, Error = RpcError>,
    S::Response: core::fmt::Debug,
{
    for _ in 0..3 {
        let error = service.call(invocation()).await.unwrap_err();
        assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::Unknown);
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_stays_silent_is_left_alone_and_probed() {
    let mock = Mock::silent();
    let mut service = layer().layer(mock.leaf());
    open(&mut service).await;

    let start = Instant::now();
    let error = service.call(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    assert_eq!((mock.count(), start.elapsed()), (3, Duration::ZERO));

    // Other targets are not concerned.
    let other = invocation().with_target(Target::new("other").unwrap());
    let error = service.call(other).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::Unknown);

    // Half open: one probe, and nobody else.
    advance(OPEN).await;
    let probe = tokio::spawn(service.call(invocation()));
    tokio::task::yield_now().await;
    let error = service.call(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    let error = probe.await.unwrap().unwrap_err();
    assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::Unknown);

    // A silent probe leaves it alone for another while.
    let error = service.call(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::NotSent);

    // A probe that was given up is no verdict: the next call may probe.
    advance(OPEN).await;
    let probes = mock.count();
    drop_at_every_await(
        || timeout(HANDSHAKE / 2, service.call(invocation())),
        |_| (),
    )
    .await;
    assert!(mock.count() > probes + 1);

    // A handshake closes it for everybody.
    let count = mock.count();
    let probe = tokio::spawn(service.call(invocation()));
    tokio::task::yield_now().await;
    mock.call(count).accept();
    probe.await.unwrap().unwrap();
    let error = service.call(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::Unknown);
}

#[tokio::test(start_paused = true)]
async fn absence_ends_the_silence() {
    let mock = Mock::new(|call, n| {
        call.publish();
        if n == 3 {
            call.fail(io::ErrorKind::NotConnected);
        }
    });
    let mut service = layer().layer(mock.leaf());
    open(&mut service).await;
    advance(OPEN).await;
    let error = service.call(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    open(&mut service).await;
    assert_eq!(mock.count(), 7);
}

#[tokio::test(start_paused = true)]
async fn many_silences_at_once_count_as_one() {
    let mock = Mock::silent();
    let mut service = layer().layer(mock.leaf());
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        calls.spawn(service.call(invocation()));
    }
    while let Some(result) = calls.join_next().await {
        let error = result.unwrap().unwrap_err();
        assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::Unknown);
    }
    let error = service.call(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::Unknown);
}

/// A target that takes a call when it is done with the one before, a second each. With `ghosts` it
/// also works on calls whose callers have given up, as upstream's server does.
fn serial(ghosts: bool) -> Mock {
    let turn = Arc::new(Semaphore::new(1));
    Mock::new(move |call, _| {
        call.publish();
        let (call, turn) = (call.clone(), Arc::clone(&turn));
        tokio::spawn(async move {
            let _turn = turn.acquire().await.unwrap();
            if ghosts || !call.is_given_up() {
                call.accept();
                sleep(Duration::from_secs(1)).await;
                call.close(&[]);
            }
        });
    })
}

/// The outcomes of 20 callers that make `calls` calls each.
async fn twenty_callers<S, O, I>(service: &S, calls: usize) -> Vec<Result<(), RpcError>>
where
    S: tower::Service<Invocation<()>, Response = Channels<O, I>, Error = RpcError>,
    S: Clone + Send + 'static,
    S::Future: Send,
    O: Send,
    I: AsyncRead + Send + Unpin,
{
    let mut callers = JoinSet::new();
    for _ in 0..20 {
        let mut service = service.clone();
        callers.spawn(async move {
            let mut outcomes = Vec::new();
            for _ in 0..calls {
                outcomes.push(match service.call(invocation()).await {
                    Ok(mut channels) => {
                        channels
                            .incoming
                            .read_to_end(&mut Vec::new())
                            .await
                            .unwrap();
                        Ok(())
                    }
                    Err(error) => Err(error),
                });
            }
            outcomes
        });
    }
    callers.join_all().await.into_iter().flatten().collect()
}

#[tokio::test(start_paused = true)]
async fn a_healthy_target_that_works_serially_is_not_left_alone() {
    let mock = serial(false);
    let service = layer().layer(mock.leaf());
    for outcome in twenty_callers(&service, 10).await {
        if let Err(error) = outcome {
            assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::Unknown);
        }
    }
    assert_eq!(mock.count(), 200);
}

#[tokio::test(start_paused = true)]
async fn nor_is_one_that_works_on_calls_whose_callers_have_given_up() {
    let mock = serial(true);
    let service = TargetLivenessLayer::new(HANDSHAKE).layer(mock.leaf());
    for outcome in twenty_callers(&service, 10).await {
        if let Err(error) = outcome {
            assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::Unknown);
        }
    }
    assert_eq!(mock.count(), 200);
}

/// Takes its first call, and no other.
fn frozen() -> Mock {
    Mock::new(|call, n| {
        call.publish();
        if n == 0 {
            call.accept();
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_target_that_froze_is_left_alone_once_its_last_handshake_is_long_ago() {
    let mock = frozen();
    let mut service = layer().layer(mock.leaf());
    service.call(invocation()).await.unwrap();
    // Ten handshake timeouts: so many silences count for nothing.
    for _ in 0..10 {
        let error = service.call(invocation()).await.unwrap_err();
        assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::Unknown);
    }
    open(&mut service).await;
    let error = service.call(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::NotSent);
}

#[tokio::test(start_paused = true)]
async fn a_running_call_vouches_for_its_target() {
    let mock = frozen();
    let mut service = layer().layer(mock.leaf());
    let running = service.call(invocation()).await.unwrap();
    advance(HANDSHAKE * 20).await;
    for _ in 0..10 {
        let error = service.call(invocation()).await.unwrap_err();
        assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::Unknown);
    }
    drop(running);
    open(&mut service).await;
    let error = service.call(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::NotSent);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_never_polled_keeps_nobody_from_probing_once_it_is_dropped() {
    let mock = Mock::silent();
    let mut service = TimeoutLayer::new(OPEN * 10).layer(layer().layer(mock.leaf()));
    for _ in 0..3 {
        service.call(invocation()).await.unwrap_err();
    }
    advance(OPEN).await;
    let (asked, probe) = (mock.count(), service.call(invocation()));
    let error = service.call(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    drop(probe);
    assert_eq!(mock.count(), asked);
    let error = service.call(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::Unknown);
    assert_eq!(mock.count(), asked + 1);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_was_given_up_leaves_the_verdict_to_the_next() {
    let mock = Mock::new(|call, n| {
        call.publish();
        if n == 4 {
            call.fail(io::ErrorKind::NotConnected);
        }
    });
    let mut service = layer().layer(mock.leaf());
    open(&mut service).await;
    advance(OPEN).await;
    let first = tokio::spawn(service.call(invocation()));
    tokio::task::yield_now().await;
    first.abort();
    first.await.unwrap_err();
    let error = service.call(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    assert!(error.message().contains("nobody serves"), "{error}");
    // What was known of the target is forgotten: one silence is one silence.
    for _ in 0..2 {
        let error = service.call(invocation()).await.unwrap_err();
        assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::Unknown);
    }
}

#[tokio::test(start_paused = true)]
async fn endless_times_are_no_overflow() {
    let mock = Mock::silent();
    let layer = TargetLivenessLayer::new(HANDSHAKE)
        .silences(1)
        .open(Duration::MAX);
    let mut service = layer.layer(mock.leaf());
    service.call(invocation()).await.unwrap_err();
    let error = service.call(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    let mut service = TargetLivenessLayer::new(Duration::MAX).layer(mock.leaf());
    timeout(AGES, service.call(invocation())).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_leaves_nothing_behind() {
    let mock = Mock::new(|call, _| {
        call.publish();
        let call = call.clone();
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            call.accept();
        });
    });
    let mut service = layer().layer(mock.leaf());
    drop_at_every_await(
        || service.call(invocation()),
        |polls| assert_eq!(mock.alive(), 0, "dropped after {polls} polls"),
    )
    .await;
    service.call(invocation()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_observer_is_told_of_every_change() {
    use TargetState::{Closed, HalfOpen, Open};
    let accepts = Arc::new(Mutex::new(false));
    let switch = Arc::clone(&accepts);
    let mock = Mock::new(move |call, _| {
        call.publish();
        if *switch.lock().unwrap() {
            call.accept();
        }
    });
    let news = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&news);
    let target: Target = "greeter".parse().unwrap();
    let known = target.clone();
    let service = layer()
        .observer(move |target: Option<&Target>, state| {
            assert_eq!(target, Some(&known));
            told.lock().unwrap().push(state);
        })
        .layer(mock.leaf().target(target.clone()));
    let call = || {
        let call = invocation().with_target(target.clone());
        service.clone().oneshot(call)
    };
    let expect =
        |states: &[TargetState]| assert_eq!(core::mem::take(&mut *news.lock().unwrap()), states);

    for _ in 0..3 {
        call().await.unwrap_err();
    }
    expect(&[Closed, Open]);
    call().await.unwrap_err();
    expect(&[]);
    advance(OPEN).await;
    // A probe that is given up says nothing about the target.
    assert!(timeout(HANDSHAKE / 2, call()).await.is_err());
    expect(&[HalfOpen, Open]);
    call().await.unwrap_err();
    expect(&[HalfOpen, Open]);
    advance(OPEN).await;
    *accepts.lock().unwrap() = true;
    call().await.unwrap();
    expect(&[HalfOpen, Closed]);
    call().await.unwrap();
    expect(&[]);

    // What is forgotten is no longer known to be open.
    *accepts.lock().unwrap() = false;
    advance(10 * HANDSHAKE + OPEN).await;
    for _ in 0..3 {
        call().await.unwrap_err();
    }
    expect(&[Open]);
    drop(service);
    expect(&[Closed]);
}
