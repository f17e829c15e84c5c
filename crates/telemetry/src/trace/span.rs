//! The span of a call.

use core::fmt;

use tracing::{Span, field, info_span};

use super::TraceContext;
use crate::Outcome;
use crate::call::Observer;

/// Which end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// The span of a call that runs.
#[derive(Debug)]
pub struct CallSpan {
    span: Span,
    /// What calls that are made for this one are of.
    trace: Option<TraceContext>,
}

impl CallSpan {
    /// The span of a call that was made for `parent`.
    pub(crate) fn begin(
        side: Side,
        instance: &str,
        func: &str,
        parent: Option<TraceContext>,
    ) -> Self {
        let span = span(side, instance, func);
        if span.is_disabled() {
            return Self {
                span,
                trace: parent,
            };
        }
        let trace = trace(side, &span, parent.as_ref());
        span.record("trace_id", field::display(trace.trace_id()));
        Self {
            span,
            trace: Some(trace),
        }
    }

    pub(crate) const fn trace(&self) -> Option<&TraceContext> {
        self.trace.as_ref()
    }

    pub(crate) const fn span(&self) -> &Span {
        &self.span
    }
}

fn span(side: Side, instance: &str, func: &str) -> Span {
    let name = fmt::from_fn(move |f| match instance {
        "" => f.write_str(func),
        instance => write!(f, "{instance}/{func}"),
    });
    macro_rules! of {
        ($name:literal, $kind:literal) => {
            info_span!(
                target: "wrpc_middleware_telemetry",
                $name,
                otel.kind = $kind,
                otel.name = %name,
                rpc.system = "wrpc",
                rpc.service = instance,
                rpc.method = func,
                trace_id = field::Empty,
                outcome = field::Empty,
                error.r#type = field::Empty,
                otel.status_code = field::Empty,
            )
        };
    }
    match side {
        Side::Client => of!("wrpc.call", "client"),
        Side::Server => of!("wrpc.serve", "server"),
    }
}

#[cfg(feature = "opentelemetry")]
fn trace(side: Side, span: &Span, parent: Option<&TraceContext>) -> TraceContext {
    super::otel::begin(side, span, parent).unwrap_or_else(|| own(parent))
}

#[cfg(not(feature = "opentelemetry"))]
fn trace(_: Side, _: &Span, parent: Option<&TraceContext>) -> TraceContext {
    own(parent)
}

fn own(parent: Option<&TraceContext>) -> TraceContext {
    parent.map_or_else(TraceContext::root, TraceContext::child)
}

impl Observer for CallSpan {
    fn ended(&mut self, outcome: Outcome) {
        if self.span.is_disabled() {
            return;
        }
        self.span.record("outcome", outcome.as_str());
        if outcome != Outcome::Ok {
            self.span.record("error.type", outcome.as_str());
            self.span.record("otel.status_code", "ERROR");
        }
    }

    fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        self.span.in_scope(work)
    }
}
