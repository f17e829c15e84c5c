//! Calls that are given up, at any moment.

use core::future::{Future, poll_fn};
use core::task::Poll;
use core::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::{Client, Options};
use wrpc_middleware_transport::Paths;

use crate::support::both::old_in;
use crate::support::calls::{accepted, call, open, typed};
use crate::support::errors::assert_failed;
use crate::support::peers::{INSTANCE, TARGET, call_echo, context, echo, ours, upstream};
use crate::support::raw::{RawTarget, next};
use crate::support::target::Target;
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::{guard, until};

/// How long a call is left alone that does nothing any more.
const STUCK: Duration = Duration::from_millis(20);

/// Polls `future` as often as it is woken, `polls` times at most, and drops it. Returns what it
/// resolved to, if it did.
async fn polled<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = polls;
    let polled = poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    timeout(STUCK, polled).await.ok().flatten()
}

/// Everything that a client may leave behind.
async fn nothing_is_left(clients: [&Client; 2]) {
    until("nothing to be left", async || {
        clients
            .iter()
            .all(|client| (client.calls(), client.buffered()) == (0, 0))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_dropped_at_any_await_leaves_nothing() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let work = Target::start(&target).await;
    let client = ours(&server, Options::new().id("client")).await;
    let metrics = tokio::runtime::Handle::current().metrics();
    let first = guard("an echo", call(&client, "echo", "x")).await;
    assert_eq!(first.unwrap(), b"x");
    work.idles().await;
    let subscriptions = server.subscriptions().await;
    let tasks = metrics.num_alive_tasks();

    let large = Bytes::from(vec![7; 3 << 20]);
    for (func, params) in [
        ("echo", Bytes::from_static(b"x")),
        ("echo", large),
        ("hold", Bytes::from_static(b"x")),
        ("begin", Bytes::from_static(b"x")),
        ("nobody", Bytes::from_static(b"x")),
    ] {
        let mut dropped = 0;
        for polls in 0..40 {
            let ended = polled(call(&client, func, params.clone()), polls).await;
            dropped += usize::from(ended.is_none());
        }
        // That nobody is there may be known before the first poll is over.
        let least = if func == "nobody" { 1 } else { 2 };
        assert!(dropped >= least, "{func}: {dropped}");
        // Every one that began was answered, or its work was stopped.
        work.idles().await;
        nothing_is_left([&client, &target]).await;
    }
    work.work(|work| {
        for stopped in &work.stopped {
            let given_up =
                stopped.message().contains("given up") || stopped.message().contains("gave up");
            assert!(given_up, "{stopped}");
        }
    });
    server.subscriptions_return_to(subscriptions).await;
    until("tasks to return to what they were", async || {
        metrics.num_alive_tasks() <= tasks
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn towards_an_upstream_server_too() {
    let server = NatsServer::start().await;
    let target = upstream(&server).await;
    let _echo = echo(&target).await;
    let client = ours(&server, Options::new().id("client")).await;
    until("the target to be served", async || {
        let echoed = call_echo(&client, context(), Bytes::from_static(b"x")).await;
        echoed.is_ok()
    })
    .await;
    let subscriptions = server.subscriptions().await;
    for params in [Bytes::from_static(b"x"), Bytes::from(vec![7; 3 << 20])] {
        for polls in 0..40 {
            polled(call_echo(&client, context(), params.clone()), polls).await;
        }
        nothing_is_left([&client, &client]).await;
    }
    server.subscriptions_return_to(subscriptions).await;
    let echoed = call_echo(&client, context(), Bytes::from_static(b"last"));
    assert_eq!(guard("an echo", echoed).await.unwrap(), "last");
}

#[tokio::test(flavor = "multi_thread")]
async fn upstream_servers_that_are_turned_away_go_on_serving() {
    let server = NatsServer::start().await;
    let client = ours(&server, Options::new().id("client")).await;
    for stays in 0..2 {
        // Without a queue group both take every call, and wait for the rest of its parameters.
        let targets = [old_in(&server, None).await, old_in(&server, None).await];
        let mut serving = Vec::new();
        for target in &targets {
            serving.push(echo(&target.wrpc).await);
            target.settled().await;
        }
        for _ in 0..10 {
            let large = Bytes::from(vec![7; 3 << 20]);
            let ended = guard("an end", call_echo(&client, context(), large)).await;
            // Unless one has answered before the other took it.
            if let Err(error) = ended {
                assert_failed(
                    Err::<(), _>(error),
                    RpcErrorKind::Protocol,
                    Delivery::Accepted,
                );
            }
        }
        drop(serving.remove(1 - stays));
        until("the other to be alone", async || {
            let alone = call_echo(&client, context(), Bytes::from_static(b"alone"));
            guard("an end", alone).await.is_ok()
        })
        .await;
        let last = call_echo(&client, context(), Bytes::from_static(b"last"));
        assert_eq!(guard("an echo", last).await.unwrap(), "last");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_nobody_waits_for_is_stopped() {
    const CALLS: usize = 100;

    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let work = Target::start(&target).await;
    let client = ours(&server, Options::new().id("client")).await;
    let mut calls = Vec::new();
    for n in 0..CALLS {
        let func = ["hold", "begin"][n % 2];
        calls.push(accepted(&client, func, "x").await);
    }
    work.has_begun(CALLS).await;
    assert_eq!(target.calls(), CALLS);
    drop(calls);
    work.has_stopped(CALLS).await;
    nothing_is_left([&client, &target]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_given_up_with_the_last_of_its_streams() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let work = Target::start(&target).await;
    let client = ours(&server, Options::new().id("client")).await;

    let call = accepted(&client, "hold", "x").await;
    drop(call.incoming);
    client.round_trip().await.unwrap();
    target.round_trip().await.unwrap();
    assert_eq!((work.begun(), work.work(|work| work.stopped.len())), (1, 0));
    drop(call.outgoing);
    work.has_stopped(1).await;

    let mut call = accepted(&client, "hold", "x").await;
    call.outgoing.shutdown().await.unwrap();
    drop(call.outgoing);
    client.round_trip().await.unwrap();
    target.round_trip().await.unwrap();
    assert_eq!(work.work(|work| work.stopped.len()), 1);
    drop(call.incoming);
    work.has_stopped(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_takes_a_call_that_was_given_up_is_told() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let mut requests = target
        .requests(INSTANCE, "late", Paths::default())
        .await
        .unwrap();
    let client = ours(&server, Options::new().id("client")).await;
    drop(open(&client, "late", "x").await.unwrap());
    let request = guard("a call", requests.next()).await.unwrap().unwrap();
    assert_eq!(client.calls(), 0);

    let (context, mut results, mut params) = request.accept();

    let given_up = guard("the word of the caller", context.given_up()).await;
    assert_eq!(given_up.kind(), RpcErrorKind::Other);
    let written = results.write_all(b"x").await;
    assert_eq!(typed(&written.unwrap_err()).kind(), RpcErrorKind::Other);
    let mut bytes = Vec::new();
    let read = params.read_to_end(&mut bytes).await;
    assert_eq!(typed(&read.unwrap_err()).kind(), RpcErrorKind::Other);
    drop((context, results, params));
    nothing_is_left([&client, &target]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_answered_is_not_given_up() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let work = Target::start(&target).await;
    let client = ours(&server, Options::new().id("client")).await;
    for n in 0..100 {
        let echoed = guard("an echo", call(&client, "echo", n.to_string())).await;
        assert_eq!(echoed.unwrap(), n.to_string().as_bytes());
    }
    client.round_trip().await.unwrap();
    work.idles().await;
    assert_eq!(
        work.work(|work| (work.answered, work.stopped.len())),
        (100, 0)
    );
}

/// A target that knows of no cancellation would wait for the end of its parameters.
#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_were_closed_have_an_end_whenever_the_call_is_dropped() {
    let server = NatsServer::start().await;
    let client = ours(&server, Options::new().id("client")).await;
    let mut target = RawTarget::start(&server, "raw").await;
    for _ in 0..16 {
        let mut call = open(&client, "raw", "x").await.unwrap();
        let (mut below, inbox) = target.call().await.accept().await;
        call.outgoing.shutdown().await.unwrap();
        drop(call);
        let end = next(&mut below).await;
        assert_eq!(*end.subject, *format!("{inbox}.params"));
        assert!(end.payload.is_empty() && end.headers.is_none());
        assert_eq!(*next(&mut below).await.subject, *format!("{inbox}.cancel"));
    }
}
