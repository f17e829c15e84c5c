//! Streams at paths that are only known to who sends them.

use core::pin::Pin;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_transport::{Index as _, InvokeExt as _, ServeExt as _};

use crate::support::both::{Caller, Peer, Target, new, old};
use crate::support::errors::{assert_failed, read_to_end};
use crate::support::peers::INSTANCE;
use crate::support::serving::{Serving, paths, serve};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::guard;

type ByteStream = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// A list of streams, each at the index of the list.
type List = Vec<ByteStream>;

const LIST: [&[Option<usize>]; 1] = [&[Some(0), None]];

fn list() -> List {
    let stream = |n: u8| -> ByteStream {
        Box::pin(stream::iter(vec![
            Bytes::from(vec![n; 3]),
            Bytes::from(vec![n; 1]),
        ]))
    };
    (1..=20).map(stream).collect()
}

fn list_bytes() -> Vec<Vec<u8>> {
    (1..=20).map(|n| vec![n; 4]).collect()
}

async fn read(list: List) -> Vec<Vec<u8>> {
    let read = |stream: ByteStream| stream.collect::<Vec<_>>();
    let read = futures::future::join_all(list.into_iter().map(read));
    let read = guard("the streams of a list", read).await;
    read.into_iter().map(|parts| parts.concat()).collect()
}

/// Serves `give`, which returns a list of streams.
async fn give<T: Target>(target: &Peer<T>) -> impl Sized + use<T> {
    let calls = target
        .wrpc
        .serve_values::<(), (List,)>(INSTANCE, "give", paths(&[]));
    let calls = calls.await.unwrap();
    target.settled().await;
    Serving(tokio::spawn(async move {
        let mut calls = core::pin::pin!(calls);
        while let Some(call) = calls.next().await {
            let (_, (), _, respond) = call.unwrap();
            // Upstream's caller may be gone.
            let _ = respond((list(),)).await;
        }
    }))
}

/// Serves `take`, which takes a list of streams and returns what was in them, or why that can't be
/// read.
async fn take<T: Target>(target: &Peer<T>) -> impl Sized + use<T> {
    type Results = (Result<Vec<Bytes>, String>,);
    let calls = target
        .wrpc
        .serve_values::<(List,), Results>(INSTANCE, "take", paths(&LIST));
    let calls = calls.await.unwrap();
    target.settled().await;
    Serving(tokio::spawn(async move {
        let mut calls = core::pin::pin!(calls);
        while let Some(call) = calls.next().await {
            let (_, (list,), incoming, respond) = call.unwrap();
            let (read, incoming) = tokio::join!(read(list), incoming.unwrap());
            let read = read.into_iter().map(Bytes::from).collect();
            let results = incoming.map(|()| read).map_err(|error| error.to_string());
            respond((results,)).await.unwrap();
        }
    }))
}

async fn call_give<C: Caller>(caller: &Peer<C>) -> (Vec<Vec<u8>>, anyhow::Result<()>) {
    let call =
        caller
            .wrpc
            .invoke_values::<_, (), (List,)>(C::context(), INSTANCE, "give", (), LIST);
    let ((list,), io) = guard("an answer", call).await.unwrap();
    tokio::join!(read(list), async { io.unwrap().await })
}

async fn call_take<C: Caller>(caller: &Peer<C>) -> Result<Vec<Bytes>, String> {
    let call = caller
        .wrpc
        .invoke_values_blocking::<[Option<usize>; 0], (List,), (Result<Vec<Bytes>, String>,)>(
            C::context(),
            INSTANCE,
            "take",
            (list(),),
            [],
        );
    let (taken,) = guard("an answer", call).await.unwrap();
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_a_list_at_wildcard_paths() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let _serving = (give(&target).await, take(&target).await);
    let (read, io) = call_give(&caller).await;
    io.unwrap();
    assert_eq!(read, list_bytes());
    assert_eq!(call_take(&caller).await.unwrap(), list_bytes());
}

