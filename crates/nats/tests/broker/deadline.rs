//! How long the caller waits, as it travels.

use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use async_nats::HeaderMap;
use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio::time::Instant;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::serve::ServeContext;
use wrpc_middleware_nats::{Client, Options};
use wrpc_transport::Invoke as _;

use crate::support::both::{Peer, Target, new, new_with, old};
use crate::support::errors::{read_to_end, read_to_failure};
use crate::support::peers::{INSTANCE, NO_PATHS, context};
use crate::support::raw::{RawCaller, RawTarget, header, headers};
use crate::support::serving::{Serving, paths, requests, serve};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::guard;

const TIMEOUT: &str = "Wrpc-Timeout-Ms";
const EXPIRES: &str = "Wrpc-Expires";

const HOUR: Duration = Duration::from_hours(1);

fn unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

fn number(text: Option<&str>) -> u64 {
    text.expect("a header").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_travels_as_two_headers() {
    let server = NatsServer::start().await;
    let caller = new(&server).await;
    let mut target = RawTarget::start(&server, "raw").await;
    for (timeout, set) in [
        (Duration::ZERO, None),
        (HOUR, None),
        (HOUR, Some(("Trace", "1"))),
    ] {
        let (before, deadline) = (unix_ms(), Instant::now() + timeout);
        let context = wrpc_middleware_transport::Context::new(headers(set.as_slice()));
        let context = context.with_deadline(deadline);
        let call = caller
            .wrpc
            .invoke(context, INSTANCE, "raw", Bytes::new(), NO_PATHS);
        let _streams = guard("a call", call).await.unwrap();
        let call = target.call().await;
        let limit = u64::try_from(timeout.as_millis()).unwrap();
        let remaining = number(header(&call.message, TIMEOUT));
        assert!(remaining <= limit, "{remaining} {limit}");
        let expires = number(header(&call.message, EXPIRES));
        assert!(expires >= before + remaining, "{expires} {before}");
        assert!(expires <= unix_ms() + limit);
        assert_eq!(header(&call.message, "Trace"), set.map(|(_, value)| value));
    }
    // Without a deadline there are none.
    let call = caller
        .wrpc
        .invoke(context(), INSTANCE, "raw", Bytes::new(), NO_PATHS);
    let _streams = guard("a call", call).await.unwrap();
    assert!(target.call().await.message.headers.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn upstream_runs_a_call_with_a_deadline_like_any_other() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, old(&server).await);
    let _serving = serve(
        &target.wrpc,
        "headers",
        paths(&[]),
        |context, mut results, _| {
            let names = [TIMEOUT, EXPIRES];
            let headers = wrpc_transport_nats::Client::headers(&context);
            let seen = names.map(|name| headers.is_some_and(|headers| headers.get(name).is_some()));
            async move {
                results
                    .write_all(format!("{seen:?}").as_bytes())
                    .await
                    .unwrap();
                results.shutdown().await.unwrap();
            }
        },
    )
    .await;
    target.settled().await;
    // It has passed, and upstream's target does not look.
    for timeout in [Duration::ZERO, HOUR] {
        let context = context().with_deadline(Instant::now() + timeout);
        let call = caller
            .wrpc
            .invoke(context, INSTANCE, "headers", Bytes::new(), NO_PATHS);
        let (_params, mut results) = guard("a call", call).await.unwrap();
        assert_eq!(read_to_end(&mut results).await, b"[true, true]");
    }
}

/// What remains of each call when it runs; none without a deadline.
type Remaining = mpsc::UnboundedReceiver<Option<Duration>>;

/// Serves a function that tells how long it may run.
async fn telling(target: &Peer<Client>, func: &str) -> (Serving, Remaining) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let tell = move |context: ServeContext, mut results: wrpc_middleware_nats::Outgoing, _| {
        let deadline = context.deadline();
        let remaining = deadline.map(|deadline| deadline.duration_since(Instant::now()));
        sender.send(remaining).unwrap();
        async move {
            // The caller may wait no longer.
            let _ = results.shutdown().await;
        }
    };
    (serve(&target.wrpc, func, paths(&[]), tell).await, receiver)
}

