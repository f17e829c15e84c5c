//! The target of a waiting call goes away.

use core::time::Duration;
use std::sync::atomic::Ordering;
use std::time::Instant;

use futures::future::join_all;
use futures::{FutureExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::serve::{Accepted, Requests};
use wrpc_middleware_nats::{Client, Incoming, Options, Outgoing};
use wrpc_middleware_transport::{Channels, Paths, Stage};

use crate::support::calls::{SHORT, accepted, ending, finish, open, ours_at, typed, within};
use crate::support::peers::{INSTANCE, TARGET, echo, ours};
use crate::support::raw::{RawCaller, RawTarget, header, headers, next, publish};
use crate::support::record::Record;
use crate::support::target::Target;
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::process::Process;
use wrpc_middleware_testing::proxy::Proxy;
use wrpc_middleware_testing::wait::{assert_hangs, guard, until};

type Call = Channels<Outgoing, Incoming>;

/// How often the broker is asked by default.
const INTERVAL: Duration = Duration::from_secs(1);

/// What a loaded machine may add.
const SLACK: Duration = Duration::from_secs(2);

const GONE: Result<(), (RpcErrorKind, Delivery)> =
    Err((RpcErrorKind::TargetFailed, Delivery::Accepted));

const LATE: Result<(), (RpcErrorKind, Delivery)> = Err((RpcErrorKind::Timeout, Delivery::Accepted));

fn often() -> Options {
    Options::new().keepalive(Some(Duration::from_millis(100)))
}

/// A target in a process of its own.
async fn process(server: &NatsServer, role: &str) -> Process {
    let mut process = Process::start(role, &[&server.url()]);
    process.says("ready").await;
    process
}

/// A call that the target has begun to answer.
async fn begun(client: &Client) -> Call {
    let mut call = accepted(client, "begin", "some").await;
    guard("the end of the parameters", call.outgoing.shutdown())
        .await
        .unwrap();
    call
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_a_target_that_is_killed_ends_within_two_intervals() {
    const CALLS: usize = 32;

    let server = NatsServer::start().await;
    let target = process(&server, "target").await;
    let client = ours(&server, Options::new()).await;
    let mut begun = join_all((0..CALLS).map(|_| begun(&client))).await;
    let held = join_all((0..CALLS).map(|_| accepted(&client, "hold", "x"))).await;
    until("what is there to arrive", async || {
        begun
            .iter()
            .all(|call| call.progress.stage() == Stage::FirstByte)
    })
    .await;

    target.kill();
    let start = Instant::now();
    let held = guard("the ends", join_all(held.into_iter().map(finish))).await;
    let elapsed = start.elapsed();

    println!("known after {elapsed:?}");
    assert!(elapsed < 2 * INTERVAL + SLACK, "{elapsed:?}");
    for call in held {
        assert_eq!(ending(&call), GONE);
    }
    for call in &mut begun {
        // What has arrived is there first.
        let mut bytes = Vec::new();
        let read = guard("an end", call.incoming.read_to_end(&mut bytes)).await;
        assert_eq!(bytes, b"some");
        assert_eq!(ending(&read.map_err(|error| typed(&error))), GONE);
    }
    assert!(start.elapsed() < 2 * INTERVAL + SLACK);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_a_keepalive_the_caller_never_knows() {
    let server = NatsServer::start().await;
    let target = process(&server, "target").await;
    let client = ours(&server, Options::new().keepalive(None)).await;
    let held = accepted(&client, "hold", "x").await;
    target.kill();
    assert_hangs("a call whose target is gone", finish(held)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_of_an_upstream_server_is_watched_too() {
    let server = NatsServer::start().await;
    let target = process(&server, "old").await;
    let client = ours(&server, often()).await;
    let calls = join_all((0..4).map(|_| accepted(&client, "hold", "x"))).await;
    asked(&client, 10).await;
    assert!(calls.iter().all(|call| call.progress.failure().is_none()));
    target.kill();
    for call in calls {
        assert_eq!(ending(&guard("the end", finish(call)).await), GONE);
    }
}

/// Waits until the broker was asked so many times more.
async fn asked(client: &Client, times: u64) {
    let sent = client.nats().statistics();
    let before = sent.out_messages.load(Ordering::Relaxed);
    until("the broker to be asked", async || {
        sent.out_messages.load(Ordering::Relaxed) >= before + times
    })
    .await;
    // And has answered.
    client.round_trip().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_slow_is_waited_for() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let mut requests = target
        .requests(INSTANCE, "slow", Paths::default())
        .await
        .unwrap();
    let client = ours(&server, often()).await;
    let (call, accepted) = accepted_by(&client, &mut requests).await;
    let (_context, mut results, _params) = accepted;
    asked(&client, 10).await;
    results.write_all(b"at last").await.unwrap();
    asked(&client, 10).await;
    results.shutdown().await.unwrap();
    assert_eq!(guard("the answer", finish(call)).await.unwrap(), b"at last");
}

/// A call of a function that is served by hand.
async fn accepted_by(client: &Client, requests: &mut Requests) -> (Call, Accepted) {
    let call = open(client, "slow", "x").await.unwrap();
    let request = guard("a call", requests.next()).await.unwrap().unwrap();
    (call, request.accept())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_frozen_is_waited_for_until_the_deadline() {
    let server = NatsServer::start().await;
    let target = process(&server, "target").await;
    let client = ours(&server, often()).await;
    let mut held = open(&within(&client, 2 * SHORT), "hold", "x")
        .await
        .unwrap();
    guard("a handshake", held.outgoing.flush()).await.unwrap();
    target.freeze().await;
    assert_eq!(ending(&guard("the deadline", finish(held)).await), LATE);
    target.thaw();
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_tap_a_target_that_is_killed_is_waited_for_until_the_deadline() {
    let server = NatsServer::start().await;
    let _tap = Record::start(&server).await;
    let target = process(&server, "target").await;
    let client = ours(&server, often()).await;
    let mut held = open(&within(&client, 2 * SHORT), "hold", "x")
        .await
        .unwrap();
    guard("a handshake", held.outgoing.flush()).await.unwrap();
    target.kill();
    assert_eq!(ending(&guard("the deadline", finish(held)).await), LATE);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_calls_of_the_target_that_is_gone_end() {
    let server = NatsServer::start().await;
    let proxy = Proxy::start(server.port()).await;
    let goes = ours_at(&proxy.url(), Options::new().id(TARGET)).await;
    let stays = ours(&server, Options::new().id(TARGET)).await;
    let (gone, stayed) = (Target::start(&goes).await, Target::start(&stays).await);
    let client = ours(&server, often()).await;
    let mut calls = Vec::new();
    while gone.begun() < 3 || stayed.begun() < 3 {
        calls.push(accepted(&client, "hold", "x").await);
        let begun = calls.len();
        until("it to begin", async || {
            gone.begun() + stayed.begun() == begun
        })
        .await;
    }
    proxy.cut();
    let failed = |calls: &[Call]| {
        let failed = calls
            .iter()
            .filter(|call| call.progress.failure().is_some());
        failed.count()
    };
    until("the calls to end", async || failed(&calls) >= gone.begun()).await;
    asked(&client, 10).await;
    assert_eq!(failed(&calls), gone.begun());
    drop(calls);
    stayed.has_stopped(stayed.begun()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_whose_inboxes_have_nothing_in_common_are_each_watched() {
    const ALIVE: usize = 16;

    let server = NatsServer::start().await;
    let client = ours(&server, often()).await;
    let mut alive = RawTarget::start(&server, "alive").await;
    let mut dead = RawTarget::start(&server, "dead").await;
    let mut calls = Vec::new();
    let mut peers = Vec::new();
    for _ in 0..ALIVE {
        calls.push(open(&client, "alive", "x").await.unwrap());
        peers.push(alive.call().await.accept().await);
    }
    let call = open(&client, "dead", "x").await.unwrap();
    let taken = dead.call().await;
    let peer = taken.accept().await;
    taken.sent().await;
    drop((peer, taken, dead));
    assert_eq!(ending(&guard("the end", finish(call)).await), GONE);
    asked(&client, 10).await;
    assert!(calls.iter().all(|call| call.progress.failure().is_none()));
    drop((peers, alive));
}

/// A call that only its caller's end would have ended.
async fn waiting(server: &NatsServer, caller: &mut RawCaller) -> (Client, Accepted) {
    let target = ours(server, often().id(TARGET)).await;
    let mut requests = target
        .requests(INSTANCE, "slow", Paths::default())
        .await
        .unwrap();
    caller.call("slow", None, "x").await;
    let request = guard("a call", requests.next()).await.unwrap().unwrap();
    (target, request.accept())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_has_given_up() {
    let server = NatsServer::start().await;
    let mut caller = RawCaller::start(&server).await;
    caller.inbox.push('~');
    let (target, (context, ..)) = waiting(&server, &mut caller).await;
    // As long as it is there, it is left alone.
    asked(&target, 10).await;
    assert!(context.given_up().now_or_never().is_none());
    drop(caller);
    let error = guard("the caller to be missed", context.given_up()).await;
    assert!(error.message().ends_with("the caller went away"), "{error}");
}

/// It may have subscribed to less than is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_of_others_is_not_asked_for() {
    let server = NatsServer::start().await;
    let mut caller = RawCaller::start(&server).await;
    let (_target, _accepted) = waiting(&server, &mut caller).await;
    let mut record = Record::start(&server).await;
    let client = ours(&server, often()).await;
    let mut raw = RawTarget::start(&server, "raw").await;
    let call = open(&client, "raw", "x").await.unwrap();
    let _below = raw.call().await.accept().await;
    asked(&client, 10).await;
    drop(call);
    let seen = record.up_to_now(&[]).await;
    let asked = |message: &async_nats::Message| message.subject.starts_with(&caller.inbox);
    assert!(!seen.iter().any(asked), "{seen:?}");
}

/// The answer was lost with the connection that it went over, and the target has another now.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_is_known_by_both() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let _echo = echo(&target).await;
    let mut caller = RawCaller::start(&server).await;
    caller.inbox.push('~');
    caller.call("echo", None, "\x03bob").await;
    let answer = caller.next().await.reply.unwrap();
    let alive = format!("{}.alive", caller.inbox);
    publish(
        &caller.nats,
        format!("{answer}.alive"),
        Some(&alive),
        None,
        "",
    )
    .await;
    let mut said = caller.next().await;
    while *said.subject != *alive {
        said = caller.next().await;
    }
    assert_eq!(header(&said, "Wrpc-Error"), Some("transport"));

    // And what a caller makes of it.
    let client = ours(&server, often()).await;
    let mut raw = RawTarget::start(&server, "raw").await;
    let call = open(&client, "raw", "x").await.unwrap();
    let (mut below, _) = raw.call().await.accept().await;
    let probe = loop {
        let message = next(&mut below).await;
        if message.subject.ends_with(".alive") {
            break message;
        }
    };
    let headers = said.headers.clone();
    publish(
        &raw.nats,
        probe.reply.unwrap().to_string(),
        None,
        headers,
        "",
    )
    .await;
    let ended = guard("the end", finish(call)).await;
    let lost = Err((RpcErrorKind::Transport, Delivery::Accepted));
    assert_eq!(ending(&ended), lost);
}

/// A caller that has no such call any more, and whose word about that was lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_given_up_is_stopped_even_if_its_caller_was_not_heard() {
    let server = NatsServer::start().await;
    let mut caller = RawCaller::start(&server).await;
    caller.inbox.push('~');
    let (_target, (context, ..)) = waiting(&server, &mut caller).await;
    let probe = loop {
        let message = caller.next().await;
        if message.subject.ends_with(".alive") {
            break message;
        }
    };
    let error = headers(&[("Wrpc-Error", "transport")]);
    publish(
        &caller.nats,
        probe.reply.unwrap().to_string(),
        None,
        error,
        "",
    )
    .await;
    let error = guard("the word of the caller", context.given_up()).await;
    assert!(
        error.message().ends_with("the caller has given up"),
        "{error}"
    );
}

/// It goes on to do something else after its answer, with its streams in hand.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_has_answered_is_not_given_up() {
    let server = NatsServer::start().await;
    let mut other = RawCaller::start(&server).await;
    other.inbox.push('~');
    let target = ours(&server, often().id(TARGET)).await;
    let mut requests = target
        .requests(INSTANCE, "slow", Paths::default())
        .await
        .unwrap();
    let client = ours(&server, often()).await;
    let call = open(&client, "slow", "x").await.unwrap();
    let request = guard("a call", requests.next()).await.unwrap().unwrap();
    let (context, mut results, params) = request.accept();
    results.write_all(b"x").await.unwrap();
    results.shutdown().await.unwrap();
    assert_eq!(guard("the answer", finish(call)).await.unwrap(), b"x");

    // One that is asked for all the while.
    other.call("slow", None, "x").await;
    let request = guard("a call", requests.next()).await.unwrap().unwrap();
    let waiting = request.accept();
    for _ in 0..4 {
        while !other.next().await.subject.ends_with(".alive") {}
    }
    assert!(context.given_up().now_or_never().is_none());
    drop((context, results, params, waiting));
}
