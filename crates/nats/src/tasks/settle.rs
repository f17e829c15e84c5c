//! Telling the other side late what most calls need not tell.
//!
//! Most calls have room for all parameters in their first message, and are answered in less than a
//! millisecond. Such a target needs no message that says that these were all parameters, and such a
//! caller none that says that the call was taken: the answer says both. So either is sent only to
//! who has waited for a while, which spares most calls three of their five messages. (Of a call
//! without parameters the target is told at once: it may well wait for that.)
//!
//! Whoever waits for a handshake waits for nothing else, a failure of the target included, so it
//! comes soon. Few targets read on after parameters that they have decoded, so the end of these has
//! time; [`SlowFunctions`](crate::slow::SlowFunctions) are told at once.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use pin_project::pin_project;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::exchange::Exchange;

/// How long a handshake is put off; a timer may take a millisecond more.
const HANDSHAKE: Duration = Duration::from_millis(1);

/// How long the end of parameters is put off.
const END_OF_PARAMS: Duration = Duration::from_millis(10);

/// Room for as many calls is kept.
const USUAL: usize = 1024;

/// Calls of which something is to be told to the other side if they are not over soon; and what
/// tells it.
pub(crate) fn settling() -> (Owing, Settling) {
    let (handshakes, owed_handshakes) = mpsc::unbounded_channel();
    let (ends_of_params, owed_ends) = mpsc::unbounded_channel();
    let owing = Owing {
        handshakes,
        ends_of_params,
    };
    let settling = Settling {
        // Most calls are over before it has run out. Where messages arrive, another thread would be
        // woken for it.
        handshakes: Queue::new(owed_handshakes, Timer::Exact),
        // It is set so often that setting it costs more than letting it run out: where it is the
        // next one of the runtime, that wakes the runtime's driver.
        ends_of_params: Queue::new(owed_ends, Timer::Lazy),
    };
    (owing, settling)
}

/// Takes calls of which something is owed to the other side.
pub(crate) struct Owing {
    handshakes: mpsc::UnboundedSender<Owed>,
    ends_of_params: mpsc::UnboundedSender<Owed>,
}

impl Owing {
    /// The caller is to be told that its call was taken.
    pub(crate) fn handshake(&self, call: &Arc<Exchange>) {
        Self::add(&self.handshakes, call, HANDSHAKE);
    }

    /// The target is to be told that there are no more parameters.
    pub(crate) fn end_of_params(&self, call: &Arc<Exchange>) {
        Self::add(&self.ends_of_params, call, END_OF_PARAMS);
    }

    fn add(owed: &mpsc::UnboundedSender<Owed>, call: &Arc<Exchange>, put_off: Duration) {
        // The task that settles it runs as long as there is a call.
        let _ = owed.send(Owed {
            call: Arc::downgrade(call),
            due: Instant::now() + put_off,
        });
    }
}

struct Owed {
    call: Weak<Exchange>,
    due: Instant,
}

impl Owed {
    fn is_over(&self) -> bool {
        self.call.upgrade().is_none_or(|call| !call.is_owing())
    }
}

/// Settles calls that are not over after a while.
///
/// Whoever passes messages on polls it after them: then it knows which calls are over.
#[pin_project]
pub(crate) struct Settling {
    #[pin]
    handshakes: Queue,
    #[pin]
    ends_of_params: Queue,
}

#[cfg(any(test, fuzzing))]
impl Settling {
    /// Settles all calls, before they are due.
    pub(crate) fn settle_all(&mut self) {
        for queue in [&mut self.handshakes, &mut self.ends_of_params] {
            while let Ok(owed) = queue.owed.try_recv() {
                owed.call.upgrade().iter().for_each(|call| call.settle());
            }
        }
    }
}

/// Resolves once there will be no calls any more.
impl Future for Settling {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let handshakes = this.handshakes.poll(cx);
        let ends_of_params = this.ends_of_params.poll(cx);
        ready!(handshakes);
        ends_of_params
    }
}

