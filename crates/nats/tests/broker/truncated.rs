//! Callers whose parameters do not come.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::Options;
use wrpc_transport::Invoke as _;

use crate::support::both::{assert_echoes, new, new_with};
use crate::support::errors::{read_to_end, read_to_failure};
use crate::support::peers::{INSTANCE, NO_PATHS, context, echo};
use crate::support::raw::{call_subject, publish};
use crate::support::serving::{paths, serve};
use wrpc_middleware_testing::nats::{NatsServer, round_trip};
use wrpc_middleware_testing::wait::{guard, until};

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
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
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
    let _nats = truncated(&server, "read", CALLERS / 2).await;
    // These are gone before anybody could have answered them.
    drop(truncated(&server, "read", CALLERS / 2).await);
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
    assert_eq!(runs.load(Ordering::Relaxed), CALLERS + 1);
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
