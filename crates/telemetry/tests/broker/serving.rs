//! Calls that are served by a `Serve`, as the runtime's adapter takes them.

use core::time::Duration;

use futures::StreamExt as _;
use futures::future::pending;
use tokio::io::AsyncWriteExt as _;
use wrpc_middleware_nats::{Incoming, Outgoing};
use wrpc_middleware_telemetry::call::Observed;
use wrpc_middleware_telemetry::metrics::served::ServerMetrics;
use wrpc_middleware_telemetry::metrics::{
    SERVER_CALL_DURATION, SERVER_CALLS, SERVER_CALLS_IN_FLIGHT,
};
use wrpc_middleware_telemetry::served::{ObservedServe, ServedCall, ServedObserver};
use wrpc_transport::{Invoke as _, Serve as _};

use crate::support::peers::{INSTANCE, NO_PATHS, Running, ask, client, to};
use crate::support::recorded::Recorded;
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::{guard, until};

type Call = (
    ServedCall,
    Observed<Outgoing, ServedObserver>,
    Observed<Incoming, ServedObserver>,
);

/// A target that does `work` for each call, and one who calls it.
struct Peers {
    recorded: Recorded,
    caller: wrpc_middleware_nats::Client,
    _running: Running,
    _server: NatsServer,
}

impl Peers {
    async fn start<F>(work: impl Fn(Call) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let server = NatsServer::start().await;
        let recorded = Recorded::new();
        let metrics = ServerMetrics::new(recorded.options());
        let transport = ObservedServe::new(client(&server, "target").await, metrics);
        let calls = transport.serve(INSTANCE, "f", []).await.expect("serve");
        let running = tokio::spawn(async move {
            let mut calls = core::pin::pin!(calls);
            while let Some(call) = calls.next().await {
                tokio::spawn(work(call.expect("a call")));
            }
        });
        Self {
            recorded,
            caller: client(&server, "a").await,
            _running: Running(running),
            _server: server,
        }
    }

    async fn ends_as(&self, outcome: &str) {
        let labels = [
            ("instance", "test:app/echo"),
            ("function", "f"),
            ("outcome", outcome),
        ];
        until(outcome, async || {
            self.recorded.sum(SERVER_CALLS, &labels) as u32 == 1
        })
        .await;
        self.recorded.assert_only(SERVER_CALLS, &labels, 1.0);
        let durations = format!("{SERVER_CALL_DURATION}_count");
        self.recorded.assert_only(&durations, &labels, 1.0);
        self.recorded.assert_only(SERVER_CALLS_IN_FLIGHT, &[], 0.0);
    }
}

#[tokio::test]
async fn results_that_are_closed_are_ok() {
    let peers = Peers::start(async |(call, mut results, params)| {
        let answered = call.run(async {
            drop(params);
            results.write_all(b"answer").await.unwrap();
            results.shutdown().await.unwrap();
        });
        answered.await.unwrap();
    })
    .await;
    assert_eq!(
        ask(&peers.caller, to("target"), "f").await.unwrap(),
        b"answer"
    );
    peers.ends_as("ok").await;
}

#[tokio::test]
async fn results_that_are_left_open_are_a_failure_of_the_target() {
    let peers = Peers::start(async |call| drop(call)).await;
    let error = ask(&peers.caller, to("target"), "f").await.unwrap_err();
    assert_eq!(error.kind().as_str(), "target-failed");
    peers.ends_as("target-failed").await;
}

#[tokio::test]
async fn a_caller_that_gives_up_cancels() {
    let peers = Peers::start(async |(call, _results, _params)| {
        call.run(pending::<()>()).await.unwrap_err();
    })
    .await;
    let call = peers
        .caller
        .invoke(to("target"), INSTANCE, "f", "".into(), NO_PATHS);
    let (mut params, results) = guard("a call", call).await.unwrap();
    guard("a handshake", params.flush()).await.unwrap();
    drop((params, results));
    peers.ends_as("cancelled").await;
}

#[tokio::test]
async fn a_deadline_that_passes_is_a_timeout() {
    let peers = Peers::start(async |(call, _results, _params)| {
        call.run(pending::<()>()).await.unwrap_err();
    })
    .await;
    let deadline = tokio::time::Instant::now() + Duration::from_millis(300);
    let context = to("target").with_deadline(deadline);
    ask(&peers.caller, context, "f").await.unwrap_err();
    peers.ends_as("timeout").await;
}
