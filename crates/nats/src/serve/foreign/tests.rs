use core::future::pending;
use core::time::Duration;
use std::sync::{Arc, Mutex};

use tower::{BoxError, Service as _, ServiceBuilder, ServiceExt as _, service_fn};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::ForeignLayer;
use crate::serve::deadline::DeadlineLayer;
use crate::serve::testing::Server;
use crate::serve::{Accepted, Request, handler};

const SECOND: Duration = Duration::from_secs(1);

fn assert_failed(outcome: Result<(), RpcError>, kind: RpcErrorKind, delivery: Delivery) {
    let error = outcome.unwrap_err();
    let found = (error.kind(), error.delivery());
    assert_eq!(found, (kind, delivery), "{error}");
}

async fn hang(accepted: Accepted) -> Result<(), RpcError> {
    let _accepted = accepted;
    pending().await
}

#[tokio::test(start_paused = true)]
async fn towers_limit_sheds_by_its_load_shed() {
    let server = Server::new().await;
    let mut service = ServiceBuilder::new()
        .layer(ForeignLayer::new())
        .layer(tower::load_shed::LoadShedLayer::new())
        .layer(tower::limit::ConcurrencyLimitLayer::new(1))
        .service(handler(hang));
    let first = service.ready().await.unwrap().call(server.request());
    let shed = service.clone().oneshot(server.request()).await;
    assert_failed(shed, RpcErrorKind::Overloaded, Delivery::NotSent);
    drop(first);
    let second = tokio::time::timeout(SECOND, service.oneshot(server.request()));
    assert!(second.await.is_err(), "it runs");
}

#[tokio::test(start_paused = true)]
async fn without_load_shed_towers_limit_makes_calls_wait() {
    let server = Server::new().await;
    let mut service = ServiceBuilder::new()
        .layer(DeadlineLayer::new(SECOND))
        .layer(ForeignLayer::new())
        .layer(tower::limit::ConcurrencyLimitLayer::new(1))
        .service(handler(hang));
    let first = tokio::spawn(service.ready().await.unwrap().call(server.request()));
    while server.calls() == 0 {
        tokio::task::yield_now().await;
    }
    let second = service.clone().oneshot(server.request()).await;
    assert_failed(second, RpcErrorKind::Timeout, Delivery::NotSent);
    let first = first.await.unwrap();
    assert_failed(first, RpcErrorKind::Timeout, Delivery::Accepted);
}

#[tokio::test(start_paused = true)]
async fn towers_timeout_says_what_is_proven() {
    let server = Server::new().await;
    let layers = || {
        ServiceBuilder::new()
            .layer(ForeignLayer::new())
            .layer(tower::timeout::TimeoutLayer::new(SECOND))
    };
    let taken = layers().service(handler(hang));
    let outcome = taken.oneshot(server.request()).await;
    assert_failed(outcome, RpcErrorKind::Timeout, Delivery::Accepted);
    let untaken = layers().service(service_fn(async |request: Request| {
        let _request = request;
        pending::<Result<(), RpcError>>().await
    }));
    let outcome = untaken.oneshot(server.request()).await;
    assert_failed(outcome, RpcErrorKind::Timeout, Delivery::NotSent);
}

#[tokio::test(start_paused = true)]
async fn what_is_still_in_a_queue_is_not_run_later() {
    let server = Server::new().await;
    let queue = Arc::new(Mutex::new(None));
    let in_service = Arc::clone(&queue);
    let service = ServiceBuilder::new()
        .layer(ForeignLayer::new())
        .layer(tower::timeout::TimeoutLayer::new(SECOND))
        .service(service_fn(move |request: Request| {
            *in_service.lock().unwrap() = Some(request);
            pending::<Result<(), RpcError>>()
        }));
    let outcome = service.oneshot(server.request()).await;
    assert_failed(outcome, RpcErrorKind::Timeout, Delivery::NotSent);
    let request = queue.lock().unwrap().take().unwrap();
    let late = handler(async |_: Accepted| panic!("it runs")).oneshot(request);
    assert_failed(late.await, RpcErrorKind::Timeout, Delivery::NotSent);
}

#[tokio::test]
async fn errors_that_are_known_pass_and_others_are_other() {
    let server = Server::new().await;
    let known = RpcError::new(RpcErrorKind::Protocol, Delivery::Unknown, "known");
    let wrapped = std::io::Error::from(known);
    let service = ForeignLayer::new();
    let failing = |error: BoxError| {
        let error = Mutex::new(Some(error));
        ServiceBuilder::new()
            .layer(service)
            .service(service_fn(move |_: Request| {
                core::future::ready(Err::<(), _>(error.lock().unwrap().take().unwrap()))
            }))
    };
    let outcome = failing(wrapped.into()).oneshot(server.request()).await;
    assert_failed(outcome, RpcErrorKind::Protocol, Delivery::Unknown);
    let outcome = failing("unknown".into()).oneshot(server.request()).await;
    assert_failed(outcome, RpcErrorKind::Other, Delivery::NotSent);
}
