//! The timeout layer alone: exact bounds on paused time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use core::future::ready;
use core::time::Duration;

use bytes::Bytes;
use support::{
    FUNC, INSTANCE, Leafed, Mock, Proof, assert_io, assert_rpc, drop_at_every_await, invocation,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, repeat, sink};
use tokio::time::{Instant, advance, timeout};
use tower::{Layer as _, Service, ServiceExt, service_fn};
use wrpc_middleware_transport::limit::ConcurrencyLimitLayer;
use wrpc_middleware_transport::timeout::{Timeout, TimeoutLayer};
use wrpc_middleware_transport::{
    Channels, Delivery, Invocation, RpcError, RpcErrorKind, Transport,
};
use wrpc_transport::Index as _;

const LIMIT: Duration = Duration::from_secs(2);
const AGES: Duration = Duration::from_hours(10);

fn layer() -> TimeoutLayer {
    TimeoutLayer::new(LIMIT)
}

type Called = <Timeout<Transport<Leafed, Proof>> as Service<Invocation<()>>>::Response;

async fn call(mock: &Mock) -> Called {
    let service = layer().layer(mock.leaf());
    service.oneshot(invocation()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_does_not_return_is_unknown() {
    let mock = Mock::new(|_, _| ());
    let start = Instant::now();
    let error = layer()
        .layer(mock.leaf())
        .oneshot(invocation())
        .await
        .unwrap_err();
    assert_rpc(&error, RpcErrorKind::Timeout, Delivery::Unknown);
    assert!(
        error
            .message()
            .starts_with("test:app/greeter@0.1.0#greet: "),
        "{error}"
    );
    assert_eq!(start.elapsed(), LIMIT);
    assert_eq!(mock.alive(), 0);

    let control = timeout(AGES, mock.leaf().oneshot(invocation())).await;
    assert!(control.is_err(), "without the layer it hangs");
}

#[tokio::test(start_paused = true)]
async fn every_operation_of_every_stream_ends_at_the_deadline() {
    for operation in [
        "flush",
        "write",
        "shutdown",
        "read",
        "child read",
        "child write",
    ] {
        let mock = Mock::silent();
        let service = layer().layer(mock.leaf());
        let start = Instant::now();
        let Channels {
            mut outgoing,
            mut incoming,
            ..
        } = service.oneshot(invocation()).await.unwrap();
        advance(LIMIT / 2).await;
        let mut run = async || match operation {
            "flush" => outgoing.flush().await,
            "write" => outgoing.write_all(b"x").await,
            "shutdown" => outgoing.shutdown().await,
            "read" => incoming.read_u8().await.map(drop),
            "child read" => incoming.index(&[0]).unwrap().read_u8().await.map(drop),
            _ => outgoing.index(&[0]).unwrap().flush().await,
        };
        let error = run().await.unwrap_err();
        assert_io(&error, RpcErrorKind::Timeout, Delivery::Unknown);
        assert_eq!(start.elapsed(), LIMIT, "{operation}");
        let again = run().await.unwrap_err();
        assert_io(&again, RpcErrorKind::Timeout, Delivery::Unknown);
        assert_eq!(start.elapsed(), LIMIT, "{operation} again");
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_handshake_it_is_accepted() {
    let mock = Mock::accepting();
    let start = Instant::now();
    let mut channels = call(&mock).await;
    channels.outgoing.shutdown().await.unwrap();
    let error = channels.incoming.read_u8().await.unwrap_err();
    assert_io(&error, RpcErrorKind::Timeout, Delivery::Accepted);
    assert_eq!(start.elapsed(), LIMIT);

    let mut control = mock.leaf().oneshot(invocation()).await.unwrap();
    assert!(timeout(AGES, control.incoming.read_u8()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_attempt_reached_counts() {
    let mut channels = layer()
        .layer(Mock::silent().leaf_of_second_attempts())
        .oneshot(invocation())
        .await
        .unwrap();
    assert_eq!(channels.progress.delivery(), Delivery::Unknown);
    let error = channels.incoming.read_u8().await.unwrap_err();
    assert_io(&error, RpcErrorKind::Timeout, Delivery::Accepted);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_drips_does_not_escape() {
    let mock = Mock::accepting();
    let start = Instant::now();
    let mut channels = call(&mock).await;
    let call = mock.call(0);
    let drip = tokio::spawn(async move {
        loop {
            call.send(&[], b".");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut bytes = Vec::new();
    let error = channels.incoming.read_to_end(&mut bytes).await.unwrap_err();
    drip.abort();
    assert_io(&error, RpcErrorKind::Timeout, Delivery::Accepted);
    assert_eq!(start.elapsed(), LIMIT);
    assert_eq!(bytes.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn data_that_is_ready_does_not_outlive_the_deadline() {
    let mock = Mock::accepting();
    let mut channels = call(&mock).await;
    mock.call(0).send(&[], b"abc");
    assert_eq!(channels.incoming.read_u8().await.unwrap(), b'a');
    advance(LIMIT).await;
    let error = channels.incoming.read_u8().await.unwrap_err();
    assert_io(&error, RpcErrorKind::Timeout, Delivery::Accepted);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_never_waits_ends_at_the_deadline() {
    let at_once = service_fn(|invocation: Invocation<()>| {
        let progress = invocation.progress().clone();
        let (outgoing, incoming) = (sink(), repeat(b'.'));
        ready(Ok(Channels {
            outgoing,
            incoming,
            progress,
        }))
    });
    let mut channels = layer().layer(at_once).oneshot(invocation()).await.unwrap();
    for _ in 0..100 {
        channels.incoming.read_u8().await.unwrap();
        channels.outgoing.write_u8(b'.').await.unwrap();
    }
    advance(LIMIT).await;
    for _ in 0..2 {
        let error = channels.incoming.read_u8().await.unwrap_err();
        assert_io(&error, RpcErrorKind::Timeout, Delivery::Unknown);
        let error = channels.outgoing.write_u8(b'.').await.unwrap_err();
        assert_io(&error, RpcErrorKind::Timeout, Delivery::Unknown);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_indexed_too_late_is_late() {
    let mock = Mock::accepting();
    let mut channels = call(&mock).await;
    channels.outgoing.shutdown().await.unwrap();
    mock.call(0).send(&[0], b"abc");
    advance(LIMIT).await;
    let mut child = channels.incoming.index(&[0]).unwrap();
    let error = child.read_u8().await.unwrap_err();
    assert_io(&error, RpcErrorKind::Timeout, Delivery::Accepted);
}

#[tokio::test(start_paused = true)]
async fn readiness_counts_and_is_not_sent() {
    let mock = Mock::accepting();
    let limit = ConcurrencyLimitLayer::new(1);
    let service = layer().layer(limit.layer(mock.leaf()));
    let held = service.clone().oneshot(invocation()).await.unwrap();
    let start = Instant::now();
    let error = service.clone().oneshot(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::Timeout, Delivery::NotSent);
    assert_eq!(start.elapsed(), LIMIT);
    assert_eq!(mock.count(), 1);

    // What was spent on readiness is missing afterwards.
    let start = Instant::now();
    let release = tokio::spawn(async move {
        tokio::time::sleep(LIMIT / 2).await;
        drop(held);
    });
    let mut channels = service.oneshot(invocation()).await.unwrap();
    release.await.unwrap();
    channels.incoming.read_u8().await.unwrap_err();
    assert_eq!(start.elapsed(), LIMIT);
}

#[tokio::test(start_paused = true)]
async fn the_earlier_of_two_deadlines_holds() {
    for (callers, expected) in [(LIMIT / 4, LIMIT / 4), (LIMIT * 4, LIMIT)] {
        let mock = Mock::silent();
        let start = Instant::now();
        let invocation = invocation().with_deadline(start + callers);
        let mut channels = layer()
            .layer(mock.leaf())
            .oneshot(invocation)
            .await
            .unwrap();
        channels.outgoing.flush().await.unwrap_err();
        assert_eq!(start.elapsed(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_expired_call_is_not_sent() {
    let mock = Mock::accepting();
    let invocation = invocation().with_deadline(Instant::now());
    let error = layer()
        .layer(mock.leaf())
        .oneshot(invocation)
        .await
        .unwrap_err();
    assert_rpc(&error, RpcErrorKind::Timeout, Delivery::NotSent);
    assert_eq!(mock.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_polled_too_late_is_not_begun() {
    let mock = Mock::accepting();
    let call = layer().layer(mock.leaf()).call(invocation());
    advance(LIMIT).await;
    let error = call.await.unwrap_err();
    // A service may have sent it before it was polled.
    assert_rpc(&error, RpcErrorKind::Timeout, Delivery::Unknown);
    assert_eq!(mock.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_becomes_possible_too_late_is_not_made() {
    let mock = Mock::accepting();
    let limited = tower::limit::ConcurrencyLimit::new(mock.leaf(), 1);
    let mut first = limited.clone();
    ServiceExt::<Invocation<()>>::ready(&mut first)
        .await
        .unwrap();
    let call = layer().layer(limited).call(invocation());
    advance(LIMIT).await;
    drop(first);
    let error = call.await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::Timeout, Delivery::NotSent);
    assert_eq!(mock.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn inner_services_see_the_deadline() {
    let inner = service_fn(|invocation: Invocation<()>| async move {
        assert_eq!(invocation.deadline, Some(Instant::now() + LIMIT));
        Err::<Channels<(), ()>, _>(RpcError::new(
            RpcErrorKind::Other,
            Delivery::NotSent,
            "seen",
        ))
    });
    let error = layer()
        .layer(inner)
        .oneshot(invocation())
        .await
        .unwrap_err();
    assert_eq!(error.message(), "seen");
}

#[tokio::test(start_paused = true)]
async fn a_policy_chooses_per_call() {
    let policy = |instance: &str, func: &str| {
        assert_eq!(instance, INSTANCE);
        if func == FUNC { LIMIT } else { LIMIT * 2 }
    };
    let other = Invocation::new((), INSTANCE, "other", Bytes::new());
    for (invocation, expected) in [(invocation(), LIMIT), (other, LIMIT * 2)] {
        let start = Instant::now();
        let service = TimeoutLayer::new(policy).layer(Mock::new(|_, _| ()).leaf());
        service.oneshot(invocation).await.unwrap_err();
        assert_eq!(start.elapsed(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_callers_deadline_bounds_readiness_too() {
    let mock = Mock::accepting();
    let limit = ConcurrencyLimitLayer::new(1);
    let service = layer().layer(limit.layer(mock.leaf()));
    let _held = service.clone().oneshot(invocation()).await.unwrap();
    let start = Instant::now();
    let invocation = invocation().with_deadline(start + LIMIT / 4);
    let error = service.oneshot(invocation).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::Timeout, Delivery::NotSent);
    assert_eq!(start.elapsed(), LIMIT / 4);
    assert_eq!(mock.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_endless_timeout_is_no_overflow() {
    let mock = Mock::accepting();
    let service = TimeoutLayer::new(Duration::MAX)
        .stream_idle(Duration::MAX)
        .layer(mock.leaf());
    let channels = service.oneshot(invocation()).await.unwrap();
    let mut child = channels.incoming.index(&[0]).unwrap();
    timeout(AGES, child.read_u8()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn an_indexed_stream_may_be_bounded_by_its_silence_instead() {
    let idle = Duration::from_secs(1);
    let mock = Mock::accepting();
    let service = layer().stream_idle(idle).layer(mock.leaf());
    let mut channels = service.oneshot(invocation()).await.unwrap();
    let mut child = channels.incoming.index(&[0]).unwrap();
    let start = Instant::now();
    let call = mock.call(0);
    let items = tokio::spawn(async move {
        for _ in 0..20 {
            tokio::time::sleep(idle * 9 / 10).await;
            call.send(&[0], b".");
        }
    });
    let mut bytes = Vec::new();
    let error = child.read_to_end(&mut bytes).await.unwrap_err();
    items.await.unwrap();
    assert_io(&error, RpcErrorKind::Timeout, Delivery::Accepted);
    assert_eq!(bytes.len(), 20);
    assert_eq!(start.elapsed(), 20 * (idle * 9 / 10) + idle);
    let again = child.read_u8().await.unwrap_err();
    assert_io(&again, RpcErrorKind::Timeout, Delivery::Accepted);

    // The call itself is bounded as ever.
    let error = channels.incoming.read_u8().await.unwrap_err();
    assert_io(&error, RpcErrorKind::Timeout, Delivery::Accepted);
}

#[tokio::test(start_paused = true)]
async fn without_stream_idle_indexed_streams_share_the_deadline() {
    let mock = Mock::accepting();
    let start = Instant::now();
    let channels = call(&mock).await;
    let child = channels.incoming.index(&[0]).unwrap();
    let mut grandchild = child.index(&[1]).unwrap();
    grandchild.read_u8().await.unwrap_err();
    assert_eq!(start.elapsed(), LIMIT);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_leaves_nothing_behind() {
    let mock = Mock::new(|call, _| {
        call.publish();
        call.accept();
        call.send(&[], b"abc");
        call.close(&[]);
    });
    let mut service = layer().layer(mock.leaf());
    drop_at_every_await(
        || {
            let call = service.call(invocation());
            async {
                let mut channels = call.await.unwrap();
                tokio::task::yield_now().await;
                channels.outgoing.shutdown().await.unwrap();
                tokio::task::yield_now().await;
                channels
                    .incoming
                    .read_to_end(&mut Vec::new())
                    .await
                    .unwrap();
            }
        },
        |polls| assert_eq!(mock.alive(), 0, "dropped after {polls} polls"),
    )
    .await;
    assert_eq!(
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks(),
        0
    );
}
