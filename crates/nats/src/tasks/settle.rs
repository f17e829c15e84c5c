//! Telling the other side late what most calls need not tell.
//!
//! Most calls have room for all parameters in their first message, and are answered in less than a
//! millisecond. Such a target needs no message that says that these were all parameters, and such a
//! caller none that says that the call was taken: the answer says both. So either is sent only to
//! who has waited for a while, which spares most calls three of their five messages. (Of a call
//! without parameters the target is told at once: it may well wait for that.)
//!
//! Whoever waits for a handshake can do nothing else, so it comes soon. Few targets read on after
//! parameters that they have decoded, so the end of these has time; but not that of
//! [`SlowFunctions`](crate::slow::SlowFunctions), nor of calls that have none to lose.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use pin_project::pin_project;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::exchange::Exchange;

/// How long a handshake is put off; at most twice as long passes.
const HANDSHAKE: Duration = Duration::from_millis(1);

/// How long the end of parameters is put off; at most twice as long passes.
const END_OF_PARAMS: Duration = Duration::from_millis(10);

/// A call with as much time until its deadline has time for what is put off.
pub(crate) const ENOUGH_TIME: Duration = Duration::from_millis(100);

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
        handshakes: Queue::new(owed_handshakes, HANDSHAKE, Timer::Exact),
        ends_of_params: Queue::new(owed_ends, END_OF_PARAMS, Timer::Lazy),
    };
    (owing, settling)
}

/// Takes calls of which something is owed to the other side.
pub(crate) struct Owing {
    handshakes: mpsc::UnboundedSender<Weak<Exchange>>,
    ends_of_params: mpsc::UnboundedSender<Weak<Exchange>>,
}

impl Owing {
    /// The caller is to be told that its call was taken.
    pub(crate) fn handshake(&self, call: &Arc<Exchange>) {
        // The task that does it runs as long as there is a call.
        let _ = self.handshakes.send(Arc::downgrade(call));
    }

