//! A calls B, which calls C before it answers.

use async_nats::HeaderMap;
use futures::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tower::Layer as _;
use tracing::Instrument as _;
use wrpc_middleware_nats::{CallContext, Client};
use wrpc_middleware_telemetry::metrics::MetricsOptions;
use wrpc_middleware_telemetry::metrics::served::ServerMetrics;
use wrpc_middleware_telemetry::served::{ObservedServe, ServedCall};
use wrpc_middleware_telemetry::trace::TraceContext;
use wrpc_middleware_telemetry::trace::client::TraceLayer;
use wrpc_middleware_transport::Invoker;
use wrpc_transport::{Invoke, Serve as _};

use super::peers::{INSTANCE, Running, ask, client, to};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::guard;

pub struct Chain {
    a: Client,
    _server: NatsServer,
    seen: mpsc::UnboundedReceiver<Seen>,
    _running: [Running; 2],
}

/// What B and C have seen of their call.
#[derive(Debug)]
pub struct Seen {
    /// What it brought along.
    pub parent: Option<TraceContext>,
    /// What calls are of that are made for it.
    pub own: Option<TraceContext>,
}

pub fn traced(client: Client) -> impl Invoke<Context = CallContext> + Clone {
    Invoker::<_, CallContext>::new(TraceLayer::new().layer(client))
}

impl Chain {
    pub async fn start() -> Self {
        let server = NatsServer::start().await;
        let (sender, seen) = mpsc::unbounded_channel();
        let c = client(&server, "c").await;
        let last = serve(c, sender.clone(), async |_| ()).await;
        let b = client(&server, "b").await;
        let calls = traced(b.clone());
        let middle = serve(b, sender, move |context| {
            let calls = calls.clone();
            async move {
                assert_eq!(ask(&calls, context, "f").await.unwrap(), b"answer");
            }
        })
        .await;
        Self {
            a: client(&server, "a").await,
            _server: server,
            seen,
            _running: [middle, last],
        }
    }

    /// A calls with these headers. What B and C have seen.
    pub async fn run(&mut self, headers: Option<HeaderMap>) -> [Seen; 2] {
        let mut context = to("b");
        *context = headers;
        let answer = ask(&traced(self.a.clone()), context, "f").await;
        assert_eq!(answer.unwrap(), b"answer");
        let mut seen = async || guard("a call", self.seen.recv()).await.unwrap();
        [seen().await, seen().await]
    }
}

/// Answers each call, once it has made one of its own in the context for nested calls.
async fn serve<F>(
    client: Client,
    seen: mpsc::UnboundedSender<Seen>,
    nested: impl Fn(CallContext) -> F + Clone + Send + 'static,
) -> Running
where
    F: Future<Output = ()> + Send + 'static,
{
    let transport = ObservedServe::new(client, ServerMetrics::new(MetricsOptions::new().off()));
    let calls = transport.serve(INSTANCE, "f", []).await.expect("serve");
    let serving = async move {
        let mut calls = core::pin::pin!(calls);
        let mut running = JoinSet::new();
        while let Some(call) = calls.next().await {
            let (call, mut results, params) = call.expect("a call");
            let call: ServedCall = call;
            seen.send(Seen {
                parent: call.headers().and_then(TraceContext::read),
                own: call.trace().cloned(),
            })
            .unwrap();
            let work = nested(call.nested(to("c")));
            running.spawn(async move {
                let answered = call.run(async {
                    work.await;
                    drop(params);
                    results.write_all(b"answer").await.unwrap();
                    results.shutdown().await.unwrap();
                });
                answered.await.unwrap();
            });
        }
    };
    Running(tokio::spawn(serving.in_current_span()))
}
