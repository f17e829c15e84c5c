//! Peers that mean harm, or are broken.

use std::sync::Arc;

use async_nats::{Message, Subscriber};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Notify;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};

use crate::support::both::{Peer, assert_echoes, call as open, new, old_in};
use crate::support::errors::{assert_failed, read_to_end, read_to_failure};
use crate::support::peers::echo;
use crate::support::raw::{RawTarget, call_subject, next, publish};
use crate::support::record::{Record, subjects};
use crate::support::serving::{Serving, paths, serve};
use wrpc_middleware_testing::nats::{NatsServer, round_trip};
use wrpc_middleware_testing::wait::until;

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
        let (mut params, mut results) = open(&caller, "raw").await;
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
    let (mut params, mut results) = open(&caller, "raw").await;
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

    let (mut params, mut results) = open(&caller, "both").await;
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
        let (params, mut results) = open(&caller, "raw").await;
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
        drop((params, results));
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
        let (params, mut results) = open(&caller, "raw").await;
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
    drop(open(&caller, "raw").await);
    let call = target.call().await;
    let (mut below, inbox) = call.accept().await;
    let message = cancelled(&mut below).await;
    assert_eq!(*message.subject, *format!("{inbox}.cancel"));
}

/// What is for no call, or no part of one, is nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn messages_of_no_meaning_are_ignored() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let mut raw = RawTarget::start(&server, "raw").await;
    let _echo = echo(&target.wrpc).await;
    let (_params, mut results) = open(&caller, "raw").await;
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
