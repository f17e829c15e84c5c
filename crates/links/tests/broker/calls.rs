//! Calls over the whole stack while links change.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::task::JoinSet;
use wrpc_middleware_links::Entry;
use wrpc_middleware_transport::link::LinkNames;
use wrpc_middleware_transport::{Context, Invocation};

use crate::support::links::{INTERFACE, becomes, created, entry, put, remove, watch};
use crate::support::peers::{DENIED, Target, call, caller, client, ending};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::{guard, until};

#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_lost_while_other_links_come_and_go() {
    /// As many as are needed to see that nothing goes wrong while links flip.
    const FLIPS: usize = 200;
    let server = NatsServer::start_with_jetstream("").await;
    let bucket = created(server.connect().await).await;
    put(&bucket, "client", "target").await;
    let target = client(&server.url(), "target").await;
    let _target = Target::start(&target).await;
    let host = client(&server.url(), "client").await;
    let links = watch(&wrpc_middleware_links::Bucket::new(
        host.nats().clone(),
        bucket.name().clone(),
    ));
    becomes(&links, "client", Some("target")).await;

    let (over, calls) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let stack = caller(&host, "client", links.clone());
        let (over, calls) = (Arc::clone(&over), Arc::clone(&calls));
        callers.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let answer = call(&stack, "echo", b"x".to_vec()).await;
                assert_eq!(answer.unwrap(), b"x");
                calls.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for n in 0..FLIPS {
        let other = format!("other-{}", n % 7);
        put(&bucket, &other, "target").await;
        remove(&bucket, &other).await;
        // The own one is put again, as it was.
        put(&bucket, "client", "target").await;
    }
    // The last of it has arrived.
    put(&bucket, "last", "target").await;
    becomes(&links, "last", Some("target")).await;
    until("enough calls", async || {
        calls.load(Ordering::Relaxed) > FLIPS
    })
    .await;
    over.store(true, Ordering::Relaxed);
    while let Some(ended) = guard("the callers", callers.join_next()).await {
        ended.unwrap();
    }
    assert_eq!(links.table().len(), 2);

    // The control: the own link is one that counts.
    remove(&bucket, "client").await;
    becomes(&links, "client", None).await;
    let stack = caller(&host, "client", links);
    assert_eq!(ending(&call(&stack, "echo", b"x".to_vec()).await), DENIED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_runs_goes_on_when_its_link_is_removed() {
    let server = NatsServer::start_with_jetstream("").await;
    let bucket = created(server.connect().await).await;
    put(&bucket, "client", "target").await;
    let target = client(&server.url(), "target").await;
    let target = Target::start(&target).await;
    let host = client(&server.url(), "client").await;
    let links = watch(&bucket);
    becomes(&links, "client", Some("target")).await;
    let stack = caller(&host, "client", links.clone());
    let running = {
        let stack = stack.clone();
        tokio::spawn(async move { call(&stack, "hold", Vec::new()).await })
    };
    until("the call to be taken", async || target.held() == 1).await;
    remove(&bucket, "client").await;
    becomes(&links, "client", None).await;
    assert_eq!(ending(&call(&stack, "echo", Vec::new()).await), DENIED);
    assert!(!running.is_finished());
    assert_eq!(target.given_up(), 0);
    running.abort();
    until("the call to be given up", async || target.given_up() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_select_among_the_targets_of_one_interface() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tower::{Layer as _, ServiceExt as _};

    let server = NatsServer::start_with_jetstream("").await;
    let bucket = created(server.connect().await).await;
    put(&bucket, "client", "first").await;
    let second = Entry::clone(&entry("client", "second"));
    let second = {
        let mut second = second;
        second.name = "backup".to_owned();
        second
    };
    bucket.put(&second).await.unwrap();
    let links = watch(&bucket);
    guard("the first table", links.ready()).await;
    let stack = wrpc_middleware_transport::Stack::new(links.clone())
        .timeout(Duration::from_mins(1))
        .source("client")
        .layer(client(&server.url(), "client").await);
    let mut targets = Vec::new();
    for id in ["first", "second"] {
        let target = client(&server.url(), id).await;
        targets.push(crate::support::peers::Named::start(&target, id).await);
    }
    let answer = async |name: Option<&str>| {
        let mut names = LinkNames::new();
        if let Some(name) = name {
            names.set(INTERFACE.parse().unwrap(), name);
        }
        let context = Context::new(None).with_link_names(names);
        let invocation = Invocation::new(context, INTERFACE, "name", bytes::Bytes::new());
        let channels = guard("a call", stack.clone().oneshot(invocation)).await?;
        let (mut outgoing, mut incoming) = (channels.outgoing, channels.incoming);
        let mut name = String::new();
        let done =
            async { tokio::try_join!(outgoing.shutdown(), incoming.read_to_string(&mut name)) };
        guard("an answer", done).await.unwrap();
        Ok::<_, wrpc_middleware_transport::RpcError>(name)
    };
    assert_eq!(answer(None).await.unwrap(), "first");
    assert_eq!(answer(Some("backup")).await.unwrap(), "second");
    assert_eq!(answer(Some("default")).await.unwrap(), "first");
    assert_eq!(ending(&answer(Some("nobody")).await), DENIED);
}
