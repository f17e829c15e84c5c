//! A call without a broker, and what holds for it at any time.

use core::task::{Context, Waker};
use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use async_nats::Subject;
use bytes::Bytes;
use wrpc_middleware_errors::{Delivery, RpcError};
use wrpc_middleware_transport::{Paths, Progress};

use super::super::input;
use super::super::streams::{End, Reader, Writer};
use crate::budget::{Budget, OWN};
use crate::connect::EventSink;
use crate::connection::{Connection, Core};
use crate::exchange::Exchange;
use crate::offline::{self, Idle};
use crate::serve::ServeContext;
use crate::serve::offline::Server;
use crate::{Incoming, Outgoing};

/// Which side of the call is here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Caller,
    Target,
}

/// A call, and all that anybody has of it.
pub(in crate::fuzzing) struct Call {
    pub(in crate::fuzzing) core: Arc<Core>,
    /// Where messages for it arrive.
    pub(in crate::fuzzing) inbox: Subject,
    pub(in crate::fuzzing) readers: Vec<Reader>,
    pub(in crate::fuzzing) writers: Vec<Writer>,
    pub(in crate::fuzzing) events: EventSink,
    pub(in crate::fuzzing) idle: Idle,
    progress: Option<Progress>,
    context: Option<ServeContext>,
    /// Whether the target has been seen to take it.
    was_accepted: bool,
    max_held: usize,
    readers_ever: usize,
}

