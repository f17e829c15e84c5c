//! Answers in a single message, and calls that have none.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::{Client, Incoming, Outgoing};
use wrpc_transport::{Index as _, Invoke as _};

use crate::support::both::{Peer, new};
use crate::support::errors::{read_to_end, read_to_failure};
use crate::support::peers::{INSTANCE, NO_PATHS, call_echo, context, echo, upstream};
use crate::support::raw::{RawCaller, RawTarget, header, publish};
use crate::support::record::Record;
use crate::support::serving::{Serving, paths, serve};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::{guard, until};

/// Answers with `chunks`, each written by itself, without a look at the parameters.
async fn answer(target: &Peer<Client>, chunks: &'static [&'static str]) -> Serving {
    let answer = move |_, mut results: Outgoing, params: Incoming| async move {
        for chunk in chunks {
            results.write_all(chunk.as_bytes()).await.unwrap();
            results.flush().await.unwrap();
        }
        results.shutdown().await.unwrap();
        drop((results, params));
    };
    serve(&target.wrpc, "answer", paths(&[]), answer).await
}

async fn call(client: &Client) -> (Outgoing, Incoming) {
    let call = client.invoke(context(), INSTANCE, "answer", "x".into(), NO_PATHS);
    guard("a call", call).await.unwrap()
}

/// On one thread: a machine that is busy can't keep the function from answering before the call is
/// a millisecond old.
#[tokio::test]
async fn results_that_are_whole_are_one_message() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let mut record = Record::start(&server).await;
    for (chunks, messages, read) in [
        (&["result"][..], 2, "result"),
        (&[], 2, ""),
        // The call, the handshake, two chunks, the end.
        (&["res", "ult"], 5, "result"),
    ] {
        let _serving = answer(&target, chunks).await;
        record.up_to_now(&[&target.nats]).await;
        let (mut params, mut results) = call(&caller.wrpc).await;
        assert_eq!(read_to_end(&mut results).await, read.as_bytes());
        // Nothing is owed to a target that has answered.
        guard("the end of parameters", params.shutdown())
            .await
            .unwrap();
        drop((params, results));
        until("the call to be over", async || {
            caller.wrpc.calls() + target.wrpc.calls() == 0
        })
        .await;
        let seen = record.up_to_now(&[&caller.nats, &target.nats]).await;
        assert_eq!(seen.len(), messages, "{chunks:?}: {seen:?}");
    }
}

