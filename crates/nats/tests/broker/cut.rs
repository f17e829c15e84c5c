//! Results of which a part is lost on the way.

use core::ops::Range;
use core::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinHandle;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::{ConnectionState, Options};
use wrpc_transport::{Index as _, Invoke as _};

use crate::support::both::{call as open, new, new_with};
use crate::support::errors::{read_to_end, read_to_failure};
use crate::support::peers::{INSTANCE, context};
use crate::support::raw::{RawTarget, call_subject, publish};
use crate::support::serving::{paths, serve};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::guard;

/// Stands between a caller and the target of `inner`, which it calls for every call of `outer`, and
/// lets the messages in `lost` of the results go missing.
async fn relay(server: &NatsServer, lost: Range<usize>) -> JoinHandle<()> {
    let mut outer = RawTarget::start(server, "outer").await;
    let nats = outer.nats.clone();
    tokio::spawn(async move {
        loop {
            let call = outer.call().await;
            let inbox = nats.new_inbox();
            let mut messages = nats.subscribe(format!("{inbox}.>")).await.unwrap();
            let reply = format!("{inbox}.call");
            let params = call.message.payload.clone();
            publish(&nats, call_subject("inner"), Some(&reply), None, params).await;
            let mut seen = 0;
            while let Some(message) = messages.next().await {
                let below = message.subject.strip_prefix(&*reply).unwrap();
                if below.starts_with(".results") {
                    seen += 1;
                    if lost.contains(&(seen - 1)) {
                        continue;
                    }
                }
                let subject = format!("{}{below}", call.reply);
                let reply = message.reply.as_deref();
                publish(&nats, subject, reply, message.headers, message.payload).await;
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_with_a_part_cut_out_fails() {
    const PART: usize = 64 << 10;
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let _serving = serve(
        &target.wrpc,
        "inner",
        paths(&[]),
        |_, mut results, _| async move {
            for n in 0..8 {
                results.write_all(&vec![n; PART]).await.unwrap();
            }
            results.shutdown().await.unwrap();
        },
    )
    .await;
    for lost in [0..0, 0..1, 3..4, 7..8, 2..6, 1..8] {
        let relay = relay(&server, lost.clone()).await;
        let (_params, mut results) = open(&caller, "outer").await;
        if lost.is_empty() {
            assert_eq!(read_to_end(&mut results).await.len(), 8 * PART);
        } else {
            let kind = RpcErrorKind::Transport;
            let (read, error) = read_to_failure(&mut results, kind, Delivery::Accepted).await;
            assert_eq!(read.len(), lost.start * PART);
            assert!(error.message().contains("went missing"), "{error}");
        }
        relay.abort();
        // Its subscription is gone with it.
        let _ = relay.await;
    }
}

/// The end itself is lost: nothing tells but that the target is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_result_without_an_end_is_none() {
    let server = NatsServer::start().await;
    let mut target = RawTarget::start(&server, "raw").await;
    let options = Options::new().keepalive(Some(Duration::from_millis(200)));
    let caller = new_with(&server, options).await;
    let (_params, mut results) = open(&caller, "raw").await;
    let call = target.call().await;
    let (below, _) = call.accept().await;
    call.results("", None, "all").await;
    call.sent().await;
    drop(below);
    let kind = RpcErrorKind::TargetFailed;
    let (read, _) = read_to_failure(&mut results, kind, Delivery::Accepted).await;
    assert_eq!(read, b"all");
}

/// Where the number of streams is only known to the results, one may be to come when all that are
/// known have ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_has_not_begun_fails_with_the_connection() {
    let mut server = NatsServer::start().await;
    let caller = new(&server).await;
    let mut target = RawTarget::start(&server, "raw").await;
    let any: [[Option<usize>; 1]; 1] = [[None]];
    let call = caller
        .wrpc
        .invoke(context(), INSTANCE, "raw", Bytes::new(), any);
    let (_params, mut results) = guard("a call", call).await.unwrap();
    let call = target.call().await;
    let (_below, _) = call.accept().await;
    for path in ["", ".0"] {
        call.results(path, None, "whole").await;
        call.results(path, None, "").await;
    }
    call.sent().await;
    caller.wrpc.round_trip().await.unwrap();
    server.kill();
    let mut state = caller.wrpc.connection_state();
    let lost = state.wait_for(|state| *state != ConnectionState::Connected);
    guard("the loss", lost).await.unwrap();
    // What is whole is whole.
    assert_eq!(read_to_end(&mut results).await, b"whole");
    assert_eq!(
        read_to_end(&mut results.index(&[0]).unwrap()).await,
        b"whole"
    );
    let mut late = results.index(&[1]).unwrap();
    read_to_failure(&mut late, RpcErrorKind::Transport, Delivery::Accepted).await;
}