/// Runs `happen` on a call of this side, and then ends it.
pub(super) fn with_call(
    side: Side,
    u: &mut Unstructured<'_>,
    happen: impl FnOnce(&mut Call, &mut Unstructured<'_>) -> Result<()>,
) -> Result<()> {
    let max_held = 1 << u.int_in_range(6..=18)?;
    let budget = Budget::new(max_held, 1 << u.int_in_range(6..=18)?);
    // A queue that is soon full is one of a connection that is slow.
    let capacity = if u.arbitrary()? {
        2048
    } else {
        1 + usize::from(u.arbitrary::<u8>()? % 4)
    };
    let paths = paths(u)?;
    let payload = u.arbitrary::<&[u8]>()?;
    with_connection(budget, capacity, |connection, idle| {
        let core = Arc::clone(connection.core());
        let events = EventSink::new();
        events.attach(&core);
        core.connected();
        let call = match side {
            Side::Caller => {
                // Of what is known, so that kept inputs go on to mean what they do.
                let has_params = !(payload.is_empty() && paths.is_empty());
                let rest = Bytes::copy_from_slice(payload);
                Some(made(connection, paths, has_params, rest))
            }
            Side::Target => served(connection, paths, payload, u)?,
        };
        let Some((inbox, progress, context, outgoing, incoming)) = call else {
            assert_eq!(core.registry.len(), 0, "a call that was not taken");
            return Ok(());
        };
        let mut call = Call {
            core: Arc::clone(&core),
            inbox,
            readers: vec![Reader::new(incoming)],
            writers: vec![Writer::new(outgoing)],
            events,
            idle,
            progress,
            context,
            was_accepted: false,
            max_held,
            readers_ever: 1,
        };
        let result = happen(&mut call, u);
        drop(call);
        assert_eq!(core.registry.len(), 0, "something holds the call");
        assert_eq!(core.budget.held(), 0, "something of it is held");
        result
    })
}

/// Runs `run` with a connection that never comes about, in a runtime that never runs.
pub(in crate::fuzzing) fn with_connection<T>(
    budget: Budget,
    capacity: usize,
    run: impl FnOnce(Arc<Connection>, Idle) -> T,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("there is memory for a runtime");
    let (connection, idle) = runtime.block_on(offline::connection(budget, capacity));
    let _entered = runtime.enter();
    run(connection, idle)
}

type Parts = (
    Subject,
    Option<Progress>,
    Option<ServeContext>,
    Outgoing,
    Incoming,
);

/// A call that is published, with parameters or without, and `rest` still to be sent.
pub(in crate::fuzzing) fn made(
    connection: Arc<Connection>,
    paths: Paths,
    has_params: bool,
    rest: Bytes,
) -> Parts {
    let progress = Progress::new("test:app/echo", "echo");
    progress.set_reports_acceptance();
    progress.sent();
    let subject = "t.wrpc.0.0.1.test:app/echo.echo".into();
    let exchange = Exchange::of_caller(connection, progress.clone(), subject, paths);
    if !has_params {
        exchange.set_urgent();
    }
    let incoming = Incoming::new(Arc::clone(&exchange));
    let inbox = exchange.inbox();
    (
        inbox,
        Some(progress),
        None,
        Outgoing::new(exchange, rest),
        incoming,
    )
}

/// A call that arrives, if it can be taken.
fn served(
    connection: Arc<Connection>,
    paths: Paths,
    params: &[u8],
    u: &mut Unstructured<'_>,
) -> Result<Option<Parts>> {
    let core = Arc::clone(connection.core());
    let mut message = offline::message("t.wrpc.0.0.1.test:app/echo.echo");
    message.reply = super::events::reply(u)?;
    message.payload = Bytes::copy_from_slice(params);
    message.headers = u
        .arbitrary::<bool>()?
        .then(|| input::headers(u))
        .transpose()?;
    let Some(mut request) = Server::over(connection, paths).offered(message) else {
        return Ok(None);
    };
    let responder = u.arbitrary::<bool>()?.then(|| request.responder());
    let accepted = match u.int_in_range(0..=7)? {
        0 => return Ok(None),
        1 => {
            request.refuse(&input::error(u)?);
            return Ok(None);
        }
        _ => request.try_accept(),
    };
    if u.arbitrary::<bool>()?
        && let Some(responder) = responder
    {
        responder.fail(&input::error(u)?);
    }
    let Ok((context, outgoing, incoming)) = accepted else {
        return Ok(None);
    };
    let inbox = core.registry.all().next().map(|exchange| exchange.inbox());
    let inbox = inbox.expect("its streams are held");
    Ok(Some((inbox, None, Some(context), outgoing, incoming)))
}

/// The streams that are asked for.
fn paths(u: &mut Unstructured<'_>) -> Result<Paths> {
    let mut paths = Vec::new();
    for _ in 0..u.int_in_range(0..=2)? {
        let mut path = Vec::new();
        for _ in 0..u.int_in_range(1..=2)? {
            let index = u.int_in_range(0..=2)?;
            path.push(u.arbitrary::<bool>()?.then_some(index));
        }
        paths.push(path.into());
    }
    Ok(paths.into())
}

impl Call {
    pub(in crate::fuzzing) fn add_reader(&mut self, reader: Option<Reader>) {
        self.readers_ever += usize::from(reader.is_some());
        self.readers.extend(reader);
    }

    /// What holds whatever happened.
    pub(in crate::fuzzing) fn holds(&mut self) {
        for reader in &mut self.readers {
            reader.was_woken_if_need_be();
        }
        for writer in &mut self.writers {
            writer.was_woken_if_need_be();
        }
        let (held, readers) = (self.core.budget.held(), self.readers_ever);
        let bound = self.max_held + readers * OWN;
        assert!(
            held <= bound,
            "{held} bytes are held, for {readers} readers"
        );
        self.delivery_is_not_taken_back();
        if let Some(context) = &self.context {
            let mut given_up = core::pin::pin!(context.given_up());
            // Whether it has is the caller's word, or the host's.
            let _ = given_up
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
        }
    }

    /// A call that was taken is never said to be safe to repeat.
    fn delivery_is_not_taken_back(&mut self) {
        let Some(progress) = &self.progress else {
            return;
        };
        let is_accepted = progress.delivery() == Delivery::Accepted;
        assert!(is_accepted || !self.was_accepted, "{progress:?}");
        self.was_accepted = is_accepted;
        let failed = |reader: &Reader| match &reader.end {
            Some(End::Failed(error)) => Some(error.clone()),
            _ => None,
        };
        let failures = self.readers.iter().filter_map(failed);
        let is_wrong = |error: &RpcError| is_accepted && error.delivery() == Delivery::NotSent;
        if let Some(error) = failures.chain(progress.failure().cloned()).find(is_wrong) {
            panic!("the call was taken, and failed as one that was not: {error:?}");
        }
    }
}
