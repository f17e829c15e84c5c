//! The concurrency limit alone.

mod support;

use core::task::Poll;

use futures::poll;
use support::{Mock, drop_at_every_await, invocation};
use tower::{Layer as _, ServiceExt as _};
use wrpc_middleware_transport::Channels;
use wrpc_middleware_transport::limit::ConcurrencyLimitLayer;
use wrpc_transport::Index as _;

#[tokio::test]
async fn a_call_counts_until_its_last_stream_is_dropped() {
    let mock = Mock::accepting();
    let limit = ConcurrencyLimitLayer::new(2);
    let service = limit.layer(mock.leaf());
    let Channels {
        outgoing, incoming, ..
    } = service.clone().oneshot(invocation()).await.unwrap();
    let _second = service.clone().oneshot(invocation()).await.unwrap();
    let child = incoming.index(&[0]).unwrap();

    let mut third = core::pin::pin!(service.oneshot(invocation()));
    assert!(poll!(third.as_mut()).is_pending());
    drop(outgoing);
    assert!(poll!(third.as_mut()).is_pending());
    drop(incoming);
    assert!(poll!(third.as_mut()).is_pending());
    assert_eq!(mock.count(), 2);
    drop(child);
    assert!(matches!(poll!(third.as_mut()), Poll::Ready(Ok(_))));
}

#[tokio::test]
async fn towers_own_limit_ends_at_the_handshake() {
    let mock = Mock::accepting();
    let service = tower::limit::ConcurrencyLimitLayer::new(1).layer(mock.leaf());
    let _first = service.clone().oneshot(invocation()).await.unwrap();
    service.oneshot(invocation()).await.unwrap();
    assert_eq!(mock.count(), 2, "two calls run at a time");
}

#[tokio::test]
async fn a_failed_call_gives_its_permit_back() {
    let mock = Mock::silent();
    let limit = ConcurrencyLimitLayer::new(1);
    let service = limit.layer(mock.leaf().target("a".parse().unwrap()));
    for _ in 0..3 {
        let elsewhere = invocation().with_target("b".parse().unwrap());
        service.clone().oneshot(elsewhere).await.unwrap_err();
        assert_eq!(limit.available(), 1);
    }
}

#[tokio::test]
async fn dropping_a_call_or_its_turn_leaves_nothing_behind() {
    let mock = Mock::new(|call, _| {
        let call = call.clone();
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            call.publish();
        });
    });
    let limit = ConcurrencyLimitLayer::new(1);
    let service = limit.layer(mock.leaf());
    drop_at_every_await(
        || service.clone().oneshot(invocation()),
        |_| {
            assert_eq!(limit.available(), 1);
            assert_eq!(mock.alive(), 0);
        },
    )
    .await;
}
