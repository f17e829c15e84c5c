//! Peers that mean harm, or are broken.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Notify, mpsc};
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::{Client, Incoming, Options, Outgoing};
use wrpc_transport::{Index as _, Invoke as _};

use crate::support::both::{Peer, new, new_with, old_in};
use crate::support::errors::{assert_failed, read_to_end, read_to_failure};
use crate::support::nats::{NatsServer, round_trip};
use crate::support::peers::{INSTANCE, NO_PATHS, call_echo, context, echo};
use crate::support::raw::{RawCaller, RawTarget, call_subject, next, publish};
use crate::support::record::{Record, subjects};
use crate::support::serving::{Serving, paths, serve};
use crate::support::wait::{guard, until};

/// Subjects that somebody could want an answer on, and that are no inboxes.
fn no_inboxes(others: &str) -> Vec<String> {
    [
        "orders.new",
        "$SYS.REQ.SERVER.PING",
        "$JS.API.STREAM.DELETE.orders",
        "_INBOX",
        "_INBOXED.a.b",
        "_INBOX.*",
        "_INBOX.>",
        "_INBOX.a.*.b",
        "target.wrpc.0.0.1.test:app/echo@0.1.0.echo",
        "_INBOX.target.wrpc.0.0.1.a:b/c.d",
    ]
    .into_iter()
    .map(str::to_owned)
    // The streams of somebody else's call.
    .chain(["results", "results.0", "params", "cancel", "alive"].map(|of| format!("{others}.{of}")))
    .collect()
}

async fn call_plain(caller: &Peer<Client>, func: &str) -> (Outgoing, Incoming) {
    let call = caller
        .wrpc
        .invoke(context(), INSTANCE, func, Bytes::new(), NO_PATHS);
    guard("a call", call).await.unwrap()
}

