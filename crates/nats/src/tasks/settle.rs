//! Telling the other side late what most calls need not tell.
//!
//! Most calls have room for all parameters in their first message, and are answered in less than a
//! millisecond. Such a target needs no message that says that these were all parameters, and such a
//! caller none that says that the call was taken: the answer says both. So either is sent only to
//! who has waited for a while, which spares most calls three of their five messages. (Of a call
//! without parameters the target is told at once: it may well wait for that.)

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Weak;

use pin_project::pin_project;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::exchange::Exchange;

/// How long the other side may wait; at most twice as long passes.
const PATIENCE: Duration = Duration::from_millis(1);

/// Room for as many calls is kept.
const USUAL: usize = 1024;

/// Settles calls that are not over after a while.
///
/// Whoever passes messages on polls it after them: then it knows which calls are over, and has a
/// timer only as long as one is not. A timer that runs out while messages arrive would have another
/// thread woken, for nothing.
#[pin_project]
pub(crate) struct Settling {
    owed: mpsc::UnboundedReceiver<Weak<Exchange>>,
    calls: VecDeque<Owed>,
    /// Runs out when the first of the calls is due.
    #[pin]
    sleep: Option<Sleep>,
}

struct Owed {
    call: Weak<Exchange>,
    due: Instant,
}

impl Owed {
    fn new(call: Weak<Exchange>) -> Self {
        let due = Instant::now() + PATIENCE;
        Self { call, due }
    }

    fn is_over(&self) -> bool {
        self.call.upgrade().is_none_or(|call| !call.is_owing())
    }
}

impl Settling {
    pub(crate) fn new(owed: mpsc::UnboundedReceiver<Weak<Exchange>>) -> Self {
        Self {
            owed,
            calls: VecDeque::new(),
            sleep: None,
        }
    }
}

/// Resolves once there will be no calls any more.
impl Future for Settling {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let calls = this.calls;
        loop {
            while let Ok(call) = this.owed.try_recv() {
                calls.push_back(Owed::new(call));
            }
            while calls.front().is_some_and(Owed::is_over) {
                calls.pop_front();
            }
            let Some(first) = calls.front() else {
                // Put off, it would wake the runtime's driver once all the same.
                this.sleep.set(None);
                calls.shrink_to(USUAL);
                match ready!(this.owed.poll_recv(cx)) {
                    Some(call) => calls.push_back(Owed::new(call)),
                    None => return Poll::Ready(()),
                }
                continue;
            };
            // More calls are seen when it runs out, if not before.
            if let Some(sleep) = this.sleep.as_mut().as_pin_mut() {
                if sleep.deadline() != first.due {
                    sleep.reset(first.due);
                }
            } else {
                this.sleep.set(Some(sleep_until(first.due)));
            }
            if let Some(sleep) = this.sleep.as_mut().as_pin_mut() {
                ready!(sleep.poll(cx));
            }
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
    use std::sync::Arc;

    use core::task::Waker;
    use tokio::time::timeout;
    use wrpc_middleware_transport::{Paths, Progress};

    use super::*;
    use crate::budget::Budget;
    use crate::connection::Connection;
    use crate::exchange::{Part, ROOT};
    use crate::offline::{self, message};

    /// A call that was taken and whose parameters, written all, have not ended.
    fn owing(connection: &Arc<Connection>) -> Arc<Exchange> {
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

    async fn connection() -> (Arc<Connection>, Pin<Box<Settling>>) {
        let budget = Budget::new(1 << 20, 1 << 20);
        let (connection, idle) = offline::connection(budget, 2048).await;
        (connection, Box::pin(Settling::new(idle.owed)))
    }

    /// Whether there is a timer once it has seen what there is.
    fn has_timer(settling: &mut Pin<Box<Settling>>) -> bool {
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(settling.as_mut().poll(cx).is_pending());
        settling.sleep.is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_a_timer_as_long_as_a_call_is_not_over() {
        let (connection, mut settling) = connection().await;
        assert!(!has_timer(&mut settling));
        for _ in 0..2 {
            let [first, second] = [(); 2].map(|()| owing(&connection));
            assert!(has_timer(&mut settling));
            end(&first);
            assert!(has_timer(&mut settling));
            drop(second);
            assert!(!has_timer(&mut settling));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_owed_of_a_call_without_parameters() {
        let (connection, mut settling) = connection().await;
        let call = taken(&connection);
        call.set_no_params();
        end_params(&call);
        assert!(!call.is_owing());
        assert!(!has_timer(&mut settling));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_goes_on_is_settled_in_time_whatever_becomes_of_others() {
        let (connection, mut settling) = connection().await;
        let over = owing(&connection);
        assert!(has_timer(&mut settling));
        let calls = [(); 2].map(|()| owing(&connection));
        end(&over);
        assert!(has_timer(&mut settling));
        assert!(calls.iter().all(|call| call.is_owing()), "too early");
        let settled = timeout(PATIENCE * 2, settling.as_mut());
        assert!(settled.await.is_err(), "there may be more calls");
        assert!(!calls.iter().any(|call| call.is_owing()), "too late");
        assert!(!has_timer(&mut settling));
    }
}
