//! Values, headers and queue groups between both kinds of peers.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use wrpc_transport::{InvokeExt as _, ServeExt as _};

use crate::support::both::{Caller, Peer, Target, new, old};
use crate::support::errors::read_to_end;
use crate::support::peers::{INSTANCE, NO_PATHS};
use crate::support::raw::headers;
use crate::support::serving::{paths, serve};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::guard;

type Values = (u8, String, Vec<String>, Option<u32>, Result<Bytes, String>);

fn values() -> Values {
    let list = vec!["a".to_owned(), String::new(), "größer".to_owned()];
    (
        7,
        "text".to_owned(),
        list,
        Some(u32::MAX),
        Err("no".to_owned()),
    )
}

/// Values of several types are the same there and back.
async fn values_travel<C: Caller, T: Target>(caller: &Peer<C>, target: &Peer<T>) {
    let calls = target
        .wrpc
        .serve_values::<Values, Values>(INSTANCE, "mirror", paths(&[]));
    let calls = calls.await.unwrap();
    target.settled().await;
    let serving = tokio::spawn(async move {
        let mut calls = core::pin::pin!(calls);
        while let Some(call) = calls.next().await {
            let (_, values, _, respond) = call.unwrap();
            respond(values).await.unwrap();
        }
    });
    for _ in 0..3 {
        let call = caller.wrpc.invoke_values_blocking::<_, Values, Values>(
            C::context(),
            INSTANCE,
            "mirror",
            values(),
            NO_PATHS,
        );
        assert_eq!(guard("an answer", call).await.unwrap(), values());
    }
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn values_travel_between_every_pair() {
    let server = NatsServer::start().await;
    for _ in 0..2 {
        values_travel(&new(&server).await, &new(&server).await).await;
        values_travel(&new(&server).await, &old(&server).await).await;
        values_travel(&old(&server).await, &new(&server).await).await;
    }
}

/// The headers of a call are the caller's, to the letter.
async fn headers_travel<C: Caller, T: Target>(caller: &Peer<C>, target: &Peer<T>) {
    let sent = headers(&[("Trace-Parent", "00-a-b-01"), ("X", "1")]);
    let _serving = serve(
        &target.wrpc,
        "headers",
        paths(&[]),
        |context, mut results, _| {
            let seen = format!("{:?}", T::headers(&context));
            async move {
                results.write_all(seen.as_bytes()).await.unwrap();
                results.shutdown().await.unwrap();
            }
        },
    )
    .await;
    target.settled().await;
    let context = C::context_with(sent.clone());
    let call = caller
        .wrpc
        .invoke(context, INSTANCE, "headers", Bytes::new(), NO_PATHS);
    let (_params, mut results) = guard("a call", call).await.unwrap();
    let seen = read_to_end(&mut results).await;
    let seen = String::from_utf8(seen).unwrap();
    for header in ["Trace-Parent", "00-a-b-01", "\"X\""] {
        assert!(seen.contains(header), "{seen}");
    }
    // Nothing is added to a call without a deadline.
    assert!(!seen.contains("Wrpc"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_travel_between_every_pair() {
    let server = NatsServer::start().await;
    let (new, old) = (new(&server).await, old(&server).await);
    headers_travel(&new, &new).await;
    headers_travel(&new, &old).await;
    headers_travel(&old, &new).await;
}

/// Says who serves the call.
async fn say<T: Target>(target: &Peer<T>, name: &'static str) -> impl Sized + use<T> {
    let serving = serve(
        &target.wrpc,
        "who",
        paths(&[]),
        move |_, mut results, mut params| async move {
            // All of what was sent arrived, whoever sent it.
            assert_eq!(read_to_end(&mut params).await, b"who");
            results.write_all(name.as_bytes()).await.unwrap();
            results.shutdown().await.unwrap();
        },
    )
    .await;
    target.settled().await;
    serving
}

/// Calls until each of two has answered often.
async fn both_answer<C: Caller>(caller: &Peer<C>) {
    let mut answers = BTreeMap::<_, usize>::new();
    while answers.len() < 2 || answers.values().any(|&calls| calls < 20) {
        let call = async {
            let params = Bytes::from_static(b"who");
            let call = caller
                .wrpc
                .invoke(C::context(), INSTANCE, "who", params, NO_PATHS);
            let (mut params, mut results) = call.await.unwrap();
            params.shutdown().await.unwrap();
            read_to_end(&mut results).await
        };
        let answer = guard("an answer", call).await;
        *answers.entry(answer).or_default() += 1;
    }
    assert!(answers.contains_key(&b"new"[..]), "{answers:?}");
    assert!(answers.contains_key(&b"old"[..]), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_and_new_servers_share_a_queue_group() {
    let server = NatsServer::start().await;
    let (first, second) = (new(&server).await, old(&server).await);
    let _new = say(&first, "new").await;
    let _old = say(&second, "old").await;
    both_answer(&new(&server).await).await;
    both_answer(&old(&server).await).await;
}