    /// The target is to be told that there are no more parameters.
    pub(crate) fn end_of_params(&self, call: &Arc<Exchange>) {
        // The same task.
        let _ = self.ends_of_params.send(Arc::downgrade(call));
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
    /// Settles all calls, if it has not been polled yet.
    pub(crate) fn settle_all(&mut self) {
        for queue in [&mut self.handshakes, &mut self.ends_of_params] {
            while let Ok(call) = queue.owed.try_recv() {
                call.upgrade().iter().for_each(|call| call.settle());
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
    /// It is set for the next call, or dropped. One that runs out while messages arrive has another
    /// thread woken, for nothing.
    Exact,
    /// It runs out, and is set for the next call then. Where nothing else is due sooner, setting one
    /// wakes the runtime's driver: for most calls that would be all it does.
    Lazy,
}

/// Calls in the order in which they are due.
#[pin_project]
struct Queue {
    owed: mpsc::UnboundedReceiver<Weak<Exchange>>,
    put_off: Duration,
    timer: Timer,
    /// What is over is kept, in memory too, behind a call that is not, until that is due.
    calls: VecDeque<Owed>,
    /// Runs out when the first of the calls is due, or before.
    #[pin]
    sleep: Option<Sleep>,
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

impl Queue {
    fn new(owed: mpsc::UnboundedReceiver<Weak<Exchange>>, put_off: Duration, timer: Timer) -> Self {
        Self {
            owed,
            put_off,
            timer,
            calls: VecDeque::new(),
            sleep: None,
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
        let put_off = *this.put_off;
        let owed = |call| Owed {
            call,
            due: Instant::now() + put_off,
        };
        loop {
            if calls.is_empty() && this.sleep.is_none() {
                calls.shrink_to(USUAL);
                match ready!(this.owed.poll_recv(cx)) {
                    Some(call) => calls.push_back(owed(call)),
                    None => return Poll::Ready(()),
                }
            }
            // More calls are seen when the timer runs out, if not before.
            while let Ok(call) = this.owed.try_recv() {
                calls.push_back(owed(call));
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
    use tokio::task::yield_now;
    use tokio::time::{advance, sleep, timeout};
    use wrpc_middleware_transport::{Paths, Progress};

    use super::*;
    use crate::budget::Budget;
    use crate::connection::Connection;
    use crate::exchange::{Answered, Part, ROOT, Side};
    use crate::function::Function;
    use crate::offline::{self, message};
    use crate::slow::SlowFunctions;

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

    const SUBJECT: &str = "t.wrpc.0.0.1.a:b/c.f";

    /// A call that was taken.
    fn taken(connection: &Arc<Connection>) -> Arc<Exchange> {
        taken_by(connection, SUBJECT)
    }

    fn taken_by(connection: &Arc<Connection>, subject: &'static str) -> Arc<Exchange> {
        let progress = Progress::new("a:b/c", "f");
        let paths = Paths::default();
        let subject = subject.into();
        let exchange = Exchange::of_caller(Arc::clone(connection), progress, subject, paths);
        let mut taken = message(exchange.inbox());
        taken.reply = Some("_INBOX.t.one".into());
        exchange.deliver(Part::Root, taken);
        exchange
    }

    /// Whether the next call is told at once.
    fn is_slow(connection: &Arc<Connection>, subject: &str) -> bool {
        connection
            .core()
            .slow
            .take_call(SlowFunctions::slot(subject))
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

    /// What makes a call that owes something, what is the end of it, and how long it is put off.
    type PutOff = (
        fn(&Arc<Connection>) -> Arc<Exchange>,
        fn(&Exchange),
        Duration,
    );

    const PUT_OFF: [PutOff; 2] = [(untold, answer, HANDSHAKE), (unended, end, END_OF_PARAMS)];

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
            let first = untold(&connection);
            assert_eq!(timers(&mut settling), (true, false));
            advance(HANDSHAKE / 2).await;
            let second = untold(&connection);
            assert_eq!(timers(&mut settling), (true, false));
            let set_for_first = settling.handshakes.sleep.as_ref().unwrap().deadline();
            answer(&first);
            assert_eq!(timers(&mut settling), (true, false));
            let set_for_second = settling.handshakes.sleep.as_ref().unwrap().deadline();
            assert!(set_for_second > set_for_first);
            drop(second);
            assert_eq!(timers(&mut settling), (false, false));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_timer_for_ends_of_params_runs_out_whatever_becomes_of_calls() {
        let (connection, mut settling) = connection().await;
        end(&unended(&connection));
        assert_eq!(timers(&mut settling), (false, false), "it is over");
        let first = unended(&connection);
        assert_eq!(timers(&mut settling), (false, true));
        let set = settling.ends_of_params.sleep.as_ref().unwrap().deadline();
        pass(&mut settling, END_OF_PARAMS / 2).await;
        let second = unended(&connection);
        for call in [first, second] {
            end(&call);
            assert_eq!(timers(&mut settling), (false, true));
            let now = settling.ends_of_params.sleep.as_ref().unwrap().deadline();
            assert_eq!(now, set);
        }
        pass(&mut settling, END_OF_PARAMS / 2 + TICK).await;
        assert_eq!(timers(&mut settling), (false, false));
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_come_while_it_waits_are_settled_in_time() {
        for (owing, end, put_off) in PUT_OFF {
            let (connection, settling) = connection().await;
            let settled = tokio::spawn(settling);
            for wait in [Duration::ZERO, put_off / 2, put_off * 3] {
                // It has a timer for a call that is over, or waits for calls.
                let over = owing(&connection);
                yield_now().await;
                end(&over);
                sleep(wait).await;
                let call = owing(&connection);
                sleep(put_off.saturating_sub(TICK)).await;
                assert!(call.is_owing(), "too early");
                sleep(put_off + TICK * 3).await;
                assert!(!call.is_owing(), "too late");
                connection
                    .core()
                    .slow
                    .learn(SlowFunctions::slot(SUBJECT), false);
            }
            assert!(!settled.is_finished(), "there may be more calls");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_owed_of_a_call_that_is_urgent() {
        let (connection, mut settling) = connection().await;
        let call = taken(&connection);
        call.set_urgent();
        end_params(&call);
        assert!(!call.is_owing());
        assert_eq!(timers(&mut settling), (false, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_goes_on_is_settled_in_time_whatever_becomes_of_others() {
        for (owing, end, put_off) in PUT_OFF {
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
    async fn a_function_that_was_told_late_is_told_at_once_the_next_time() {
        let (connection, mut settling) = connection().await;
        let (slow, fast) = (unended(&connection), taken_by(&connection, "t.fast"));
        end_params(&fast);
        pass(&mut settling, END_OF_PARAMS / 2).await;
        end(&fast);
        pass(&mut settling, END_OF_PARAMS / 2 + TICK).await;
        assert!(!slow.is_owing());
        drop((slow, fast));
        let next = taken(&connection);
        end_params(&next);
        assert!(!next.is_owing());
        assert_eq!(timers(&mut settling), (false, false));
        assert!(is_slow(&connection, SUBJECT) && !is_slow(&connection, "t.fast"));
    }

    #[tokio::test(start_paused = true)]
    async fn so_is_one_that_was_given_up_without_a_word_of_it() {
        let (connection, _settling) = connection().await;
        let answered = unended(&connection);
        end(&answered);
        drop(answered);
        assert!(!is_slow(&connection, SUBJECT));
        drop(unended(&connection));
        assert!(is_slow(&connection, SUBJECT));
        // One call of many finds out whether it is slow any more.
        let mut calls = (0..100).map(|_| {
            let call = taken(&connection);
            end_params(&call);
            call
        });
        let finds_out = calls.find(|call| call.is_owing()).unwrap();
        end(&finds_out);
        drop(finds_out);
        assert!(!is_slow(&connection, SUBJECT));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_was_answered_before_shows_nothing() {
        let (connection, _settling) = connection().await;
        drop(unended(&connection));
        for _ in 0..100 {
            let answered = taken(&connection);
            end(&answered);
            end_params(&answered);
        }
        assert!(is_slow(&connection, SUBJECT));
    }
}
