//! One request in an instance of its own.

use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::error::Error as StdError;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use wasmtime::{Store, StoreLimitsBuilder};
use wasmtime_wasi_http::p2::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::refusal::Refusal;
use super::trace::RequestTrace;
use crate::engine::{DeadlinePassed, TICK, trap_at};
use crate::error::{Error, report};
use crate::host::{Host, State};

/// What a table of an instance may grow to; a table of functions has as many from its start.
const MAX_TABLE_ELEMENTS: usize = 1_000_000;

/// How many resources of the host an instance may hold: headers, bodies, streams, what it polls.
const MAX_RESOURCES: usize = 10_000;

/// What the component answers: a response, whose body it still may be writing, or an error code.
pub(super) type Answer = Result<Response<HyperOutgoingBody>, ErrorCode>;

/// What makes instances, and how long and how large they may become.
#[derive(Clone)]
pub(super) struct Guests {
    pub(super) host: Host,
    pub(super) proxy: ProxyPre<State>,
    pub(super) max_memory: NonZeroUsize,
    /// Ends them all.
    pub(super) cut: CancellationToken,
}

/// One that is about to run.
pub(super) struct Guest {
    pub(super) guests: Guests,
    /// When it has to be over.
    pub(super) deadline: Instant,
    /// When what it calls has to be over, so that it can still say so.
    pub(super) calls_deadline: Instant,
    /// Is told how it ended before anything of the instance goes away.
    pub(super) fate: Fate,
    /// What it calls is of this trace.
    pub(super) trace: RequestTrace,
}

/// Why there is no answer, or not all of one.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Trapped(Error),
    #[error("the time of the request was up while the component was computing")]
    Computing,
    #[error("the time of the request was up while the component was waiting")]
    Waiting,
    #[error("the host stops")]
    Cut,
}

impl Guest {
    /// How much later a guest that waits is ended than one that computes, so that the latter traps
    /// and the log can tell them apart.
    const SLACK: Duration = TICK.saturating_mul(4);

    /// Has an instance handle `request`. It sends at most one answer, and may go on after that.
    ///
    /// Ends at the deadline, store and all. So it does if it is dropped.
    ///
    /// # Errors
    ///
    /// What to answer if it has not done so itself; why is logged.
    pub(super) async fn run(
        self,
        request: Request<Incoming>,
        answer: oneshot::Sender<Answer>,
    ) -> Result<(), Refusal> {
        let method = request.method().clone();
        let uri = request.uri().clone();
        let mut store = self.store();
        // After the store, so that it is dropped before it.
        let pending = Pending(Some(self.fate.clone()));
        let failure = tokio::select! {
            biased;
            ended = timeout_at(
                self.deadline + Self::SLACK,
                self.handle(&mut store, request, answer),
            ) => match ended {
                Ok(Ok(())) => {
                    pending.ended_well();
                    return Ok(());
                }
                Ok(Err(error)) => Failure::of(error),
                Err(_) => Failure::Waiting,
            },
            () = self.guests.cut.cancelled() => Failure::Cut,
        };
        drop(pending);
        if self.fate.is_abandoned() {
            tracing::debug!(
                "{method} {}: after its client left: {}",
                uri.path(),
                report(&failure)
            );
        } else {
            tracing::warn!("{method} {}: {}", uri.path(), report(&failure));
        }
        Err(failure.refusal())
    }

    fn store(&self) -> Store<State> {
        let mut store = self.guests.host.store();
        let memory = self.guests.max_memory.get();
        let state = store.data_mut();
        state.limit_resources(MAX_RESOURCES);
        *state.limits() = StoreLimitsBuilder::new()
            .memory_size(memory)
            .table_elements(MAX_TABLE_ELEMENTS)
            .build();
        let context = self.trace.nested(self.guests.host.context().clone());
        state.set_context(context.with_deadline(self.calls_deadline));
        store.limiter(|state| state.limits());
        trap_at(&mut store, self.deadline);
        store
    }

    async fn handle(
        &self,
        store: &mut Store<State>,
        request: Request<Incoming>,
        answer: oneshot::Sender<Answer>,
    ) -> wasmtime::Result<()> {
        let mut http = store.data_mut().http();
        let request = http.new_incoming_request(Scheme::Http, request)?;
        let response = http.new_response_outparam(answer)?;
        let proxy = self.guests.proxy.instantiate_async(&mut *store).await?;
        let handler = proxy.wasi_http_incoming_handler();
        handler.call_handle(store, request, response).await
    }
}

impl Failure {
    fn of(error: wasmtime::Error) -> Self {
        if error.chain().any(<dyn StdError>::is::<DeadlinePassed>) {
            Self::Computing
        } else {
            Self::Trapped(Error::Trap(error.into()))
        }
    }

    fn refusal(&self) -> Refusal {
        match self {
            Self::Trapped(_) => Refusal::Failed,
            Self::Computing | Self::Waiting => Refusal::Late,
            Self::Cut => Refusal::Stopping,
        }
    }
}

/// What a guest and the body of its response know of each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Fate(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    bad: AtomicBool,
    abandoned: AtomicBool,
}

impl Fate {
    /// Whether the guest has ended in a way that leaves its response in doubt.
    pub(super) fn is_bad(&self) -> bool {
        self.0.bad.load(Ordering::Acquire)
    }

    /// Nobody reads the rest of the response. The guest may find that out, and trap, before it is
    /// ended.
    pub(super) fn abandon(&self) {
        self.0.abandoned.store(true, Ordering::Release);
    }

    fn is_abandoned(&self) -> bool {
        self.0.abandoned.load(Ordering::Acquire)
    }
}

/// A guest that is cut off anywhere has a bad fate.
struct Pending(Option<Fate>);

impl Pending {
    fn ended_well(mut self) {
        self.0 = None;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(Fate(flags)) = &self.0 {
            flags.bad.store(true, Ordering::Release);
        }
    }
}
