//! Trace context through a chain of calls, without OpenTelemetry.

use async_nats::HeaderMap;
use tracing::subscriber::{DefaultGuard, NoSubscriber};
use wrpc_middleware_telemetry::trace::TraceContext;

use crate::support::chain::Chain;
use crate::support::subscriber::subscribe;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Everybody is interested in spans, on this thread.
fn interested() -> DefaultGuard {
    subscribe(tracing_subscriber::registry())
}

fn headers(parent: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("traceparent", parent);
    headers.insert("tracestate", "vendor=1");
    headers
}

fn trace_id(context: Option<&TraceContext>) -> String {
    context.expect("a trace").trace_id().to_string()
}

fn span_id(context: Option<&TraceContext>) -> String {
    context.expect("a span").span_id().to_string()
}

#[tokio::test]
async fn a_chain_of_calls_is_one_trace() {
    let _interested = interested();
    let mut chain = Chain::start().await;
    let [b, c] = chain.run(None).await;
    let trace = trace_id(b.parent.as_ref());
    for context in [b.own.as_ref(), c.parent.as_ref(), c.own.as_ref()] {
        assert_eq!(trace_id(context), trace);
    }
    // Two calls that are made, two that are served.
    let mut spans = [&b.parent, &b.own, &c.parent, &c.own].map(|context| span_id(context.as_ref()));
    spans.sort();
    let all = spans.len();
    let mut spans = spans.to_vec();
    spans.dedup();
    assert_eq!(spans.len(), all, "{spans:?}");

    let [another, _] = chain.run(None).await;
    assert_ne!(trace_id(another.parent.as_ref()), trace);
}

#[tokio::test]
async fn a_trace_of_the_caller_goes_on() {
    let _interested = interested();
    let mut chain = Chain::start().await;
    let [b, c] = chain.run(Some(headers(PARENT))).await;
    for context in [&b.parent, &c.own] {
        assert_eq!(trace_id(context.as_ref()), TRACE);
    }
    assert!(format!("{c:?}").contains("vendor=1"), "{c:?}");
}

#[tokio::test]
async fn a_trace_goes_through_where_nobody_is_interested() {
    let _nobody = subscribe(NoSubscriber::new());
    let mut chain = Chain::start().await;
    let [b, c] = chain.run(Some(headers(PARENT))).await;
    for context in [b.parent, b.own, c.parent, c.own] {
        assert_eq!(trace_id(context.as_ref()), TRACE);
        assert_eq!(span_id(context.as_ref()), "00f067aa0ba902b7");
    }
    // The control: nobody starts one either.
    for seen in chain.run(None).await {
        assert!(seen.parent.is_none() && seen.own.is_none(), "{seen:?}");
    }
}

#[tokio::test]
async fn what_a_peer_made_up_is_ignored() {
    let _interested = interested();
    let mut chain = Chain::start().await;
    let long = format!("{PARENT}{}", "-".repeat(10_000));
    for malformed in ["", "nonsense", "00-0-0-00", &long] {
        let [b, c] = chain.run(Some(headers(malformed))).await;
        let trace = trace_id(b.parent.as_ref());
        assert_ne!(trace, TRACE);
        assert_eq!(trace_id(c.own.as_ref()), trace);
    }
}
