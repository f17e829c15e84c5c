//! What nobody reads is bounded.

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::Options;
use wrpc_transport::{Index as _, Invoke as _};

use crate::support::both::{assert_echoes, call as open, new, new_with};
use crate::support::errors::{assert_failed, read_to_end, read_to_failure};
use crate::support::peers::{INSTANCE, context, echo};
use crate::support::raw::{RawCaller, RawTarget, publish};
use crate::support::serving::{paths, serve};
use wrpc_middleware_testing::nats::{NatsServer, round_trip};
use wrpc_middleware_testing::wait::{guard, until};

/// More than a stream may hold in any case.
const SMALL: usize = 512 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn results_that_nobody_reads_are_bounded() {
    let server = NatsServer::start().await;
    let options = || Options::new().max_buffered(4 * SMALL, SMALL);
    let (caller, target) = (new_with(&server, options()).await, new(&server).await);
    let _echo = echo(&target.wrpc).await;
    let _serving = serve(
        &target.wrpc,
        "flood",
        paths(&[]),
        |_, mut results, mut params| async move {
            results.write_all(b"x").await.unwrap();
            read_to_end(&mut params).await;
            // It ends once the caller is gone.
            while results.write_all(&[7; 4096]).await.is_ok() {}
        },
    )
    .await;
    let (mut params, mut results) = open(&caller, "flood").await;
    assert_eq!(results.read_u8().await.unwrap(), b'x');
    params.shutdown().await.unwrap();
    // The others are not held up, and the bound holds.
    let overrun = async {
        loop {
            assert_echoes(&caller).await;
            let held = caller.wrpc.buffered();
            assert!(held <= SMALL, "{held}");
            if params.flush().await.is_err() {
                return;
            }
        }
    };
    guard("the call to fail", overrun).await;
    let kind = RpcErrorKind::Overloaded;
    let (read, _) = read_to_failure(&mut results, kind, Delivery::Accepted).await;
    assert_eq!(read.len(), 0);
    // The target has been told, and does not go on for as long as the streams are held.
    until("the target to stop", async || target.wrpc.calls() == 0).await;
    drop((params, results));
    until("nothing to be left", async || {
        (
            caller.wrpc.calls(),
            caller.wrpc.buffered(),
            target.wrpc.calls(),
        ) == (0, 0, 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_calls_together_are_bounded() {
    let server = NatsServer::start().await;
    let options = Options::new().max_buffered(SMALL, SMALL);
    let caller = new_with(&server, options).await;
    let mut target = RawTarget::start(&server, "raw").await;
    let mut calls = Vec::new();
    for _ in 0..8 {
        let streams = open(&caller, "raw").await;
        let call = target.call().await;
        let (below, _) = call.accept().await;
        call.results("", None, vec![7; SMALL / 4]).await;
        call.results("", None, "").await;
        call.sent().await;
        calls.push((streams, below));
    }
    caller.wrpc.round_trip().await.unwrap();
    assert!(caller.wrpc.buffered() <= SMALL);
    let (mut whole, mut failed) = (0, 0);
    for ((_params, mut results), _below) in calls {
        let mut read = Vec::new();
        match guard("a result", results.read_to_end(&mut read)).await {
            Ok(_) => {
                assert_eq!(read.len(), SMALL / 4);
                whole += 1;
            }
            error => {
                assert_failed(error, RpcErrorKind::Overloaded, Delivery::Accepted);
                assert_eq!(read.len(), 0);
                failed += 1;
            }
        }
    }
    assert_eq!((whole, failed), (3, 5));
    until("nothing to be left", async || caller.wrpc.buffered() == 0).await;
}

/// Others that do not read keep nobody from an answer.
#[tokio::test(flavor = "multi_thread")]
async fn small_results_have_room_in_any_case() {
    let server = NatsServer::start().await;
    let options = Options::new().max_buffered(SMALL, SMALL);
    let caller = new_with(&server, options).await;
    let target = new(&server).await;
    let _echo = echo(&target.wrpc).await;
    let mut raw = RawTarget::start(&server, "raw").await;
    let (_params, results) = open(&caller, "raw").await;
    let call = raw.call().await;
    let _below = call.accept().await;
    for part in [SMALL / 4, SMALL / 2, SMALL / 4 - 1024] {
        call.results("", None, vec![7; part]).await;
    }
    call.sent().await;
    until("all to be held", async || {
        caller.wrpc.buffered() > SMALL - 1024
    })
    .await;
    for _ in 0..8 {
        assert_echoes(&caller).await;
    }
    drop(results);
    until("nothing to be left", async || caller.wrpc.buffered() == 0).await;
}

const ANY: [[Option<usize>; 1]; 1] = [[None]];

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_nobody_reads_are_bounded() {
    const STREAMS: usize = 10_000;
    let server = NatsServer::start().await;
    let options = Options::new().max_buffered(SMALL, SMALL);
    let (caller, target) = (
        new_with(&server, options.clone()).await,
        new_with(&server, options).await,
    );
    // Of results.
    let mut raw = RawTarget::start(&server, "raw").await;
    let call = caller
        .wrpc
        .invoke(context(), INSTANCE, "raw", Bytes::new(), ANY);
    let (params, mut results) = guard("a call", call).await.unwrap();
    let call = raw.call().await;
    let (_below, _) = call.accept().await;
    for n in 0..STREAMS {
        call.results(&format!(".{n}"), None, "").await;
    }
    call.sent().await;
    caller.wrpc.round_trip().await.unwrap();
    assert!(
        caller.wrpc.buffered() <= SMALL,
        "{}",
        caller.wrpc.buffered()
    );
    let kind = RpcErrorKind::Overloaded;
    read_to_failure(&mut results, kind, Delivery::Accepted).await;
    for path in [0, STREAMS - 1] {
        let mut stream = results.index(&[path]).unwrap();
        let mut read = Vec::new();
        match stream.read_to_end(&mut read).await {
            // It had ended before.
            Ok(_) => assert_eq!((path, read.len()), (0, 0)),
            failed => drop(assert_failed(failed, kind, Delivery::Accepted)),
        }
    }
    drop((params, results));
    until("nothing to be left", async || caller.wrpc.buffered() == 0).await;

    // Of parameters, while others are served.
    let _echo = echo(&target.wrpc).await;
    let (sender, mut ends) = mpsc::unbounded_channel();
    let _serving = serve(
        &target.wrpc,
        "ends",
        paths(&[&[None]]),
        move |_, results, params| {
            sender.send((results, params)).unwrap();
            core::future::ready(())
        },
    )
    .await;
    let mut raw = RawCaller::start(&server).await;
    raw.call("ends", None, "").await;
    let inbox = raw.next().await.reply.expect("a handshake");
    for n in 0..STREAMS {
        publish(&raw.nats, format!("{inbox}.params.{n}"), None, None, "x").await;
    }
    round_trip(&raw.nats).await;
    target.wrpc.round_trip().await.unwrap();
    assert!(
        target.wrpc.buffered() <= SMALL,
        "{}",
        target.wrpc.buffered()
    );
    let (results, mut params) = guard("a call", ends.recv()).await.unwrap();
    read_to_failure(&mut params, kind, Delivery::Accepted).await;
    assert_echoes(&caller).await;
    drop((results, params));
    until("nothing to be left", async || target.wrpc.buffered() == 0).await;
}

/// A flood after the end takes nothing away that is there.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_not_lost_to_a_flood_that_follows_it() {
    let server = NatsServer::start().await;
    let options = Options::new().max_buffered(SMALL, SMALL);
    let caller = new_with(&server, options).await;
    let mut target = RawTarget::start(&server, "raw").await;
    let call = caller
        .wrpc
        .invoke(context(), INSTANCE, "raw", Bytes::new(), ANY);
    let (_params, mut results) = guard("a call", call).await.unwrap();
    let call = target.call().await;
    let (_below, _) = call.accept().await;
    call.results("", None, "all").await;
    call.results("", None, "").await;
    call.results(".0", None, "zero").await;
    call.results(".0", None, "").await;
    for n in 1..1000 {
        call.results(&format!(".{n}"), None, vec![7; 1024]).await;
        call.results(&format!(".{n}"), None, "").await;
    }
    call.sent().await;
    caller.wrpc.round_trip().await.unwrap();
    // Either all of it or a failure, never a part that looks like all of it.
    for (path, whole) in [
        (None, &b"all"[..]),
        (Some(0), b"zero"),
        (Some(999), &[7; 1024]),
    ] {
        let mut stream = path.map(|path| results.index(&[path]).unwrap());
        let stream = stream.as_mut().unwrap_or(&mut results);
        let mut read = Vec::new();
        match guard("a stream", stream.read_to_end(&mut read)).await {
            Ok(_) => assert_eq!(read, whole),
            failed => {
                let kind = RpcErrorKind::Overloaded;
                assert_failed(failed, kind, Delivery::Accepted);
            }
        }
    }
}

/// By a target, or by whoever knows the inbox.
#[tokio::test(flavor = "multi_thread")]
async fn handshakes_for_nobody_leave_nothing_however_many() {
    const HANDSHAKES: usize = 10_000;

    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let _echo = echo(&target.wrpc).await;
    let mut raw = RawTarget::start(&server, "raw").await;
    drop(open(&caller, "raw").await);
    let call = raw.call().await;
    let before = server.subscriptions().await;
    let targets = raw.nats.new_inbox();
    let mut turned_away = raw.nats.subscribe(format!("{targets}.>")).await.unwrap();
    for n in 0..HANDSHAKES {
        call.accept_as(&format!("{targets}.{n}")).await;
    }
    call.sent().await;
    // They are behind all of them.
    assert_echoes(&caller).await;
    until("nothing to be left", async || {
        (caller.wrpc.calls(), caller.wrpc.buffered()) == (0, 0)
    })
    .await;
    // Each is turned away once at most: told that nobody waits for it, and that no parameters come.
    caller.settled().await;
    round_trip(&raw.nats).await;
    turned_away.unsubscribe().await.unwrap();
    let mut told = 0;
    while guard("a message", turned_away.next()).await.is_some() {
        told += 1;
    }
    assert!((1..=2 * HANDSHAKES).contains(&told), "{told}");
    server.subscriptions_return_to(before).await;
}
