//! The span of a request, and the trace that it is of.

use async_nats::HeaderMap;
use hyper::{Request, StatusCode};
use tracing::{Span, field, info_span};
use wrpc_middleware::nats::CallContext;
use wrpc_middleware::telemetry::trace::{TraceContext, nested};

/// The span of a request, which is turned on and off with those of calls, and named as
/// [OpenTelemetry has it](https://opentelemetry.io/docs/specs/semconv/http/http-spans/).
#[derive(Clone, Debug)]
pub(super) struct RequestTrace {
    span: Span,
    /// What the calls of the component are of.
    trace: Option<TraceContext>,
}

impl RequestTrace {
    /// Of the trace that the client of `request` says, or else of a new one. Without interest in
    /// the span, what the client says is passed on.
    pub(super) fn begin<B>(request: &Request<B>) -> Self {
        let parent = TraceContext::read(&said(request));
        let span = info_span!(
            target: "wrpc_middleware_telemetry",
            "http.request",
            otel.kind = "server",
            http.request.method = %request.method(),
            url.path = request.uri().path(),
            trace_id = field::Empty,
            http.response.status_code = field::Empty,
        );
        if span.is_disabled() {
            return Self {
                span,
                trace: parent,
            };
        }
        let trace = parent
            .as_ref()
            .map_or_else(TraceContext::root, TraceContext::child);
        span.record("trace_id", field::display(trace.trace_id()));
        Self {
            span,
            trace: Some(trace),
        }
    }

    pub(super) const fn span(&self) -> &Span {
        &self.span
    }

    pub(super) fn answered(&self, status: StatusCode) {
        let status = status.as_u16();
        self.span.record("http.response.status_code", status);
    }

    /// `context` for the calls that the component makes.
    pub(super) fn nested(&self, context: CallContext) -> CallContext {
        let Some(trace) = &self.trace else {
            return context;
        };
        let mut headers = HeaderMap::new();
        trace.write(&mut headers);
        nested(&Some(headers), context)
    }
}

/// What a client says of its trace, in the headers of NATS.
fn said<B>(request: &Request<B>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in ["traceparent", "tracestate"] {
        let values = request.headers().get_all(name).iter();
        for value in values.filter_map(|value| value.to_str().ok()) {
            headers.append(name, value);
        }
    }
    headers
}
