use core::time::Duration;
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt as _;
use tower::{Layer as _, Service as _, ServiceExt as _};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_transport::Index as _;

use super::ConcurrencyLimitLayer;
use crate::serve::testing::{NeverReady, Server};
use crate::serve::{Accepted, handler};

fn assert_shed(outcome: Result<(), RpcError>) {
    let error = outcome.unwrap_err();
    let found = (error.kind(), error.delivery(), error.message());
    let message = "test:app/echo@0.1.0#echo: too many calls are running";
    assert_eq!(
        found,
        (RpcErrorKind::Overloaded, Delivery::NotSent, message)
    );
}

#[tokio::test]
async fn a_call_runs_until_its_streams_are_gone() {
    let server = Server::new().await;
    let layer = ConcurrencyLimitLayer::new(1);
    // The response future ends at once, and the streams are somebody else's.
    let running = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&running);
    let service = layer.layer(handler(move |accepted: Accepted| {
        *slot.lock().unwrap() = Some(accepted);
        async { Ok(()) }
    }));
    for _ in 0..2 {
        service.clone().oneshot(server.request()).await.unwrap();
        assert_eq!(layer.available(), 0);
        // Another service of the same layer shares its limit.
        let other = layer.layer(handler(async |_: Accepted| panic!("it runs")));
        assert_shed(other.oneshot(server.request()).await);
        let (context, mut results, params) = running.lock().unwrap().take().unwrap();
        drop(context);
        drop(params);
        let child = results.index(&[0]).unwrap();
        results.shutdown().await.unwrap();
        drop(results);
        assert_shed(service.clone().oneshot(server.request()).await);
        drop(child);
        assert_eq!(layer.available(), 1);
    }
}

#[tokio::test]
async fn a_call_that_was_not_taken_gives_its_place_back() {
    let server = Server::new().await;
    let layer = ConcurrencyLimitLayer::new(1);
    let mut service = layer.layer(NeverReady);
    service.ready().await.unwrap();
    let waiting = service.call(server.request());
    assert_eq!(layer.available(), 0);
    drop(waiting);
    assert_eq!(layer.available(), 1);
}

#[tokio::test]
async fn shedding_waits_for_nothing() {
    let server = Server::new().await;
    let service = ConcurrencyLimitLayer::new(0).layer(NeverReady);
    assert_shed(service.oneshot(server.request()).await);
    // The control: what is let through waits.
    let service = ConcurrencyLimitLayer::new(usize::MAX).layer(NeverReady);
    let waits = tokio::time::timeout(Duration::from_millis(10), service.oneshot(server.request()));
    assert!(waits.await.is_err());
}
