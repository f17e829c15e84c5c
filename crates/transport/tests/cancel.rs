//! A call that is dropped, wherever it waits, leaves nothing behind: of the layers whose own tests
//! don't say so.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use core::time::Duration;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use support::{Mock, drop_at_every_await, invocation};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::yield_now;
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};
use wrpc_middleware_transport::foreign::ForeignLayer;
use wrpc_middleware_transport::link::{LinkAuthorizationLayer, LinkRequest};
use wrpc_middleware_transport::liveness::TargetLivenessLayer;
use wrpc_middleware_transport::retry::RetryPolicy;
use wrpc_middleware_transport::{Channels, Delivery, Invocation, RpcError, RpcErrorKind, Target};
use wrpc_transport::Index;

/// Longer than anything in here waits.
const AGES: Duration = Duration::from_hours(10);

/// A target that lets its caller wait at every step.
fn slow() -> Mock {
    Mock::new(|call, _| {
        let call = call.clone();
        tokio::spawn(async move {
            yield_now().await;
            call.publish();
            yield_now().await;
            call.accept();
            yield_now().await;
            call.send(&[], b"results");
            call.send(&[0], b"nested");
            yield_now().await;
            call.close(&[0]);
            yield_now().await;
            call.close(&[]);
        });
    })
}

/// One call from its parameters to the end of its results, those of a nested stream included.
async fn whole_call<S, O, I>(service: S)
where
    S: Service<Invocation<()>, Response = Channels<O, I>, Error = RpcError>,
    O: AsyncWrite + Index<O> + Unpin,
    I: AsyncRead + Index<I> + Unpin,
{
    let Channels {
        mut outgoing,
        mut incoming,
        ..
    } = service.oneshot(invocation()).await.unwrap();
    let mut to_child = outgoing.index(&[0]).unwrap();
    let mut from_child = incoming.index(&[0]).unwrap();
    to_child.write_all(b"nested").await.unwrap();
    to_child.shutdown().await.unwrap();
    outgoing.shutdown().await.unwrap();
    let (mut nested, mut results) = (Vec::new(), Vec::new());
    from_child.read_to_end(&mut nested).await.unwrap();
    incoming.read_to_end(&mut results).await.unwrap();
    assert_eq!((&*nested, &*results), (&b"nested"[..], &b"results"[..]));
}

/// Drops a call over `service` at every await, and asserts that no stream and no pending
/// invocation of `mock` outlives it. Returns at how many.
async fn assert_leaves_nothing<S, O, I>(mock: &Mock, service: S) -> usize
where
    S: Service<Invocation<()>, Response = Channels<O, I>, Error = RpcError> + Clone,
    O: AsyncWrite + Index<O> + Unpin,
    I: AsyncRead + Index<I> + Unpin,
{
    let dropped = AtomicUsize::new(0);
    drop_at_every_await(
        || whole_call(service.clone()),
        |polls| {
            assert_eq!(mock.alive(), 0, "dropped after {polls} polls");
            dropped.store(polls, Ordering::SeqCst);
        },
    )
    .await;
    let calls = mock.count();
    tokio::time::sleep(AGES).await;
    assert_eq!(mock.count(), calls, "a call that nobody waits for");
    dropped.into_inner()
}

/// How many steps of [`slow`] a call waits for, and so how often it is dropped at least.
const STEPS: usize = 5;

#[tokio::test(start_paused = true)]
async fn the_leaf_alone() {
    let mock = slow();
    assert!(assert_leaves_nothing(&mock, mock.leaf()).await >= STEPS);
    let mock = slow();
    assert!(assert_leaves_nothing(&mock, mock.plain_leaf()).await >= STEPS);
}

#[tokio::test(start_paused = true)]
async fn link_authorization() {
    let mock = slow();
    let asked = Arc::new(AtomicUsize::new(0));
    let policy = {
        let asked = Arc::clone(&asked);
        move |_: &LinkRequest<'_>| {
            asked.fetch_add(1, Ordering::SeqCst);
            Target::new("anyone").ok()
        }
    };
    let service = LinkAuthorizationLayer::new(policy).layer(mock.leaf());
    assert!(assert_leaves_nothing(&mock, service).await >= STEPS);
    // One verdict, one call: a verdict of a call that was given up serves no other.
    assert_eq!(asked.load(Ordering::SeqCst), mock.count());
}

#[tokio::test(start_paused = true)]
async fn foreign_layers() {
    let mock = slow();
    let service = ServiceBuilder::new()
        .layer(ForeignLayer::new())
        .load_shed()
        .timeout(AGES)
        .service(mock.leaf());
    assert!(assert_leaves_nothing(&mock, service).await >= STEPS);
}

#[tokio::test(start_paused = true)]
async fn retries() {
    const WAIT: Duration = Duration::from_secs(1);
    // Whether the target is absent to the next attempt: to the first one of every call.
    let absent = Arc::new(AtomicBool::new(false));
    let mock = Mock::new({
        let absent = Arc::clone(&absent);
        move |call, _| {
            let (call, absent) = (call.clone(), absent.swap(false, Ordering::SeqCst));
            tokio::spawn(async move {
                yield_now().await;
                call.publish();
                yield_now().await;
                if absent {
                    return call.fail(io::ErrorKind::NotConnected);
                }
                call.accept();
                yield_now().await;
                call.send(&[], b"results");
                call.send(&[0], b"nested");
                call.close(&[0]);
                call.close(&[]);
            });
        }
    });
    let service = ServiceBuilder::new()
        .retry(RetryPolicy::new(1).backoff(WAIT, WAIT))
        .layer(TargetLivenessLayer::new(AGES))
        .service(mock.leaf());
    let first = {
        let absent = Arc::clone(&absent);
        service_fn(move |invocation: Invocation<()>| {
            absent.store(true, Ordering::SeqCst);
            service.clone().oneshot(invocation)
        })
    };

    let drops = assert_leaves_nothing(&mock, first).await;

    // Dropped before the first attempt it makes none, and before the second just the first: the
    // numbers of calls tell that both kinds of drops were seen.
    assert!(drops >= STEPS);
    assert!(mock.count() > drops && mock.count() < 2 * drops, "{drops}");
}

/// A layer that goes on with the call by itself is what the tests above would find.
#[tokio::test(start_paused = true)]
async fn control_a_layer_that_spawns_its_calls_leaves_them_behind() {
    let mock = Mock::new(|_, _| {});
    let leaf = mock.leaf();
    let spawning = service_fn(move |invocation: Invocation<()>| {
        let call = tokio::spawn(leaf.clone().oneshot(invocation));
        async move {
            call.await.unwrap_or_else(|_| {
                let message = "f: the task is gone";
                Err(RpcError::new(
                    RpcErrorKind::Other,
                    Delivery::Unknown,
                    message,
                ))
            })
        }
    });
    let mut call = Box::pin(spawning.oneshot(invocation()));
    assert!(futures::poll!(&mut call).is_pending());
    drop(call);
    yield_now().await;
    assert_eq!((mock.count(), mock.alive()), (1, 1), "nobody waits for it");
}