async fn assert_echoes(caller: &Peer<Client>) {
    let echoed = call_echo(&caller.wrpc, context(), Bytes::from_static(b"x"));
    assert_eq!(guard("an echo", echoed).await.unwrap(), "x");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_published_where_no_inbox_is() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let _echo = echo(&target.wrpc).await;
    let raw = server.connect().await;
    let mut record = Record::start(&server).await;
    for reply in no_inboxes("_INBOX.a.b") {
        // An empty string, which would be echoed at once.
        publish(&raw, call_subject("echo"), Some(&reply), None, "\0").await;
        round_trip(&raw).await;
        let seen = record.up_to_now(&[&target.nats]).await;
        assert_eq!(subjects(&seen), [call_subject("echo")], "{reply}");
    }
    // Nor without a reply subject.
    publish(&raw, call_subject("echo"), None, None, "\0").await;
    let seen = record.up_to_now(&[&raw, &target.nats]).await;
    assert_eq!(seen.len(), 1);
    assert_echoes(&caller).await;
    until("nothing to be left", async || target.wrpc.calls() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_names_no_inbox_is_not_of_the_protocol() {
    let server = NatsServer::start().await;
    let caller = new(&server).await;
    let mut target = RawTarget::start(&server, "raw").await;
    let mut record = Record::start(&server).await;
    for inbox in no_inboxes("_INBOX.a.b") {
        let (mut params, mut results) = call_plain(&caller, "raw").await;
        let call = target.call().await;
        call.accept_as(&inbox).await;
        let kind = RpcErrorKind::Protocol;
        let (_, error) = read_to_failure(&mut results, kind, Delivery::Accepted).await;
        assert!(!error.message().contains(&inbox), "{error}");
        assert_failed(params.write_all(b"secret").await, kind, Delivery::Accepted);
        drop((params, results));
        let seen = record.up_to_now(&[&target.nats, &caller.nats]).await;
        assert_eq!(
            subjects(&seen),
            [&call_subject("raw"), &*call.reply],
            "{inbox}"
        );
    }
    // An answer that names none is none.
    let (mut params, mut results) = call_plain(&caller, "raw").await;
    let call = target.call().await;
    publish(&target.nats, &*call.reply, None, None, "hello").await;
    let kind = RpcErrorKind::Protocol;
    read_to_failure(&mut results, kind, Delivery::Unknown).await;
    assert_failed(params.flush().await, kind, Delivery::Unknown);
}

/// Waits until the target that has subscribed to this is told that its call is given up.
async fn cancelled(below: &mut Subscriber) -> Message {
    loop {
        let message = next(below).await;
        if message.subject.ends_with(".cancel") {
            return message;
        }
    }
}

/// A target of upstream's, in no queue group, that answers with many bytes of its own once it may.
async fn ungrouped(server: &NatsServer, byte: u8, go: Arc<Notify>) -> (Peer<impl Sized>, Serving) {
    let target = old_in(server, None).await;
    let serving = serve(
        &target.wrpc,
        "both",
        paths(&[]),
        move |_, mut results, _| {
            let go = Arc::clone(&go);
            async move {
                go.notified().await;
                for _ in 0..100 {
                    results.write_all(&[byte; 10]).await.unwrap();
                }
                results.shutdown().await.unwrap();
            }
        },
    )
    .await;
    target.settled().await;
    (target, serving)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_targets_that_take_one_call_are_told_apart() {
    let server = NatsServer::start().await;
    let go = Arc::new(Notify::new());
    let (first, _first) = ungrouped(&server, b'a', Arc::clone(&go)).await;
    let (second, _second) = ungrouped(&server, b'b', Arc::clone(&go)).await;
    let caller = new(&server).await;
    let mut record = Record::start(&server).await;

    let (mut params, mut results) = call_plain(&caller, "both").await;
    // Both have taken it, before either answers.
    let cancelled = [
        record.ending(".cancel").await.subject,
        record.ending(".cancel").await.subject,
    ];
    assert_ne!(cancelled[0], cancelled[1]);
    go.notify_one();
    go.notify_one();
    first.settled().await;
    second.settled().await;
    caller.wrpc.round_trip().await.unwrap();

    let kind = RpcErrorKind::Protocol;
    let (read, error) = read_to_failure(&mut results, kind, Delivery::Accepted).await;
    assert_eq!(read, b"", "{error}");
    assert_failed(params.flush().await, kind, Delivery::Accepted);
}

/// The first has answered in part when the second takes the call as well.
#[tokio::test(flavor = "multi_thread")]
async fn what_two_targets_answer_is_never_mixed() {
    let server = NatsServer::start().await;
    let caller = new(&server).await;
    let mut first = RawTarget::start(&server, "raw").await;
    let mut second = RawTarget::start(&server, "raw").await;
    for whole in [false, true] {
        let (_params, mut results) = call_plain(&caller, "raw").await;
        let (one, two) = (first.call().await, second.call().await);
        let (mut of_one, _) = one.accept().await;
        one.results("", None, "aa").await;
        if whole {
            one.results("", None, "").await;
        }
        one.sent().await;
        let (mut of_two, _) = two.accept().await;
        for _ in 0..3 {
            two.results("", None, "bb").await;
            two.sent().await;
            one.results("", None, "aa").await;
            one.sent().await;
        }
        two.results("", None, "").await;
        two.sent().await;
        caller.wrpc.round_trip().await.unwrap();
        if whole {
            // All of it was there before there was any doubt.
            assert_eq!(read_to_end(&mut results).await, b"aa");
        } else {
            let kind = RpcErrorKind::Protocol;
            let (read, _) = read_to_failure(&mut results, kind, Delivery::Accepted).await;
            assert_eq!(read, b"aa");
        }
        drop((_params, results));
        cancelled(&mut of_two).await;
        if !whole {
            cancelled(&mut of_one).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_for_nobody_is_cancelled() {
    let server = NatsServer::start().await;
    let caller = new(&server).await;
    let mut target = RawTarget::start(&server, "raw").await;
    // After the end, with the streams held and without.
    for held in [true, false] {
        let (params, mut results) = call_plain(&caller, "raw").await;
        let call = target.call().await;
        let (_first, _) = call.accept().await;
        call.results("", None, "").await;
        assert_eq!(read_to_end(&mut results).await, b"");
        let streams = held.then_some((params, results));
        let (mut below, inbox) = call.accept().await;
        let message = cancelled(&mut below).await;
        assert_eq!(*message.subject, *format!("{inbox}.cancel"));
        assert_eq!(
            (message.payload.len(), message.headers, message.reply),
            (0, None, None)
        );
        drop(streams);
    }
    // For a caller who has given up before.
    drop(call_plain(&caller, "raw").await);
    let call = target.call().await;
    let (mut below, inbox) = call.accept().await;
    let message = cancelled(&mut below).await;
    assert_eq!(*message.subject, *format!("{inbox}.cancel"));
}

/// A string of five bytes, of which some are sent.
const TRUNCATED: &[u8] = b"\x05hel";

/// A thousand callers who send a part of their parameters. Half of them were never there: their
/// inboxes are nobody's.
async fn truncated(server: &NatsServer, func: &str, callers: usize) -> async_nats::Client {
    let nats = server.connect().await;
    let here = nats.new_inbox();
    let answers = nats.subscribe(format!("{here}.>")).await.unwrap();
    for n in 0..callers {
        let inbox = if n % 2 == 0 {
            format!("{here}.{n}")
        } else {
            nats.new_inbox()
        };
        publish(&nats, call_subject(func), Some(&inbox), None, TRUNCATED).await;
    }
    round_trip(&nats).await;
    drop(answers);
    nats
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_callers_without_their_parameters_hold_up_nobody() {
    const CALLERS: usize = 1000;
    let server = NatsServer::start().await;
    // They wait for longer than any test does.
    let options = Options::new().params_timeout(Some(Duration::from_hours(1)));
    let (caller, target) = (new(&server).await, new_with(&server, options).await);
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    let serving = serve(
        &target.wrpc,
        "read",
        paths(&[]),
        move |_, mut results, mut params| {
            count.fetch_add(1, Ordering::Relaxed);
            async move {
                let mut text = [0; 6];
                if params.read_exact(&mut text).await.is_ok() {
                    results.write_all(&text[1..]).await.unwrap();
                    results.shutdown().await.unwrap();
                }
            }
        },
    )
    .await;
    let _nats = truncated(&server, "read", CALLERS).await;
    let params = Bytes::from_static(b"\x05hello");
    let start = Instant::now();
    let call = caller
        .wrpc
        .invoke(context(), INSTANCE, "read", params, NO_PATHS);
    let (_params, mut results) = guard("a call", call).await.unwrap();
    assert_eq!(read_to_end(&mut results).await, b"hello");
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(served.load(Ordering::Relaxed), CALLERS + 1);
    until("the others to wait", async || {
        target.wrpc.calls() == CALLERS
    })
    .await;
    drop(serving);
    until("nothing to be left", async || target.wrpc.calls() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_callers_who_die_in_the_midst_of_their_parameters_hold_up_nobody() {
    let server = NatsServer::start().await;
    // This would be noticed.
    let options = Options::new().params_timeout(Some(Duration::from_hours(1)));
    let (caller, target) = (new(&server).await, new_with(&server, options).await);
    // It reads the parameters of one call after the other.
    let _echo = echo(&target.wrpc).await;
    for n in 0..100 {
        let params = Bytes::from_static(TRUNCATED);
        let call = caller
            .wrpc
            .invoke(context(), INSTANCE, "echo", params, NO_PATHS);
        let (mut params, results) = guard("a call", call).await.unwrap();
        if n % 2 == 0 {
            guard("the handshake", params.flush()).await.unwrap();
        }
        drop((params, results));
    }
    assert_echoes(&caller).await;
}

/// `serve_values` reads the parameters of one call after the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_without_its_parameters_holds_up_serve_values_for_as_long_as_was_said() {
    const TIMEOUT: Duration = Duration::from_millis(100);
    const CALLERS: u32 = 10;
    let server = NatsServer::start().await;
    let options = Options::new().params_timeout(Some(TIMEOUT));
    let (caller, target) = (new(&server).await, new_with(&server, options).await);
    let _echo = echo(&target.wrpc).await;
    assert_echoes(&caller).await;
    let start = Instant::now();
    let _nats = truncated(&server, "echo", CALLERS as usize).await;
    assert_echoes(&caller).await;
    let elapsed = start.elapsed();
    // It waited for each of them, and no longer than that.
    assert!(elapsed >= CALLERS * TIMEOUT, "{elapsed:?}");
    assert!(
        elapsed < CALLERS * TIMEOUT + Duration::from_secs(30),
        "{elapsed:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_do_not_come_are_a_timeout_at_both_ends() {
    let server = NatsServer::start().await;
    let options = Options::new().params_timeout(Some(Duration::from_millis(50)));
    let (caller, target) = (new(&server).await, new_with(&server, options).await);
    let (sender, mut seen) = mpsc::unbounded_channel();
    let _serving = serve(
        &target.wrpc,
        "read",
        paths(&[]),
        move |_, results, mut params| {
            let sender = sender.clone();
            async move {
                let _results = results;
                let kind = RpcErrorKind::Timeout;
                let (read, _) = read_to_failure(&mut params, kind, Delivery::Accepted).await;
                sender.send(read).unwrap();
            }
        },
    )
    .await;
    let params = Bytes::from_static(TRUNCATED);
    let call = caller
        .wrpc
        .invoke(context(), INSTANCE, "read", params, NO_PATHS);
    let (_params, mut results) = guard("a call", call).await.unwrap();
    read_to_failure(&mut results, RpcErrorKind::Timeout, Delivery::Accepted).await;
    assert_eq!(guard("the reader", seen.recv()).await.unwrap(), TRUNCATED);
}

const SMALL: usize = 64 << 10;

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
    let (mut params, mut results) = call_plain(&caller, "flood").await;
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
        let streams = call_plain(&caller, "raw").await;
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
    let (_params, mut results) = guard("a call", call).await.unwrap();
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
    drop((_params, results));
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

/// What is for no call, or no part of one, is nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn messages_of_no_meaning_are_ignored() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let mut raw = RawTarget::start(&server, "raw").await;
    let _echo = echo(&target.wrpc).await;
    let (_params, mut results) = call_plain(&caller, "raw").await;
    let call = raw.call().await;
    let (_below, _) = call.accept().await;
    let base = call.reply.rsplit_once('.').unwrap().0;
    for subject in [
        base.to_owned(),
        format!("{base}.short"),
        format!("{base}.{}", "x".repeat(1000)),
        format!("{base}.{}.results", "ä".repeat(8)),
        format!("{}.params", call.reply),
        format!("{}.cancel", call.reply),
        format!("{}.alive", call.reply),
        format!("{}.results.x", call.reply),
        format!("{}.results.01", call.reply),
        format!("{}.results.99999999999999999999", call.reply),
        format!("{}.results.0.0.0.0.0.0.0.0.0", call.reply),
        format!("{}.unheard-of", call.reply),
    ] {
        for payload in ["", "x"] {
            publish(&raw.nats, &*subject, None, None, payload).await;
        }
    }
    call.results("", None, "all").await;
    call.results("", None, "").await;
    assert_eq!(read_to_end(&mut results).await, b"all");
    assert_echoes(&caller).await;
}
