//! Callers that stop sending their parameters.

use core::time::Duration;
use std::sync::atomic::Ordering::SeqCst;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep};
use wrpc_middleware_runtime::{
    DecodeError, ExportServer, InvocationError, InvocationFailure, ServeExt as _,
};
use wrpc_transport::Invoke as _;

use crate::guests;
use crate::host::{Shared, engine, prepare};
use crate::net::{Calls, Net, SYNC};

const CALC: &str = "test:serve/calc";

/// The first of the two parameters of `add`.
const HALF: Bytes = Bytes::from_static(&[1]);

const DEFAULT: Duration = Duration::from_secs(30);

fn assert_idle(error: &InvocationError, after: Duration) {
    assert!(
        matches!(
            error.failure(),
            InvocationFailure::Parameters(DecodeError::Idle(limit)) if *limit == after
        ),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_caller_fell_silent_is_forgotten() {
    for (set, expected) in [(None, DEFAULT), (Some(1), Duration::from_secs(1))] {
        let engine = engine();
        let component = prepare(&engine, &guests::calc());
        let shared = Shared::default();
        let made = shared.clone();
        let mut server = ExportServer::new(component, move || made.store(&engine));
        if let Some(seconds) = set {
            server = server.params_timeout(Duration::from_secs(seconds));
        }
        let net = Net::default();
        let mut calls = Calls::run(server.serve(net.transport()).await.unwrap());
        let start = Instant::now();
        // The caller is alive, and stays so.
        let (_outgoing, mut incoming) = net
            .connect()
            .invoke((), CALC, "add", HALF, SYNC)
            .await
            .unwrap();
        assert_idle(&calls.next().await.unwrap_err(), expected);
        let waited = start.elapsed();
        assert!(waited >= expected && waited < expected + Duration::from_secs(1));
        // Nothing of it is left: neither streams nor a store.
        assert_eq!(incoming.read_to_end(&mut Vec::new()).await.unwrap(), 0);
        assert_eq!(shared.stores.load(SeqCst), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn parameters_that_keep_coming_may_take_long() {
    let engine = engine();
    let component = prepare(&engine, &guests::calc());
    let shared = Shared::default();
    let server = ExportServer::new(component, move || shared.store(&engine));
    let net = Net::default();
    let mut calls = Calls::run(server.serve(net.transport()).await.unwrap());
    let length = Bytes::from_static(&[10]);
    let (mut outgoing, mut incoming) = net
        .connect()
        .invoke((), CALC, "echo", length, SYNC)
        .await
        .unwrap();
    for _ in 0..10 {
        sleep(DEFAULT.mul_f32(0.9)).await;
        outgoing.write_all(b"x").await.unwrap();
        outgoing.flush().await.unwrap();
    }
    let mut result = Vec::new();
    incoming.read_to_end(&mut result).await.unwrap();
    assert_eq!(result, b"\x0axxxxxxxxxx");
    calls.next().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_single_function_has_the_default_bound() {
    let engine = engine();
    let component = prepare(&engine, &guests::calc());
    let shared = Shared::default();
    let ty = crate::ext::function(component.component(), CALC, "add");
    let net = Net::default();
    let calls = net
        .transport()
        .serve_function(
            move || shared.store(&engine),
            component,
            crate::ext::no_host_resources(),
            ty,
            CALC,
            "add",
        )
        .await
        .unwrap();
    let mut calls = Box::pin(calls);
    let client = net.connect();
    let call = client.invoke((), CALC, "add", HALF, SYNC);
    let (call, taken) = tokio::join!(call, calls.next());
    let _alive = call.unwrap();
    let ((), invocation) = taken.unwrap().unwrap();
    let error = tokio::time::timeout(DEFAULT * 2, invocation).await;
    let error = error.expect("the call ends").unwrap_err();
    assert_idle(error.downcast_ref().unwrap(), DEFAULT);
}