/// Every one of these is told in more messages than one.
#[tokio::test(flavor = "multi_thread")]
async fn who_did_not_ask_gets_results_by_themselves() {
    let server = NatsServer::start().await;
    let target = new(&server).await;
    let _serving = answer(&target, &["result"]).await;
    let mut caller = RawCaller::start(&server).await;
    caller.call("answer", None, "x").await;
    let inbox = caller.inbox.clone();
    let handshake = caller.next().await;
    assert_eq!(*handshake.subject, *inbox);
    assert!(handshake.payload.is_empty());
    assert!(!handshake.reply.unwrap().ends_with('~'));
    let results = caller.next().await;
    assert_eq!(*results.subject, *format!("{inbox}.results"));
    assert_eq!(results.payload, "result");
    let end = caller.next().await;
    assert!(end.payload.is_empty());
    assert_eq!(header(&end, "Wrpc-Sequence"), Some("1"));
    // Upstream's own client is one who does not ask.
    let upstream = upstream(&server).await;
    let _echo = echo(&target.wrpc).await;
    let mut record = Record::start(&server).await;
    let echoed = call_echo(&upstream, None, "bytes".into()).await.unwrap();
    assert_eq!(echoed, "bytes");
    let marked = |message: &async_nats::Message| {
        let reply = message.reply.as_deref();
        message.subject.contains('~') || reply.is_some_and(|reply| reply.contains('~'))
    };
    let seen = record.up_to_now(&[&target.nats]).await;
    assert!(seen.len() > 2 && !seen.iter().any(marked), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_longer_is_told_before_its_end() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let (go_on, wait) = oneshot::channel::<()>();
    let wait = std::sync::Mutex::new(Some(wait));
    let slow = move |_, mut results: Outgoing, params: Incoming| {
        let wait = wait.lock().unwrap().take();
        async move {
            results.write_all(b"first").await.unwrap();
            results.flush().await.unwrap();
            let _ = wait.expect("one call").await;
            results.write_all(b"second").await.unwrap();
            results.shutdown().await.unwrap();
            drop((results, params));
        }
    };
    let _serving = serve(&target.wrpc, "answer", paths(&[]), slow).await;
    let (mut params, mut results) = call(&caller.wrpc).await;
    guard("the handshake", params.flush()).await.unwrap();
    let mut first = [0; 5];
    guard("the first", results.read_exact(&mut first))
        .await
        .unwrap();
    assert_eq!(&first, b"first");
    go_on.send(()).unwrap();
    assert_eq!(read_to_end(&mut results).await, b"second");
}

/// A function that does nothing at all for a while has its handshake nevertheless.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_function_has_taken_its_call() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let wait = |context: wrpc_middleware_nats::serve::ServeContext, results, params| async move {
        context.given_up().await;
        drop::<(Outgoing, Incoming)>((results, params));
    };
    let _serving = serve(&target.wrpc, "answer", paths(&[]), wait).await;
    let (mut params, results) = call(&caller.wrpc).await;
    guard("the handshake", params.flush()).await.unwrap();
    drop((params, results));
    until("the target to know", async || target.wrpc.calls() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_the_results_and_a_trap_are_no_answer() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let half = |_, mut results: Outgoing, params: Incoming| async move {
        results.write_all(b"half").await.unwrap();
        drop((results, params));
    };
    let _serving = serve(&target.wrpc, "answer", paths(&[]), half).await;
    let (_params, mut results) = call(&caller.wrpc).await;
    let kind = RpcErrorKind::TargetFailed;
    let (read, _) = read_to_failure(&mut results, kind, Delivery::Accepted).await;
    assert_eq!(read, b"half");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_after_the_answer() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let streaming = |_, mut results: Outgoing, params: Incoming| async move {
        let mut stream = results.index(&[0]).unwrap();
        results.write_all(b"\0").await.unwrap();
        results.shutdown().await.unwrap();
        for chunk in ["a", "b"] {
            stream.write_all(chunk.as_bytes()).await.unwrap();
        }
        stream.shutdown().await.unwrap();
        drop((results, params));
    };
    let _serving = serve(&target.wrpc, "answer", paths(&[]), streaming).await;
    let call = caller
        .wrpc
        .invoke(context(), INSTANCE, "answer", "x".into(), [[Some(0)]]);
    let (params, mut results) = guard("a call", call).await.unwrap();
    let mut stream = results.index(&[0]).unwrap();
    assert_eq!(read_to_end(&mut results).await, b"\0");
    assert_eq!(read_to_end(&mut stream).await, b"ab");
    drop((params, results, stream));
    until("the call to be over", async || {
        caller.wrpc.calls() + target.wrpc.calls() == 0
    })
    .await;
}

/// What is in a handshake is read if its reply subject says so, and only then; what comes after it
/// is not.
#[tokio::test(flavor = "multi_thread")]
async fn the_mark_makes_the_answer() {
    let server = NatsServer::start().await;
    let caller = new(&server).await;
    let mut target = RawTarget::start(&server, "answer").await;
    for (mark, read) in [("~", "whole"), ("", "other")] {
        let (_params, mut results) = call(&caller.wrpc).await;
        let taken = target.call().await;
        assert!(taken.reply.ends_with('~'));
        let inbox = format!("{}{mark}", target.nats.new_inbox());
        publish(&target.nats, &*taken.reply, Some(&inbox), None, "whole").await;
        taken.results("", None, "other").await;
        taken.results("", None, "").await;
        assert_eq!(read_to_end(&mut results).await, read.as_bytes());
    }
}
