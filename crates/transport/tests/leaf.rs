//! The leaf alone: what one stream sees reaches all others.

mod support;

use core::time::Duration;
use std::io;

use bytes::Bytes;
use futures::future::join3;
use support::{Mock, assert_io, assert_rpc, invocation};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tower::ServiceExt as _;
use wrpc_middleware_transport::{Delivery, Invocation, Invoker, RpcErrorKind, Stage, Target};
use wrpc_transport::{Index as _, Invoke as _};

const AGES: Duration = Duration::from_hours(10);

#[tokio::test(start_paused = true)]
async fn a_failed_handshake_reaches_every_stream() {
    let mock = Mock::silent();
    let mut channels = mock.leaf().oneshot(invocation()).await.unwrap();
    let mut nested = channels.outgoing.index(&[0]).unwrap();
    let child = channels.incoming.index(&[0]).unwrap();
    let call = mock.call(0);
    let (write, read, child) = tokio::join!(
        async {
            let (flush, write, ()) =
                join3(channels.outgoing.flush(), nested.write_all(b"x"), async {
                    tokio::task::yield_now().await;
                    call.fail(io::ErrorKind::NotConnected);
                })
                .await;
            assert_io(
                &flush.unwrap_err(),
                RpcErrorKind::TargetUnavailable,
                Delivery::NotSent,
            );
            write.unwrap_err()
        },
        channels.incoming.read_u8(),
        async { { child }.read_u8().await },
    );
    for error in [write, read.unwrap_err(), child.unwrap_err()] {
        assert_io(&error, RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    }
    for _ in 0..2 {
        let again = channels.outgoing.flush().await.unwrap_err();
        assert_io(&again, RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    }
    assert_eq!(channels.progress.stage(), Stage::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_control_without_the_leaf_hangs() {
    let mock = Mock::silent();
    let leaf = mock.leaf();
    let transport = support::transport(&mock);
    drop(leaf);
    let (mut outgoing, mut incoming) = transport
        .invoke((), "", "f", Bytes::new(), &[[]; 0] as &[[Option<usize>; 0]])
        .await
        .unwrap();
    mock.call(0).fail(io::ErrorKind::NotConnected);
    outgoing.flush().await.unwrap_err();
    assert!(timeout(AGES, outgoing.flush()).await.is_err());
    assert!(timeout(AGES, incoming.read_u8()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_had_arrived_can_be_read_before_the_failure() {
    let mock = Mock::accepting();
    let mut channels = mock.leaf().oneshot(invocation()).await.unwrap();
    channels.outgoing.flush().await.unwrap();
    mock.call(0).send(&[], b"ab");
    mock.call(0).fail(io::ErrorKind::BrokenPipe);
    let error = channels.outgoing.flush().await.unwrap_err();
    assert_io(&error, RpcErrorKind::Transport, Delivery::Accepted);
    assert_eq!(
        channels.incoming.read_u16().await.unwrap(),
        u16::from_be_bytes(*b"ab")
    );
    let error = channels.incoming.read_u8().await.unwrap_err();
    assert_io(&error, RpcErrorKind::Transport, Delivery::Accepted);
}

#[tokio::test(start_paused = true)]
async fn progress_is_what_was_seen() {
    let mock = Mock::silent();
    let mut channels = mock.leaf().oneshot(invocation()).await.unwrap();
    let seen = |channels: &wrpc_middleware_transport::Channels<_, _>| {
        (channels.progress.stage(), channels.progress.delivery())
    };
    assert_eq!(seen(&channels), (Stage::Queued, Delivery::Unknown));
    mock.call(0).accept();
    channels.outgoing.flush().await.unwrap();
    assert_eq!(seen(&channels), (Stage::Accepted, Delivery::Accepted));
    mock.call(0).send(&[], b"a");
    channels.incoming.read_u8().await.unwrap();
    assert_eq!(seen(&channels), (Stage::FirstByte, Delivery::Accepted));
    mock.call(0).close(&[]);
    channels.incoming.read_u8().await.unwrap_err();
    assert_eq!(seen(&channels), (Stage::Closed, Delivery::Accepted));
}

#[tokio::test(start_paused = true)]
async fn a_leaf_that_can_not_tell_claims_nothing() {
    let mock = Mock::accepting();
    let mut channels = mock.plain_leaf().oneshot(invocation()).await.unwrap();
    channels.outgoing.flush().await.unwrap();
    assert_eq!(channels.progress.delivery(), Delivery::Unknown);
    mock.call(0).send(&[], b"a");
    channels.incoming.read_u8().await.unwrap();
    assert_eq!(channels.progress.delivery(), Delivery::Accepted);
}

#[tokio::test(start_paused = true)]
async fn a_leaf_goes_to_no_other_target_than_its_own() {
    let mock = Mock::accepting();
    let leaf = mock.leaf().target(Target::new("a").unwrap());
    let to = |target| invocation().with_target(Target::new(target).unwrap());
    leaf.clone().oneshot(to("a")).await.unwrap();
    let error = leaf.oneshot(to("b")).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::Other, Delivery::NotSent);
    assert_eq!(mock.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_invoker_keeps_the_typed_error() {
    let mock = Mock::accepting();
    let leaf = mock.leaf().target(Target::new("a").unwrap());
    let to = |target: &str| {
        wrpc_middleware_transport::Context::new(()).with_target(Target::new(target).unwrap())
    };
    let invoker = Invoker::new(leaf);
    let no_paths: &[[Option<usize>; 0]] = &[];
    let error = invoker
        .invoke(to("b"), "i:i/i", "f", Bytes::new(), no_paths)
        .await
        .unwrap_err();
    let error = error.downcast_ref().expect("an RpcError at the root");
    assert_rpc(error, RpcErrorKind::Other, Delivery::NotSent);
    invoker
        .invoke(to("a"), "i:i/i", "f", Bytes::from_static(b"p"), no_paths)
        .await
        .unwrap();
    assert_eq!(mock.call(0).written(), b"p");
}

#[test]
fn a_clone_is_another_attempt() {
    let first: Invocation<()> = invocation();
    let second = first.clone();
    second.progress().accepted();
    assert_eq!(first.progress().delivery(), Delivery::Accepted);
    assert_eq!(first.clone().progress().delivery(), Delivery::Unknown);
}
