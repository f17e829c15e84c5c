//! Work for a served call that ends with it.

use core::future::pending;
use core::time::Duration;
use std::sync::Arc;

use futures::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Notify;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::Options;
use wrpc_transport::Serve as _;

use crate::support::calls::open;
use crate::support::errors::read_to_failure;
use crate::support::peers::{INSTANCE, TARGET, ours};
use crate::support::raw::{call_subject, next, publish};
use wrpc_middleware_testing::nats::{NatsServer, round_trip};
use wrpc_middleware_testing::wait::guard;

/// The work holds the streams of the call, and is dropped together with them.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_of_the_servers_own_is_what_the_caller_is_told() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let calls = target.serve(INSTANCE, "wait", []).await.expect("serve");
    let serving = tokio::spawn(async move {
        let mut calls = core::pin::pin!(calls);
        while let Some(call) = calls.next().await {
            let (mut context, outgoing, incoming) = call.expect("a call");
            context.limit(Duration::from_millis(50));
            let work = async move {
                let _streams = (outgoing, incoming);
                pending::<()>().await;
            };
            tokio::spawn(async move { context.run(work).await });
        }
    });
    let client = ours(&server, Options::new()).await;

    let mut call = open(&client, "wait", "").await.expect("a call");
    call.outgoing.shutdown().await.expect("parameters");

    let (results, _) = read_to_failure(
        &mut call.incoming,
        RpcErrorKind::Timeout,
        Delivery::Accepted,
    )
    .await;
    assert!(results.is_empty());
    serving.abort();
}

/// A caller that asked for streams of which none began can't know that there are none, and tells the
/// target that it has given up, when it has all it wanted.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_after_the_answer_stops_nothing() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let calls = target.serve(INSTANCE, "answer", []).await.expect("serve");
    let (ran, mut outcomes) = tokio::sync::mpsc::unbounded_channel();
    let [answered, cancelled] = [(); 2].map(|()| Arc::new(Notify::new()));
    let [has_answered, is_cancelled] = [&answered, &cancelled].map(Arc::clone);
    let serving = tokio::spawn(async move {
        let mut calls = core::pin::pin!(calls);
        while let Some(call) = calls.next().await {
            let (context, mut outgoing, _incoming) = call.expect("a call");
            let answer = async {
                outgoing.shutdown().await.expect("results");
                drop(outgoing);
                has_answered.notify_one();
                is_cancelled.notified().await;
            };
            let outcome = context.run(answer).await;
            ran.send(outcome.is_ok()).expect("the test");
        }
    });
    let nats = server.connect().await;
    let mut replies = nats.subscribe("_INBOX.by-hand").await.expect("subscribe");
    let subject = call_subject("answer");
    publish(&nats, subject, Some("_INBOX.by-hand"), None, "").await;
    let handshake = next(&mut replies).await;
    let peer = handshake.reply.expect("where the target is");

    guard("the answer", answered.notified()).await;
    publish(&nats, format!("{peer}.cancel"), None, None, "").await;
    round_trip(&nats).await;
    target.round_trip().await.expect("a round trip");
    cancelled.notify_one();

    let ran = guard("an outcome", outcomes.recv()).await;
    assert_eq!(ran, Some(true));
    serving.abort();
}
