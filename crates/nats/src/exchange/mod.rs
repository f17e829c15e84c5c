//! One call, as one of its two sides sees it.

mod ending;
mod inlet;
mod part;
mod waiting;

use core::fmt;
use core::task::{Context, Poll};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::{Message, StatusCode, Subject};
use tokio::sync::OwnedSemaphorePermit;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_transport::{Paths, Progress};

use self::ending::Ending;
pub(crate) use self::inlet::Next;
use self::inlet::{Inlet, Refusal};
pub(crate) use self::part::Part;
pub(crate) use self::waiting::ROOT;
use self::waiting::Waiting;
use crate::broker::Publishing;
use crate::connect::Violation;
use crate::connection::Connection;
use crate::function::Function;
use crate::header;
use crate::id::Id;
use crate::subject::{ALIVE, PARAMS, below, stream};

/// What an indexed stream costs before anything arrives on it.
const STREAM: usize = 256;

/// A call while either of its streams is held. The registry knows it only as long as that.
pub(crate) struct Exchange {
    id: Id,
    side: Side,
    connection: Arc<Connection>,
    /// The incoming streams beside the root.
    patterns: Paths,
    state: Mutex<State>,
}

pub(crate) enum Side {
    Caller {
        progress: Progress,
        /// Where the call was published.
        subject: Subject,
    },
    Target {
        function: Arc<Function>,
        /// Count the call as running.
        _permits: Vec<OwnedSemaphorePermit>,
    },
}

#[derive(Debug, Default)]
struct State {
    /// Where the other side is reached; a caller learns it with the handshake.
    peer: Option<Subject>,
    failure: Option<RpcError>,
    /// What went wrong once all streams that were known had ended: others may be missing.
    late_failure: Option<RpcError>,
    root: Inlet,
    nested: BTreeMap<Box<[usize]>, Inlet>,
    waiting: Waiting,
    /// When something last arrived, in ticks of the keepalive.
    heard: u32,
    /// The parameters were given up before it was known where they go.
    params_abandoned: bool,
    ending: Ending,
    /// The other side knows that the call is over.
    is_over: bool,
    /// The broker was asked for the peer, and nothing was heard since.
    is_suspect: bool,
}

