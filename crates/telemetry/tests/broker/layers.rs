//! The layers of `tower` services that serve calls.

use futures::future::pending;
use tokio::io::AsyncWriteExt as _;
use tower::{Service, ServiceBuilder};
use wrpc_middleware_nats::Client;
use wrpc_middleware_nats::serve::{Accepted, Request, handler};
use wrpc_middleware_telemetry::metrics::served::{ServeMetricsLayer, ServerMetrics};
use wrpc_middleware_telemetry::metrics::{SERVER_CALLS, SERVER_CALLS_IN_FLIGHT};
use wrpc_middleware_telemetry::trace::served::ServeTraceLayer;
use wrpc_middleware_transport::{Delivery, RpcError, RpcErrorKind};
use wrpc_transport::Invoke as _;

use crate::support::peers::{INSTANCE, NO_PATHS, Running, ask, client, to};
use crate::support::recorded::Recorded;
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::{guard, until};

async fn serve<S>(target: &Client, service: S) -> (Running, Recorded)
where
    S: Service<Request, Response = (), Error = RpcError> + Clone + Send + 'static,
    S::Future: Send,
{
    let recorded = Recorded::new();
    let metrics = ServerMetrics::new(recorded.options());
    let service = ServiceBuilder::new()
        .layer(ServeMetricsLayer::new(metrics))
        .layer(ServeTraceLayer::new())
        .service(service);
    let serving = target.serve_service(INSTANCE, "f", [], service).await;
    let serving = serving.expect("serve");
    let running = tokio::spawn(async move { serving.await.expect("an end") });
    (Running(running), recorded)
}

fn labels(outcome: &str) -> [(&'static str, &str); 3] {
    [
        ("instance", "test:app/echo"),
        ("function", "f"),
        ("outcome", outcome),
    ]
}

#[tokio::test]
async fn an_outcome_is_what_the_service_answered() {
    let server = NatsServer::start().await;
    let (target, caller) = (client(&server, "target").await, client(&server, "a").await);
    let (_running, recorded) = serve(
        &target,
        handler(async |(_, mut results, params): Accepted| {
            drop(params);
            results
                .write_all(b"answer")
                .await
                .map_err(RpcError::classify)?;
            results.shutdown().await.map_err(RpcError::classify)
        }),
    )
    .await;
    ask(&caller, to("target"), "f").await.unwrap();
    until("an outcome", async || {
        recorded.sum(SERVER_CALLS, &labels("ok")) as u32 == 1
    })
    .await;
    recorded.assert_only(SERVER_CALLS_IN_FLIGHT, &[], 0.0);
    assert!(!recorded.render().contains("target="));
}

#[tokio::test]
async fn a_failure_is_its_case() {
    let server = NatsServer::start().await;
    let (target, caller) = (client(&server, "target").await, client(&server, "a").await);
    let (_running, recorded) = serve(
        &target,
        tower::service_fn(async |request: Request| {
            drop(request);
            let kind = RpcErrorKind::Overloaded;
            Err(RpcError::new(kind, Delivery::NotSent, "f: later"))
        }),
    )
    .await;
    ask(&caller, to("target"), "f").await.unwrap_err();
    until("an outcome", async || {
        recorded.sum(SERVER_CALLS, &labels("overloaded")) as u32 == 1
    })
    .await;
    recorded.assert_only(SERVER_CALLS, &[("delivery", "not-sent")], 1.0);
}

#[tokio::test]
async fn a_caller_that_gives_up_cancels() {
    let server = NatsServer::start().await;
    let (target, caller) = (client(&server, "target").await, client(&server, "a").await);
    let (_running, recorded) = serve(
        &target,
        handler(async |(context, results, params): Accepted| {
            let ran = context.run(pending::<()>()).await;
            drop((results, params));
            ran
        }),
    )
    .await;
    let call = caller.invoke(to("target"), INSTANCE, "f", "".into(), NO_PATHS);
    let (mut params, results) = guard("a call", call).await.unwrap();
    guard("a handshake", params.flush()).await.unwrap();
    recorded.assert_only(SERVER_CALLS_IN_FLIGHT, &[], 1.0);
    drop((params, results));
    until("an outcome", async || {
        recorded.sum(SERVER_CALLS, &labels("cancelled")) as u32 == 1
    })
    .await;
    recorded.assert_only(SERVER_CALLS_IN_FLIGHT, &[], 0.0);
}

#[tokio::test]
async fn what_is_dropped_with_its_server_was_cancelled() {
    let server = NatsServer::start().await;
    let (target, caller) = (client(&server, "target").await, client(&server, "a").await);
    let (running, recorded) = serve(&target, tower::service_fn(|_: Request| pending())).await;
    let call = caller.invoke(to("target"), INSTANCE, "f", "".into(), NO_PATHS);
    let _streams = guard("a call", call).await.unwrap();
    until("a call that runs", async || {
        recorded.sum(SERVER_CALLS_IN_FLIGHT, &[]) as u32 == 1
    })
    .await;
    drop(running);
    until("an outcome", async || {
        recorded.sum(SERVER_CALLS, &labels("cancelled")) as u32 == 1
    })
    .await;
    recorded.assert_only(SERVER_CALLS_IN_FLIGHT, &[], 0.0);
}