/// Upstream subscribes to the wildcard as if it was a subject, and gives out no reader of it. Its
/// writers know nothing of that.
#[tokio::test(flavor = "multi_thread")]
async fn upstream_writes_streams_of_a_list_and_reads_none() {
    let server = NatsServer::start().await;
    let (new, old) = (new(&server).await, old(&server).await);
    {
        let _serving = (give(&old).await, take(&old).await);
        let (read, io) = call_give(&new).await;
        io.unwrap();
        assert_eq!(read, list_bytes());
        let refused = call_take(&new).await.unwrap_err();
        assert!(refused.contains("subscription not found"), "{refused}");
    }
    old.settled().await;
    {
        let _serving = (give(&new).await, take(&new).await);
        let (read, io) = call_give(&old).await;
        let refused = format!("{:#}", io.unwrap_err());
        assert!(refused.contains("subscription not found"), "{refused}");
        assert!(read.iter().all(Vec::is_empty));
        assert_eq!(call_take(&old).await.unwrap(), list_bytes());
    }
}

/// What the streams at single and wildcard paths, and below those, are asked for with.
const NESTED: [&[Option<usize>]; 4] = [
    &[None],
    &[None, Some(0)],
    &[Some(2), None, Some(1)],
    &[Some(2)],
];

/// Streams of them.
const ASKED: [&[usize]; 6] = [&[0], &[0, 0], &[7], &[7, 0], &[2], &[2, 9, 1]];

/// Streams of none of them.
const NOT_ASKED: [&[usize]; 4] = [&[0, 1], &[0, 0, 0], &[3, 9, 1], &[2, 9, 0]];

fn text(path: &[usize]) -> Vec<u8> {
    format!("{path:?}").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_stream_that_was_asked_for_is_read_and_no_other() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let _serving = serve(
        &target.wrpc,
        "nested",
        paths(&NESTED),
        |_, mut results, params| async move {
            // Each parameter stream is sent back.
            for path in ASKED {
                let mut stream = params.index(path).unwrap();
                let read = read_to_end(&mut stream).await;
                let mut stream = results.index(path).unwrap();
                stream.write_all(&read).await.unwrap();
                stream.shutdown().await.unwrap();
            }
            for path in NOT_ASKED {
                let mut stream = params.index(path).unwrap();
                let read = stream.read_u8().await;
                assert_failed(read, RpcErrorKind::Protocol, Delivery::Accepted);
                let mut stream = results.index(path).unwrap();
                stream.write_all(b"nobody").await.unwrap();
                stream.shutdown().await.unwrap();
            }
            results.shutdown().await.unwrap();
        },
    )
    .await;
    let (mut params, mut results) = call_nested(&caller).await;
    for path in ASKED.into_iter().chain(NOT_ASKED) {
        // Once below the root, once below the one above.
        let (first, rest) = path.split_at(1);
        let mut stream = match rest {
            [] => params.index(first).unwrap(),
            rest => params.index(first).unwrap().index(rest).unwrap(),
        };
        stream.write_all(&text(path)).await.unwrap();
        stream.shutdown().await.unwrap();
    }
    params.shutdown().await.unwrap();
    for path in ASKED {
        let (first, rest) = path.split_at(1);
        let mut stream = match rest {
            [] => results.index(first).unwrap(),
            rest => results.index(first).unwrap().index(rest).unwrap(),
        };
        assert_eq!(read_to_end(&mut stream).await, text(path));
    }
    for path in NOT_ASKED {
        let read = results.index(path).unwrap().read_u8().await;
        assert_failed(read, RpcErrorKind::Protocol, Delivery::Accepted);
    }
    assert_eq!(read_to_end(&mut results).await, b"");
    assert!(results.index(&[]).is_err() && params.index(&[]).is_err());
}

async fn call_nested<C: Caller>(caller: &Peer<C>) -> (C::Outgoing, C::Incoming) {
    let call = caller
        .wrpc
        .invoke(C::context(), INSTANCE, "nested", Bytes::new(), NESTED);
    guard("a call", call).await.unwrap()
}