impl Exchange {
    pub(crate) fn new(
        connection: Arc<Connection>,
        side: Side,
        peer: Option<Subject>,
        patterns: Paths,
    ) -> Arc<Self> {
        let exchange = Arc::new(Self {
            id: Id::random(),
            side,
            patterns,
            state: Mutex::new(State {
                peer,
                heard: connection.tick(),
                ..State::default()
            }),
            connection,
        });
        exchange
            .connection
            .registry()
            .insert(exchange.id, &exchange);
        exchange
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Where messages for the call arrive.
    pub(crate) fn inbox(&self) -> Subject {
        self.connection.inbox().of(&self.id)
    }

    /// The name of the outgoing stream.
    pub(crate) fn outgoing(&self) -> &'static str {
        match self.side {
            Side::Caller { .. } => PARAMS,
            Side::Target { .. } => crate::subject::RESULTS,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error of this call.
    pub(crate) fn error(
        &self,
        kind: RpcErrorKind,
        delivery: Delivery,
        reason: impl fmt::Display + Send + Sync + 'static,
    ) -> RpcError {
        match &self.side {
            Side::Caller { progress, .. } => progress.error(kind, delivery, reason),
            Side::Target { function, .. } => function.error(kind, delivery, reason),
        }
    }

    /// What a peer said, with the function in front.
    fn named(&self, error: RpcError) -> RpcError {
        let function = match &self.side {
            Side::Caller { progress, .. } => progress.function().to_string(),
            Side::Target { function, .. } => function.to_string(),
        };
        if error.message().starts_with(&function) {
            return error;
        }
        let message = format!("{function}: {}", error.message());
        error.with_message(message)
    }

    /// Takes a message that arrived for the call.
    pub(crate) fn deliver(&self, part: Part, message: Message) {
        match (&self.side, part) {
            (Side::Caller { progress, .. }, Part::Root) => self.handshake(progress, message),
            (Side::Caller { progress, .. }, Part::Results(path)) => {
                self.receive(Some(progress), &path, message);
            }
            (Side::Caller { .. }, Part::Alive)
                if message.status == Some(StatusCode::NO_RESPONDERS) =>
            {
                self.peer_is_gone();
            }
            (Side::Target { .. }, Part::Params(path)) => self.receive(None, &path, message),
            (Side::Target { .. }, Part::Cancel) => {
                self.state().is_over = true;
                self.fail(self.error(
                    RpcErrorKind::Other,
                    Delivery::Accepted,
                    "the caller has given up",
                ));
            }
            // Whoever asks whether we are here knows it by not being told otherwise.
            _ => {}
        }
    }

    fn handshake(&self, progress: &Progress, message: Message) {
        use RpcErrorKind::{Protocol, TargetUnavailable};
        let refuse = |kind, delivery, reason: &'static str| {
            self.refused(self.error(kind, delivery, reason));
        };
        match message.status {
            None | Some(StatusCode::OK) => {}
            Some(StatusCode::NO_RESPONDERS) => {
                return refuse(
                    TargetUnavailable,
                    Delivery::NotSent,
                    "nobody serves the function",
                );
            }
            Some(StatusCode::TIMEOUT) => {
                return refuse(
                    TargetUnavailable,
                    Delivery::Unknown,
                    "the broker gave up waiting for the target",
                );
            }
            Some(_) => {
                return refuse(
                    TargetUnavailable,
                    Delivery::Unknown,
                    "the call was turned away",
                );
            }
        }
        if let Some(error) = header::read_error(message.headers.as_ref()) {
            return self.refused(self.named(error));
        }
        let Some(peer) = message.reply else {
            return refuse(
                Protocol,
                Delivery::Unknown,
                "the answer to the handshake is not one of this protocol",
            );
        };
        if !self.connection.prefixes().permit(&peer) {
            return refuse(
                Protocol,
                Delivery::Accepted,
                "the target wants its parameters where no inbox is",
            );
        }
        let mut state = self.state();
        state.heard(self.connection.tick());
        match &state.peer {
            Some(known) if *known == peer => {}
            Some(_) => {
                drop(state);
                self.connection.cancel(&peer);
                self.give_up(self.error(
                    Protocol,
                    Delivery::Accepted,
                    "more than one target took the call",
                ));
            }
            None if state.failure.is_some() => {
                drop(state);
                self.connection.cancel(&peer);
            }
            None => {
                state.peer = Some(peer);
                progress.accepted();
                let abandoned = state.params_abandoned;
                let waiting = state.waiting.take();
                drop(state);
                if abandoned {
                    self.end_outgoing(&[], 0, None, &self.params_abandoned());
                }
                waiting.for_each(core::task::Waker::wake);
            }
        }
    }

    /// Takes a message of an incoming stream.
    fn receive(&self, progress: Option<&Progress>, path: &[usize], message: Message) {
        let headers = message.headers.as_ref();
        let Ok(sequence) = header::read_sequence(headers) else {
            return self.give_up(self.error(
                RpcErrorKind::Protocol,
                Delivery::Accepted,
                "the number of a message is none",
            ));
        };
        let budget = self.connection.budget();
        let mut state = self.state();
        state.heard(self.connection.tick());
        if state.failure.is_some() {
            // What comes after it is not what comes next.
            return;
        }
        let Some(inlet) = state.inlet(path, &self.patterns, budget) else {
            return;
        };
        let (taken, ended) = match inlet {
            Err(refusal) => (Err(refusal), None),
            Ok(inlet) if message.payload.is_empty() => {
                let error = header::read_error(headers).map(|error| {
                    // It speaks of a call that was taken.
                    self.named(error.with_delivery(Delivery::Accepted))
                });
                (inlet.close(error.clone(), sequence), Some(error))
            }
            Ok(inlet) => (inlet.push(message.payload, sequence, budget), None),
        };
        drop(state);
        let waker = match taken {
            Ok(waker) => waker,
            Err(refusal) => {
                self.give_up(self.refusal(refusal));
                if refusal == Refusal::Overrun {
                    self.state().let_go(budget);
                }
                return;
            }
        };
        match (progress, ended) {
            (Some(progress), None) => progress.first_byte(),
            (Some(progress), Some(None)) if path.is_empty() => {
                progress.accepted();
                progress.closed();
            }
            (Some(_), Some(Some(error))) if path.is_empty() => self.refused(error),
            _ => {}
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn refusal(&self, refusal: Refusal) -> RpcError {
        let (kind, reason) = match refusal {
            Refusal::Gap => (
                RpcErrorKind::Transport,
                "a message of the stream went missing",
            ),
            Refusal::Overrun => (
                RpcErrorKind::Overloaded,
                "more arrived than was read and than may be held",
            ),
        };
        self.error(kind, Delivery::Accepted, reason)
    }

    /// The server that took the call is no longer there. Those that it took other calls of have to
    /// ask too.
    fn peer_is_gone(&self) {
        let peer = self.state().peer.clone();
        self.refused(self.error(
            RpcErrorKind::TargetFailed,
            Delivery::Accepted,
            "the target went away before it had answered",
        ));
        if let Some(peer) = peer {
            self.connection.core().suspect(&peer);
        }
    }

    /// Fails the call by what the other side knows of.
    pub(crate) fn refused(&self, error: RpcError) {
        self.state().is_over = true;
        self.fail(error);
    }

    /// Fails the call by what the other side does not know of. A target would go on sending.
    fn give_up(&self, error: RpcError) {
        self.fail(error);
        let mut state = self.state();
        if !self.is_caller() || state.failure.is_none() || state.is_over {
            return;
        }
        if let Some(peer) = state.peer.clone() {
            state.is_over = true;
            drop(state);
            self.connection.cancel(&peer);
        }
    }

    /// Fails the call, unless its results are complete. The first failure stays.
    pub(crate) fn fail(&self, error: RpcError) {
        self.fail_in(self.state(), error);
    }

    fn fail_in(&self, mut state: MutexGuard<'_, State>, error: RpcError) {
        if state.failure.is_some() {
            return;
        }
        if self.is_caller() && state.root.has_clean_end() && state.is_complete(&self.patterns) {
            state.late_failure.get_or_insert(error);
            return;
        }
        state.failure = Some(error.clone());
        let wakers: Vec<_> = state.wakers().collect();
        if let Side::Caller { progress, .. } = &self.side {
            // Before anybody can see it, or a call that was not sent would still count as sent.
            progress.fail(error);
        }
        drop(state);
        wakers.into_iter().for_each(core::task::Waker::wake);
    }

    pub(crate) fn is_caller(&self) -> bool {
        matches!(self.side, Side::Caller { .. })
    }

    /// Why the call failed, if it did.
    pub(crate) fn failure(&self) -> Option<RpcError> {
        self.state().failure.clone()
    }

    /// Fails a call whose messages can't be answered any more, as its connection is lost.
    pub(crate) fn lost(&self, reason: &'static str) {
        match &self.side {
            Side::Caller { progress, .. } => {
                // What it says of the delivery holds until it is said.
                let state = self.state();
                let delivery = progress.delivery();
                self.fail_in(
                    state,
                    progress.error(RpcErrorKind::Transport, delivery, reason),
                );
            }
            // Results may still be sent, once the connection is back.
            Side::Target { function, .. } => {
                let error = || function.error(RpcErrorKind::Transport, Delivery::Accepted, reason);
                let mut state = self.state();
                let wakers: Vec<_> = state
                    .inlets()
                    .filter(|inlet| !inlet.has_ended())
                    .filter_map(|inlet| inlet.break_off(error()))
                    .collect();
                drop(state);
                wakers.into_iter().for_each(core::task::Waker::wake);
            }
        }
    }

    /// Fails the call if the broker refused to take what was published to `subject`.
    pub(crate) fn denied(&self, subject: &str, violation: &Violation) {
        let error = |delivery, reason| {
            self.error(RpcErrorKind::Transport, delivery, reason)
                .with_source(violation.clone())
        };
        let state = self.state();
        let is_below = |base: &Subject| {
            let rest = subject.strip_prefix(base.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let to_peer = state.peer.as_ref().is_some_and(is_below);
        let handshaken = state.peer.is_some();
        drop(state);
        match &self.side {
            Side::Caller { subject: to, .. } if !handshaken && to.as_str() == subject => self
                .refused(error(
                    Delivery::NotSent,
                    "the broker does not permit the call",
                )),
            _ if to_peer => self.fail(error(
                Delivery::Accepted,
                "the broker does not permit to answer the peer",
            )),
            _ => {}
        }
    }

    /// Where the other side is, once that is known.
    pub(crate) fn poll_peer(
        &self,
        key: u32,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Subject, RpcError>> {
        let mut state = self.state();
        if let Some(failure) = &state.failure {
            return Poll::Ready(Err(failure.clone()));
        }
        if let Some(peer) = &state.peer {
            return Poll::Ready(Ok(peer.clone()));
        }
        state.waiting.register(key, cx.waker());
        Poll::Pending
    }

    /// Sees to it that a target which does not answer soon is told that all parameters went with
    /// the call.
    pub(crate) fn end_params_later(self: &Arc<Self>) {
        // The task that does it runs as long as there is a call.
        let _ = self.connection.core().unended.send(Arc::downgrade(self));
    }

    /// Tells the target so, unless that is of no use any more.
    pub(crate) fn end_params(&self) {
        let state = self.state();
        if state.failure.is_some() || state.is_complete(&self.patterns) {
            return;
        }
        let Some(peer) = state.peer.clone() else {
            return;
        };
        drop(state);
        let params = below(&peer, PARAMS);
        self.connection
            .broker()
            .publish_unattended(params, None, None);
    }

    /// Polls what sends the call, unless the call has failed: one that was said not to be sent is
    /// not sent after that.
    pub(crate) fn poll_send<T>(
        &self,
        cx: &mut Context<'_>,
        mut send: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<Result<T, RpcError>> {
        let mut state = self.state();
        if let Some(failure) = &state.failure {
            return Poll::Ready(Err(failure.clone()));
        }
        let result = send(cx);
        if result.is_pending() {
            state.waiting.register(ROOT, cx.waker());
        }
        result.map(Ok)
    }

    /// Resolves once the call has failed.
    pub(crate) fn poll_failed(&self, key: u32, cx: &mut Context<'_>) -> Poll<RpcError> {
        let mut state = self.state();
        if let Some(failure) = &state.failure {
            return Poll::Ready(failure.clone());
        }
        state.waiting.register(key, cx.waker());
        Poll::Pending
    }

    /// A key for one more who waits.
    pub(crate) fn key(&self) -> u32 {
        self.state().waiting.key()
    }

    pub(crate) fn forget(&self, key: u32) {
        self.state().waiting.forget(key);
    }

    /// What there is to read at `path`.
    pub(crate) fn next(&self, path: &[usize], cx: &mut Context<'_>) -> Next {
        let budget = self.connection.budget();
        let mut state = self.state();
        let next = match state.known(path) {
            Some(inlet) => inlet.next(cx.waker(), budget),
            None => return Next::Pending,
        };
        match (&state.failure, next) {
            (Some(failure), Next::Pending) => Next::Failed(failure.clone()),
            (_, next) => next,
        }
    }

    /// Whether a reader may have the stream at `path`: it is among those that were asked for, and
    /// nobody has it.
    pub(crate) fn take_stream(&self, path: &[usize]) -> bool {
        let mut state = self.state();
        let inlet = state.inlet(path, &self.patterns, self.connection.budget());
        match inlet {
            Some(Ok(inlet)) if !inlet.taken => {
                inlet.taken = true;
                true
            }
            _ => false,
        }
    }

    /// The reader of the stream at `path` is gone.
    pub(crate) fn abandon_stream(&self, path: &[usize]) {
        let budget = self.connection.budget();
        if let Some(inlet) = self.state().known(path) {
            inlet.abandon(budget);
        }
    }

    /// A writer is gone before its stream was closed; `sent` messages are on it, after `before`.
    pub(crate) fn abandon_outgoing(
        &self,
        path: &[usize],
        sent: u64,
        mut before: Option<Publishing>,
    ) {
        if path.is_empty() && self.state().ending.leave(sent, &mut before) {
            return;
        }
        self.end_outgoing(path, sent, before, &self.abandoned());
    }

    /// What a stream ends in that its writer left open.
    fn abandoned(&self) -> RpcError {
        match &self.side {
            Side::Caller { .. } => self.params_abandoned(),
            Side::Target { function, .. } => self.failure().unwrap_or_else(|| {
                function.error(
                    RpcErrorKind::TargetFailed,
                    Delivery::Accepted,
                    "the function ended without a result",
                )
            }),
        }
    }

    /// Leaves the end of the results to who calls [`end_results`](Self::end_results), unless their
    /// writer closes them.
    pub(crate) fn hold_results(&self) {
        self.state().ending = Ending::Held;
    }

    /// The call is over, in `error` if it failed: so end its results that are open.
    pub(crate) fn end_results(&self, error: Option<&RpcError>) {
        let ending = core::mem::take(&mut self.state().ending);
        if let Some(error) = error {
            self.fail(error.clone());
        }
        if let Ending::Left { sent, before } = ending {
            let error = error.cloned().unwrap_or_else(|| self.abandoned());
            self.end_outgoing(&[], sent, before, &error);
        }
    }

    /// Ends an outgoing stream in `error`, unless nobody is there to read it.
    pub(crate) fn end_outgoing(
        &self,
        path: &[usize],
        sent: u64,
        before: Option<Publishing>,
        error: &RpcError,
    ) {
        let mut state = self.state();
        if state.is_over {
            return;
        }
        let Some(peer) = state.peer.clone() else {
            state.params_abandoned |= path.is_empty();
            return;
        };
        drop(state);
        let broker = self.connection.broker();
        let subject = stream(&peer, self.outgoing(), path);
        let headers = Some(header::trailer(error, sent));
        match before {
            None => broker.publish_unattended(subject, headers, None),
            // It must not overtake what waits for room.
            Some(before) => broker.leave_with(before, subject, headers),
        }
    }

    fn params_abandoned(&self) -> RpcError {
        self.error(
            RpcErrorKind::Other,
            Delivery::Accepted,
            "the caller gave up before the parameters were complete",
        )
    }

    /// The server that took the call, if nothing was heard of it since `tick`.
    pub(crate) fn silent_peer(&self, tick: u32) -> Option<Subject> {
        let state = self.state();
        let is_silent = self.is_caller()
            && state.failure.is_none()
            && !state.is_complete(&self.patterns)
            && tick.wrapping_sub(state.heard) < u32::MAX / 2;
        state.peer.clone().filter(|_| is_silent)
    }

    /// Asks for the server that took the call, if it is the one below `server` and was not asked
    /// for yet.
    pub(crate) fn suspect(&self, server: &str) {
        let mut state = self.state();
        let is_below = |peer: &&Subject| {
            let base = peer.rsplit_once('.').map(|(base, _)| base);
            base == Some(server)
        };
        let peer = state.peer.as_ref().filter(is_below).cloned();
        let Some(peer) = peer.filter(|_| self.is_caller() && !state.is_suspect) else {
            return;
        };
        state.is_suspect = true;
        drop(state);
        self.probe(&peer);
    }

    /// Asks the broker whether the server that took the call is there.
    pub(crate) fn probe(&self, peer: &Subject) {
        self.connection.broker().publish_unattended(
            below(peer, ALIVE),
            None,
            Some(below(&self.inbox(), ALIVE)),
        );
    }
}

impl State {
    /// Something arrived, so the other side was there.
    fn heard(&mut self, tick: u32) {
        self.heard = tick;
        self.is_suspect = false;
    }

    fn inlets(&mut self) -> impl Iterator<Item = &mut Inlet> {
        core::iter::once(&mut self.root).chain(self.nested.values_mut())
    }

    fn known(&mut self, path: &[usize]) -> Option<&mut Inlet> {
        if path.is_empty() {
            Some(&mut self.root)
        } else {
            self.nested.get_mut(path)
        }
    }

    /// The stream at `path`, if it was asked for.
    fn inlet(
        &mut self,
        path: &[usize],
        patterns: &Paths,
        budget: &crate::budget::Budget,
    ) -> Option<Result<&mut Inlet, Refusal>> {
        if path.is_empty() {
            return Some(Ok(&mut self.root));
        }
        if !self.nested.contains_key(path) {
            if !patterns.iter().any(|pattern| matches(pattern, path)) {
                return None;
            }
            if !budget.take(STREAM, 0) {
                return Some(Err(Refusal::Overrun));
            }
        }
        let late_failure = self.late_failure.as_ref();
        Some(Ok(self.nested.entry(path.into()).or_insert_with(|| {
            let mut inlet = Inlet::default();
            if let Some(error) = late_failure {
                inlet.break_off(error.clone());
            }
            inlet
        })))
    }

    /// Whether nothing of the results can be missing.
    fn is_complete(&self, patterns: &Paths) -> bool {
        let streams = self.nested.values();
        self.root.has_ended()
            && (patterns.is_empty()
                || !self.nested.is_empty() && streams.into_iter().all(Inlet::has_ended))
    }

    fn wakers(&mut self) -> impl Iterator<Item = core::task::Waker> {
        let waiting = self.waiting.take();
        waiting.chain(self.inlets().filter_map(Inlet::wake))
    }

    fn clear(&mut self, budget: &crate::budget::Budget) {
        self.inlets().for_each(|inlet| inlet.clear(budget));
    }

    /// Lets go of all that a call that failed has not read.
    fn let_go(&mut self, budget: &crate::budget::Budget) {
        if let Some(failure) = self.failure.clone() {
            self.inlets()
                .for_each(|inlet| inlet.let_go(&failure, budget));
        }
    }
}

/// Whether a stream at `path` was asked for by `pattern`.
fn matches(pattern: &[Option<usize>], path: &[usize]) -> bool {
    pattern.len() == path.len()
        && pattern
            .iter()
            .zip(path)
            .all(|(asked, index)| asked.is_none_or(|asked| asked == *index))
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.connection.registry().remove(&self.id);
        let is_caller = self.is_caller();
        let budget = self.connection.budget();
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.clear(budget);
        budget.give_back(STREAM * state.nested.len());
        if is_caller
            && !state.is_over
            && !state.is_complete(&self.patterns)
            && let Some(peer) = &state.peer
        {
            self.connection.cancel(peer);
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Exchange");
        match &self.side {
            Side::Caller { progress, .. } => debug.field("progress", progress),
            Side::Target { function, .. } => debug.field("function", &format_args!("{function}")),
        };
        debug.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the documentation of `Client` says of it, with the call's two subjects and its place in
    /// the registry.
    #[test]
    fn a_waiting_call_is_small() {
        assert!(size_of::<Exchange>() <= 448, "{}", size_of::<Exchange>());
    }

    #[test]
    fn a_pattern_is_of_one_length() {
        assert!(matches(&[Some(1), None], &[1, 7]));
        assert!(!matches(&[Some(1), None], &[2, 7]));
        assert!(!matches(&[None], &[1, 7]));
        assert!(!matches(&[None, None], &[1]));
    }
}
