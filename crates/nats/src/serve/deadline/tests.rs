use core::future::pending;
use core::time::Duration;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tower::{Layer as _, ServiceExt as _, service_fn};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_transport::{CallContext as _, Context};

use super::DeadlineLayer;
use crate::serve::testing::{NeverReady, OnDrop, Server};
use crate::serve::{Accepted, CallerGone, Request, handler};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

/// How long the call takes that ends as `timeout` with this delivery.
async fn times_out(
    call: impl Future<Output = Result<(), RpcError>>,
    delivery: Delivery,
) -> Duration {
    let start = Instant::now();
    let error = call.await.unwrap_err();
    let (kind, found) = (error.kind(), error.delivery());
    assert_eq!((kind, found), (RpcErrorKind::Timeout, delivery), "{error}");
    assert!(error.message().starts_with("test:app/echo@0.1.0#echo: "));
    start.elapsed()
}

/// Timers are of milliseconds.
fn assert_about(elapsed: Duration, expected: Duration) {
    let range = expected..=expected + Duration::from_millis(2);
    assert!(range.contains(&elapsed), "{elapsed:?} is not {expected:?}");
}

/// Takes the call and never ends.
async fn hang(accepted: Accepted) -> Result<(), RpcError> {
    let _accepted = accepted;
    pending().await
}

#[tokio::test(start_paused = true)]
async fn the_earlier_deadline_ends_the_service() {
    let server = Server::new().await;
    for (own, callers, expected) in [
        (SECOND, None, SECOND),
        (SECOND, Some(HOUR), SECOND),
        (HOUR, Some(SECOND), SECOND),
        (Duration::MAX, Some(2 * SECOND), 2 * SECOND),
    ] {
        let service = DeadlineLayer::new(own).layer(handler(hang));
        let request = match callers {
            Some(callers) => server.request_within(callers),
            None => server.request(),
        };
        let elapsed = times_out(service.oneshot(request), Delivery::Accepted).await;
        assert_about(elapsed, expected);
        assert_eq!(server.calls(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_chooses_by_function() {
    let server = Server::new().await;
    let policy = |instance: &str, func: &str| {
        assert_eq!((instance, func), ("test:app/echo@0.1.0", "echo"));
        3 * SECOND
    };
    let service = DeadlineLayer::new(policy).layer(handler(hang));
    let elapsed = times_out(service.oneshot(server.request()), Delivery::Accepted).await;
    assert_about(elapsed, 3 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn without_a_deadline_a_call_goes_on() {
    let server = Server::new().await;
    let service = DeadlineLayer::callers().layer(handler(hang));
    let call = service.oneshot(server.request());
    assert!(timeout(24 * HOUR, call).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_ends_in_time_is_left_alone() {
    let server = Server::new().await;
    let service =
        DeadlineLayer::new(SECOND).layer(handler(async |(_, mut results, mut params)| {
            let mut bytes = [0; 6];
            params.read_exact(&mut bytes).await.unwrap();
            tokio::time::sleep(SECOND / 2).await;
            results.write_all(&bytes).await.unwrap();
            results.shutdown().await.unwrap();
            Ok(())
        }));
    service.oneshot(server.request()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_not_taken_is_not_sent() {
    let server = Server::new().await;
    let dropped = Arc::new(AtomicUsize::new(0));
    let in_service = Arc::clone(&dropped);
    let service = DeadlineLayer::new(SECOND).layer(service_fn(move |request: Request| {
        let counted = OnDrop(Arc::clone(&in_service));
        async move {
            let _both = (request, counted);
            pending().await
        }
    }));
    let elapsed = times_out(service.oneshot(server.request()), Delivery::NotSent).await;
    assert_about(elapsed, SECOND);
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn readiness_is_bounded() {
    let server = Server::new().await;
    let service = DeadlineLayer::new(SECOND).layer(NeverReady);
    let elapsed = times_out(service.oneshot(server.request()), Delivery::NotSent).await;
    assert_about(elapsed, SECOND);
}

#[tokio::test(start_paused = true)]
async fn what_comes_too_late_is_not_run() {
    let server = Server::new().await;
    let service = DeadlineLayer::new(HOUR).layer(handler(async |_| panic!("it runs")));
    let request = server.request_within(SECOND);
    tokio::time::advance(SECOND).await;
    let elapsed = times_out(service.oneshot(request), Delivery::NotSent).await;
    assert_about(elapsed, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_a_queue_is_not_run_after_its_deadline() {
    let server = Server::new().await;
    let queue = Arc::new(Mutex::new(Vec::new()));
    let in_service = Arc::clone(&queue);
    let service = DeadlineLayer::new(SECOND).layer(service_fn(move |request: Request| {
        in_service.lock().unwrap().push(request);
        pending()
    }));
    for _ in 0..2 {
        times_out(service.clone().oneshot(server.request()), Delivery::NotSent).await;
    }
    let mut queued = core::mem::take(&mut *queue.lock().unwrap()).into_iter();
    let error = queued.next().unwrap().try_accept().unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Timeout);
    // One who takes it all the same gets nothing to work on.
    let (context, mut results, mut params) = queued.next().unwrap().accept();
    context.given_up().await;
    for error in [
        params.read_u8().await.unwrap_err(),
        results.write_u8(0).await.unwrap_err(),
    ] {
        let error = RpcError::find(&error).unwrap();
        let found = (error.kind(), error.delivery());
        assert_eq!(found, (RpcErrorKind::Timeout, Delivery::NotSent));
    }
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_caller_gives_up() {
    let server = Server::new().await;
    let start = Instant::now();
    let service = DeadlineLayer::new(HOUR).layer(handler(hang));
    let call = tokio::spawn(service.oneshot(server.request()));
    while server.calls() == 0 {
        tokio::task::yield_now().await;
    }
    server.give_up();
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.delivery(), Delivery::Accepted);
    assert!(error.message().ends_with("the caller has given up"));
    let gone = core::error::Error::source(&error);
    assert!(gone.is_some_and(<dyn core::error::Error>::is::<CallerGone>));
    assert_about(start.elapsed(), Duration::ZERO);
    assert_eq!(server.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_caller_gives_up_on_another_task() {
    let server = Server::new().await;
    let start = Instant::now();
    // The response future is not polled when the call is taken.
    let service = DeadlineLayer::new(HOUR).layer(service_fn(async |request: Request| {
        let mut tasks = JoinSet::new();
        tasks.spawn(async {
            tokio::task::yield_now().await;
            hang(request.accept()).await
        });
        pending::<Result<(), RpcError>>().await
    }));
    let call = tokio::spawn(service.oneshot(server.request()));
    while server.calls() == 0 {
        tokio::task::yield_now().await;
    }
    server.give_up();
    call.await.unwrap().unwrap_err();
    assert_about(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn calls_that_the_service_takes_inherit_the_deadline() {
    let server = Server::new().await;
    let start = Instant::now();
    let service = DeadlineLayer::new(SECOND).layer(handler(async |(context, ..): Accepted| {
        let nested = context.nested(Context::new(None));
        assert_eq!(nested.deadline(), context.deadline());
        assert!(nested.deadline().is_some());
        Err(RpcError::new(
            RpcErrorKind::Other,
            Delivery::Accepted,
            format!(
                "{:?}",
                context.deadline().unwrap().duration_since(Instant::now())
            ),
        ))
    }));
    let error = service.oneshot(server.request()).await.unwrap_err();
    assert_eq!(error.message(), format!("{SECOND:?}"));
    assert_about(start.elapsed(), Duration::ZERO);
}