/// A header as a caller may send it, whose clock may be wrong.
#[derive(Clone, Copy)]
enum Expires {
    In(Duration),
    Ago(Duration),
    Text(&'static str),
}

use Expires::{Ago, In, Text};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn work_that_nobody_waits_for_is_not_begun() {
    let server = NatsServer::start().await;
    // Clocks may differ by a minute.
    let target = new_with(&server, Options::new().clock_skew(60 * SECOND)).await;
    let (_serving, mut run) = telling(&target, "tell").await;
    for (timeout, expires, at_most) in [
        (None, None, Some(None)),
        // One of them says it.
        (Some("0"), None, None),
        (Some("3600000"), None, Some(Some(HOUR))),
        (None, Some(Ago(HOUR)), None),
        (None, Some(Ago(61 * SECOND)), None),
        (None, Some(Ago(30 * SECOND)), Some(Some(30 * SECOND))),
        (None, Some(In(HOUR)), Some(Some(HOUR + 60 * SECOND))),
        // The earlier of both is meant.
        (Some("0"), Some(In(HOUR)), None),
        (Some("3600000"), Some(Ago(HOUR)), None),
        (Some("1000"), Some(In(HOUR)), Some(Some(SECOND))),
        (
            Some("3600000"),
            Some(Ago(30 * SECOND)),
            Some(Some(30 * SECOND)),
        ),
        // The caller's clock is an hour ahead: the time that remains is right.
        (Some("60000"), Some(In(HOUR)), Some(Some(60 * SECOND))),
        // It is somewhat behind, and that is tolerated.
        (
            Some("10000"),
            Some(Ago(45 * SECOND)),
            Some(Some(10 * SECOND)),
        ),
        // What is no number says nothing.
        (Some("soon"), None, Some(None)),
        (Some("-1"), Some(Text("never")), Some(None)),
        (Some(""), Some(Text("99999999999999999999")), Some(None)),
        (Some("soon"), Some(Ago(HOUR)), None),
        (
            Some("18446744073709551615"),
            Some(Text("18446744073709551615")),
            Some(Some(Duration::MAX)),
        ),
    ] {
        let expires = expires.map(|expires| match expires {
            In(time) => (unix_ms() + u64::try_from(time.as_millis()).unwrap()).to_string(),
            Ago(time) => (unix_ms() - u64::try_from(time.as_millis()).unwrap()).to_string(),
            Text(text) => text.to_owned(),
        });
        let said = [(TIMEOUT, timeout), (EXPIRES, expires.as_deref())];
        let said: Vec<_> = said
            .into_iter()
            .filter_map(|(name, text)| Some((name, text?)))
            .collect();
        let mut caller = RawCaller::start(&server).await;
        caller.call("tell", headers(&said), "").await;
        let answer = caller.next().await;
        if let Some(at_most) = at_most {
            assert!(answer.reply.is_some(), "{said:?}");
            let remaining = guard("the call to run", run.recv()).await.unwrap();
            assert_eq!(remaining.is_some(), at_most.is_some(), "{said:?}");
            assert!(remaining <= at_most, "{said:?}: {remaining:?}");
        } else {
            assert!(answer.reply.is_none(), "{said:?}");
            assert_eq!(header(&answer, "Wrpc-Error"), Some("timeout"));
            assert_eq!(header(&answer, "Wrpc-Error-Delivery"), Some("not-sent"));
        }
    }
    run.try_recv().unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_brings_a_deadline_forward() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let (sender, mut seen) = mpsc::unbounded_channel();
    let _serving = serve(
        &target.wrpc,
        "limit",
        paths(&[]),
        move |mut context, results, _| {
            let set = context.deadline();
            context.limit(2 * HOUR);
            let later = context.deadline();
            context.limit(HOUR / 2);
            sender.send((set, later, context.deadline())).unwrap();
            drop(results);
            core::future::ready(())
        },
    )
    .await;
    for timeout in [None, Some(HOUR)] {
        let now = Instant::now();
        let mut context = context();
        if let Some(timeout) = timeout {
            context = context.with_deadline(now + timeout);
        }
        let call = caller
            .wrpc
            .invoke(context, INSTANCE, "limit", Bytes::new(), NO_PATHS);
        let _streams = guard("a call", call).await.unwrap();
        let (set, later, sooner) = guard("the call to run", seen.recv()).await.unwrap();
        assert_eq!(set.is_some(), timeout.is_some());
        if set.is_some() {
            assert_eq!(later, set);
        } else {
            assert!(later.unwrap() >= now + 2 * HOUR);
        }
        assert!(sooner.unwrap() < now + HOUR);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_takes_too_long_ends_as_a_timeout() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let (sender, mut ended) = mpsc::unbounded_channel();
    let _serving = serve(
        &target.wrpc,
        "slow",
        paths(&[]),
        move |context, results, _| {
            let sender = sender.clone();
            async move {
                let work = context.run(core::future::pending::<()>());
                let error = work.await.unwrap_err();
                sender.send((error.kind(), error.delivery())).unwrap();
                drop(results);
            }
        },
    )
    .await;
    let timeout = Duration::from_millis(200);
    let context = context().with_deadline(Instant::now() + timeout);
    let call = caller
        .wrpc
        .invoke(context, INSTANCE, "slow", Bytes::new(), NO_PATHS);
    let (_params, mut results) = guard("a call", call).await.unwrap();
    let failed = (RpcErrorKind::Timeout, Delivery::Accepted);
    // Nothing on this side measures the time.
    let (read, _) = read_to_failure(&mut results, failed.0, failed.1).await;
    assert_eq!(read, b"");
    assert_eq!(guard("the work to end", ended.recv()).await, Some(failed));
}

/// A header map of our own can't say another deadline than the host does.
#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_deadline_is_the_one_that_travels() {
    let server = NatsServer::start().await;
    let caller = new(&server).await;
    let mut target = RawTarget::start(&server, "raw").await;
    let mut own = HeaderMap::new();
    own.append(TIMEOUT, "7200000");
    own.append(EXPIRES, "1");
    let context = wrpc_middleware_transport::Context::new(Some(own));
    let context = context.with_deadline(Instant::now() + HOUR);
    let call = caller
        .wrpc
        .invoke(context, INSTANCE, "raw", Bytes::new(), NO_PATHS);
    let _streams = guard("a call", call).await.unwrap();
    let call = target.call().await;
    assert!(number(header(&call.message, TIMEOUT)) <= 3_600_000);
    assert!(number(header(&call.message, EXPIRES)) > unix_ms());
    let headers = call.message.headers.as_ref().unwrap();
    assert_eq!(headers.get_all(TIMEOUT).count(), 1);
    assert_eq!(headers.get_all(EXPIRES).count(), 1);
}

/// A call that a host has in a queue of its own is not begun once nobody waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_not_taken_after_its_deadline() {
    let server = NatsServer::start().await;
    let target = new(&server).await;
    let _serving = requests(&target.wrpc, "queued", |request| async move {
        let deadline = request.context().deadline().expect("a deadline");
        tokio::time::sleep_until(deadline).await;
        let error = request.try_accept().expect_err("a refusal");
        assert_eq!(error.kind(), RpcErrorKind::Timeout);
    })
    .await;
    let mut caller = RawCaller::start(&server).await;
    let soon = headers(&[(TIMEOUT, "20")]);
    caller.call("queued", soon, "").await;
    let answer = caller.next().await;
    assert!(answer.reply.is_none());
    assert_eq!(header(&answer, "Wrpc-Error"), Some("timeout"));
    assert_eq!(header(&answer, "Wrpc-Error-Delivery"), Some("not-sent"));
}
