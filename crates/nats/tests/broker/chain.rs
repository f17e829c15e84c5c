//! What goes through a chain of calls.

use core::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::Instant;
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_nats::Client;
use wrpc_transport::Invoke as _;

use crate::support::both::{Peer, new};
use crate::support::errors::read_to_end;
use crate::support::peers::{INSTANCE, NO_PATHS, context};
use crate::support::serving::{Serving, paths, serve};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::guard;

const HOUR: Duration = Duration::from_hours(1);

/// How far a deadline may have moved on its way, on a machine that does something else.
const SECOND: Duration = Duration::from_secs(1);

/// What remains of each call when it runs; none without a deadline.
type Remaining = mpsc::UnboundedReceiver<Option<Duration>>;

/// A calls B, which calls C before it answers; C does as A says.
async fn chain(b: &Peer<Client>, c: &Peer<Client>) -> ((Serving, Serving), Remaining) {
    let (sender, remaining) = mpsc::unbounded_channel();
    let last = serve(
        &c.wrpc,
        "c",
        paths(&[]),
        move |context, mut results, mut params| {
            let deadline = context.deadline();
            let left = deadline.map(|deadline| deadline.duration_since(Instant::now()));
            sender.send(left).unwrap();
            async move {
                if read_to_end(&mut params).await == b"trap" {
                    return drop(results);
                }
                results.write_all(b"c").await.unwrap();
                results.shutdown().await.unwrap();
            }
        },
    )
    .await;
    let client = b.wrpc.clone();
    let middle = serve(
        &b.wrpc,
        "b",
        paths(&[]),
        move |cx, mut results, mut params| {
            let client = client.clone();
            async move {
                let params = read_to_end(&mut params).await;
                let call =
                    client.invoke(cx.nested(context()), INSTANCE, "c", params.into(), NO_PATHS);
                let (mut params, mut answer) = call.await.unwrap();
                params.shutdown().await.unwrap();
                let mut read = Vec::new();
                let read = answer.read_to_end(&mut read).await;
                // What it makes of a failure is its own word.
                let said = match read {
                    Ok(_) => "well".to_owned(),
                    Err(error) => {
                        let error = RpcError::find_in(&error.into()).cloned().unwrap();
                        format!("{} {}", error.kind(), error.delivery())
                    }
                };
                results.write_all(said.as_bytes()).await.unwrap();
                results.shutdown().await.unwrap();
            }
        },
    )
    .await;
    ((last, middle), remaining)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_and_a_failure_go_through_a_chain() {
    let server = NatsServer::start().await;
    let (a, b, c) = (new(&server).await, new(&server).await, new(&server).await);
    let (_serving, mut remaining) = chain(&b, &c).await;
    for (params, said, timeout) in [
        ("", "well", Some(HOUR)),
        ("", "well", None),
        ("trap", "target-failed accepted", Some(HOUR)),
        ("trap", "target-failed accepted", None),
    ] {
        let now = Instant::now();
        let mut context = context();
        if let Some(timeout) = timeout {
            context = context.with_deadline(now + timeout);
        }
        let call = a
            .wrpc
            .invoke(context, INSTANCE, "b", params.into(), NO_PATHS);
        let (mut params, mut results) = guard("a call", call).await.unwrap();
        params.shutdown().await.unwrap();
        assert_eq!(read_to_end(&mut results).await, said.as_bytes());
        let left = guard("the call to run", remaining.recv()).await.unwrap();
        assert_eq!(left.is_some(), timeout.is_some());
        if let (Some(left), Some(timeout)) = (left, timeout) {
            assert!(
                left <= timeout && left + now.elapsed() + SECOND >= timeout,
                "{left:?}"
            );
        }
    }
}
