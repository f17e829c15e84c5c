//! The spans of a chain of calls, as OpenTelemetry exports them.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::Instrument as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::chain::Chain;
use crate::support::subscriber::subscribe;
use wrpc_middleware_testing::wait::until;

#[tokio::test]
async fn each_span_is_a_child_of_the_one_before() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _exported = subscribe(tracing_subscriber::registry().with(layer));
    // The servers run within a span of their own, which is nobody's parent.
    let server = tracing::info_span!("server");
    let mut chain = Chain::start().instrument(server).await;
    let [b, c] = chain.run(None).await;
    // Others have spans of their own.
    let finished = || {
        let mut spans = exporter.get_finished_spans().unwrap();
        spans.retain(|span| span.name == "test:app/echo@0.1.0/f");
        spans
    };
    until("four spans", async || finished().len() == 4).await;

    let spans = finished();
    let by_id = |id: &str| -> &SpanData {
        let found = spans
            .iter()
            .find(|span| span.span_context.span_id().to_string() == id);
        found.expect("a span of this id")
    };
    let ids = [b.parent, b.own, c.parent, c.own].map(|context| context.expect("a trace"));
    let path = ids
        .each_ref()
        .map(|context| by_id(&context.span_id().to_string()));
    for (span, kind) in path.iter().zip(["Client", "Server", "Client", "Server"]) {
        assert_eq!(format!("{:?}", span.span_kind), kind);
        let trace = span.span_context.trace_id().to_string();
        assert_eq!(trace, ids[0].trace_id().to_string());
        let outcome = span.attributes.iter().find(|a| a.key.as_str() == "outcome");
        assert_eq!(outcome.unwrap().value.as_str(), "ok");
    }
    for pair in path.windows(2) {
        assert_eq!(pair[1].parent_span_id, pair[0].span_context.span_id());
    }
}