/// What becomes of a timer when the call is over that it was set for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Timer {
    /// It is set for another call, or there is none.
    Exact,
    /// It runs out, and is set for another call then.
    Lazy,
}

/// Calls that are due in the order in which they were added.
#[pin_project]
struct Queue {
    owed: mpsc::UnboundedReceiver<Owed>,
    calls: VecDeque<Owed>,
    /// Runs out when the first of the calls is due, or before.
    #[pin]
    sleep: Option<Sleep>,
    timer: Timer,
}

impl Queue {
    fn new(owed: mpsc::UnboundedReceiver<Owed>, timer: Timer) -> Self {
        Self {
            owed,
            calls: VecDeque::new(),
            sleep: None,
            timer,
        }
    }
}

/// Resolves once there will be no calls any more.
impl Future for Queue {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let calls = this.calls;
        let is_exact = *this.timer == Timer::Exact;
        loop {
            if calls.is_empty() && this.sleep.is_none() {
                calls.shrink_to(USUAL);
                match ready!(this.owed.poll_recv(cx)) {
                    Some(call) => calls.push_back(call),
                    None => return Poll::Ready(()),
                }
            }
            // More calls are seen when the timer runs out, if not before.
            while let Ok(call) = this.owed.try_recv() {
                calls.push_back(call);
            }
            while calls.front().is_some_and(Owed::is_over) {
                calls.pop_front();
            }
            match (calls.front(), this.sleep.as_mut().as_pin_mut()) {
                (Some(first), None) => this.sleep.set(Some(sleep_until(first.due))),
                (Some(first), Some(sleep)) if is_exact && sleep.deadline() != first.due => {
                    sleep.reset(first.due);
                }
                // Put off, it would wake the runtime's driver once all the same.
                (None, Some(_)) if is_exact => this.sleep.set(None),
                _ => {}
            }
            let Some(sleep) = this.sleep.as_mut().as_pin_mut() else {
                continue;
            };
            ready!(sleep.poll(cx));
            this.sleep.set(None);
            let now = Instant::now();
            while calls.front().is_some_and(|call| call.due <= now) {
                if let Some(call) = calls.pop_front().and_then(|owed| owed.call.upgrade()) {
                    call.settle();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use core::task::Waker;
    use tokio::time::timeout;
    use wrpc_middleware_transport::{Paths, Progress};

    use super::*;
    use crate::budget::Budget;
    use crate::connection::Connection;
    use crate::exchange::{Answered, Part, ROOT, Side};
    use crate::function::Function;
    use crate::offline::{self, message};

    /// A call that was taken and whose parameters, written all, have not ended.
    fn unended(connection: &Arc<Connection>) -> Arc<Exchange> {
        let exchange = taken(connection);
        end_params(&exchange);
        assert!(exchange.is_owing());
        exchange
    }

    fn end_params(exchange: &Arc<Exchange>) {
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(exchange.poll_end_params(ROOT, cx).is_ready());
    }

    /// A call that was taken.
    fn taken(connection: &Arc<Connection>) -> Arc<Exchange> {
        let progress = Progress::new("a:b/c", "f");
        let subject = "t.wrpc.0.0.1.a:b/c.f".into();
        let paths = Paths::default();
        let exchange = Exchange::of_caller(Arc::clone(connection), progress, subject, paths);
        let mut taken = message(exchange.inbox());
        taken.reply = Some("_INBOX.t.one".into());
        exchange.deliver(Part::Root, taken);
        exchange
    }

    fn end(exchange: &Exchange) {
        let end = message(exchange.inbox());
        exchange.deliver(Part::Results(Vec::new()), end);
        assert!(!exchange.is_owing());
    }

    /// A call of which the caller was not told that it was taken.
    fn untold(connection: &Arc<Connection>) -> Arc<Exchange> {
        let side = Side::Target {
            function: Arc::new(Function {
                instance: "a:b/c".into(),
                func: "f".into(),
            }),
            _permits: Vec::new(),
        };
        let caller = Some("_INBOX.c.one~".into());
        let exchange = Exchange::new(Arc::clone(connection), side, caller, Paths::default());
        exchange.take();
        assert!(exchange.is_owing());
        exchange
    }

    fn answer(exchange: &Exchange) {
        assert!(matches!(exchange.answer(), Ok(Answered::InOne(_))));
        assert!(!exchange.is_owing());
    }

    async fn connection() -> (Arc<Connection>, Pin<Box<Settling>>) {
        let budget = Budget::new(1 << 20, 1 << 20);
        let (connection, idle) = offline::connection(budget, 2048).await;
        (connection, Box::pin(idle.settling))
    }

    /// Whether there is a timer for handshakes, and one for ends of parameters, once it has seen
    /// what there is.
    fn timers(settling: &mut Pin<Box<Settling>>) -> (bool, bool) {
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(settling.as_mut().poll(cx).is_pending());
        let Settling {
            handshakes,
            ends_of_params,
        } = &**settling;
        (handshakes.sleep.is_some(), ends_of_params.sleep.is_some())
    }

    /// Passes time; there may be more calls all the while.
    async fn pass(settling: &mut Pin<Box<Settling>>, time: Duration) {
        assert!(timeout(time, settling.as_mut()).await.is_err());
    }

    /// A timer of this runtime runs out at most as much later.
    const TICK: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn there_is_a_timer_as_long_as_a_handshake_is_owed() {
        let (connection, mut settling) = connection().await;
        assert_eq!(timers(&mut settling), (false, false));
        for _ in 0..2 {
            let [first, second] = [(); 2].map(|()| untold(&connection));
            assert_eq!(timers(&mut settling), (true, false));
            answer(&first);
            assert_eq!(timers(&mut settling), (true, false));
            drop(second);
            assert_eq!(timers(&mut settling), (false, false));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_timer_for_ends_of_params_runs_out_for_nothing_rather_than_being_set_anew() {
        let (connection, mut settling) = connection().await;
        end(&unended(&connection));
        assert_eq!(timers(&mut settling), (false, false), "it is over");
        let call = unended(&connection);
        assert_eq!(timers(&mut settling), (false, true));
        end(&call);
        assert_eq!(timers(&mut settling), (false, true));
        pass(&mut settling, END_OF_PARAMS.saturating_sub(TICK)).await;
        // Seen as late as this, it is due no later.
        let call = unended(&connection);
        assert_eq!(timers(&mut settling), (false, true));
        pass(&mut settling, END_OF_PARAMS.saturating_sub(TICK)).await;
        assert!(call.is_owing(), "too early");
        pass(&mut settling, TICK * 2).await;
        assert!(!call.is_owing(), "too late");
        assert_eq!(timers(&mut settling), (false, false));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_owed_of_a_call_without_parameters() {
        let (connection, mut settling) = connection().await;
        let call = taken(&connection);
        call.set_no_params();
        end_params(&call);
        assert!(!call.is_owing());
        assert_eq!(timers(&mut settling), (false, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_goes_on_is_settled_in_time_whatever_becomes_of_others() {
        for (owing, end, put_off) in [
            (untold as fn(&_) -> _, answer as fn(&Exchange), HANDSHAKE),
            (unended, end, END_OF_PARAMS),
        ] {
            let (connection, mut settling) = connection().await;
            let over = owing(&connection);
            assert_ne!(timers(&mut settling), (false, false));
            let calls = [(); 2].map(|()| owing(&connection));
            end(&over);
            assert_ne!(timers(&mut settling), (false, false));
            assert!(calls.iter().all(|call| call.is_owing()), "too early");
            pass(&mut settling, put_off + TICK).await;
            assert!(!calls.iter().any(|call| call.is_owing()), "too late");
            assert_eq!(timers(&mut settling), (false, false));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_that_was_slow_is_told_at_once_the_next_time() {
        let (connection, mut settling) = connection().await;
        let slow = unended(&connection);
        pass(&mut settling, END_OF_PARAMS + TICK).await;
        assert!(!slow.is_owing());
        let next = taken(&connection);
        end_params(&next);
        assert!(!next.is_owing());
        assert_eq!(timers(&mut settling), (false, false));
    }
}
