//! The trace that a request is of.

use async_nats::HeaderMap;
use hyper::Request;
use wrpc_middleware::nats::CallContext;
use wrpc_middleware::telemetry::trace::nested;

/// `context` of the trace that the client of `request` says, if it says one.
pub(super) fn traced<B>(request: &Request<B>, context: CallContext) -> CallContext {
    let mut headers = HeaderMap::new();
    for name in ["traceparent", "tracestate"] {
        let values = request.headers().get_all(name).iter();
        for value in values.filter_map(|value| value.to_str().ok()) {
            headers.append(name, value);
        }
    }
    nested(&Some(headers), context)
}
