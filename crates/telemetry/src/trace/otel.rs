//! Spans of OpenTelemetry.

use core::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr as _;

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{Side, TraceContext};

/// What the calls that are made within `span` are of, if OpenTelemetry knows the span.
///
/// A call that is served is made for `parent`, wherever the server runs; one that is made is so too,
/// unless it is made within a span of OpenTelemetry.
pub(super) fn begin(
    side: Side,
    span: &Span,
    parent: Option<&TraceContext>,
) -> Option<TraceContext> {
    let is_nested = side == Side::Client && span_context(&Span::current()).is_valid();
    if let Some(parent) = parent.filter(|_| !is_nested) {
        let remote = Context::new().with_remote_span_context(remote(parent));
        // Fails for a span that no layer of OpenTelemetry knows, which then has no ids either.
        let _ = span.set_parent(remote);
    }
    own(&span_context(span))
}

fn span_context(span: &Span) -> SpanContext {
    span.context().span().span_context().clone()
}

fn remote(parent: &TraceContext) -> SpanContext {
    let state = parent.state.as_deref().map(TraceState::from_str);
    SpanContext::new(
        TraceId::from(parent.trace_id.get()),
        SpanId::from(parent.span_id.get()),
        TraceFlags::new(parent.flags),
        true,
        state.and_then(Result::ok).unwrap_or_default(),
    )
}

fn own(context: &SpanContext) -> Option<TraceContext> {
    let state = context.trace_state().header();
    Some(TraceContext {
        trace_id: NonZeroU128::new(u128::from_be_bytes(context.trace_id().to_bytes()))?,
        span_id: NonZeroU64::new(u64::from_be_bytes(context.span_id().to_bytes()))?,
        flags: context.trace_flags().to_u8(),
        state: (!state.is_empty()).then(|| state.into()),
    })
}
