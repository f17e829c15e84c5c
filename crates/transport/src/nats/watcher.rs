//! Looking at a client on behalf of all calls that wait.

use core::sync::atomic::{AtomicBool, Ordering, fence};
use core::task::{Context, Poll};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::time::sleep;
use wrpc_middleware_errors::RpcError;

use super::connection::{Broker, Connection, Connects, LOOK, lost};
use crate::progress::WeakProgress;
use crate::wakers::WakerSlot;
use crate::{Progress, Stage};

/// How often to look for nobody before going to sleep, so that a caller who makes one call after
/// the other need not wake the task each time.
const LINGER: u32 = 100;

/// Room for as many calls is kept in any case.
const USUAL: usize = 64;

/// Looks at a client, which has no event to await, for all calls that wait for the loss of their
/// connection.
///
/// A timer of each call's own would cost more than all else that this crate does for a call: it is
/// the next one to fire, so the runtime's driver has to be woken to learn of it.
#[derive(Debug)]
pub(super) struct Watcher<N = Broker>(Arc<Shared<N>>);

#[derive(Debug)]
struct Shared<N> {
    client: Arc<N>,
    calls: Mutex<Watched<N>>,
    /// Whether there is a task that looks.
    looking: AtomicBool,
}

#[derive(Debug)]
struct Watched<N> {
    /// Those that were handed to the client and that nobody has taken yet.
    untaken: Vec<Untaken>,
    /// What the last of them was sent over.
    connection: Option<Arc<Connection<N>>>,
}

#[derive(Debug)]
struct Untaken {
    /// That of the connection it was sent over.
    number: Option<u64>,
    call: WeakProgress,
}

impl<N: Connects> Watcher<N> {
    pub(super) fn new(client: Arc<N>) -> Self {
        Self(Arc::new(Shared {
            client,
            calls: Mutex::new(Watched {
                untaken: Vec::new(),
                connection: None,
            }),
            looking: AtomicBool::new(false),
        }))
    }

    /// The connection that the client has now, if there is one. `call`, which is about to be sent
    /// over it, fails if it is lost before the target took the call: no stream of upstream's client
    /// would.
    ///
    /// The task that looks runs on the runtime of whoever was first, and on another's once that
    /// runtime has ended and a call is made or waits to be [handed over](Self::poll_failed) there.
    /// It goes on for a second after the last of those is gone, and ends with the watcher.
    pub(super) fn watch(&self, call: &Progress) -> Option<Arc<Connection<N>>> {
        let connection = self.0.add(call)?;
        // After that: the task ends if it finds nobody.
        self.look();
        Some(connection)
    }

    /// Waits for the failure of `call`, while it is being handed to the client.
    pub(super) fn poll_failed(&self, call: &Progress, cx: &Context<'_>) -> Poll<RpcError> {
        WakerSlot::Outgoing.register(call.wakers(), cx.waker());
        // The task may have ended with its runtime: that wakes who has registered, or it is seen.
        fence(Ordering::SeqCst);
        self.look();
        match call.failure() {
            Some(failure) => Poll::Ready(failure.clone()),
            None => Poll::Pending,
        }
    }

    /// Starts the task that looks, on the caller's runtime, if there is none.
    fn look(&self) {
        let looking = &self.0.looking;
        if !looking.load(Ordering::Acquire) && !looking.swap(true, Ordering::AcqRel) {
            tokio::spawn(look(Looking(Arc::downgrade(&self.0))));
        }
    }
}

impl<N> Shared<N> {
    fn calls(&self) -> MutexGuard<'_, Watched<N>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<N: Connects> Shared<N> {
    /// Adds a call that is about to be sent over the connection returned.
    fn add(&self, call: &Progress) -> Option<Arc<Connection<N>>> {
        let number = Some(self.client.number()?);
        let mut calls = self.calls();
        let Watched {
            untaken,
            connection,
        } = &mut *calls;
        if untaken.len() == untaken.capacity() {
            untaken.retain(|untaken| untaken.is_waiting().is_some());
            // As many calls until the next time as are looked at now.
            let waiting = untaken.len();
            untaken.reserve(waiting.max(USUAL));
        }
        untaken.push(Untaken {
            number,
            call: call.downgrade(),
        });
        match connection {
            Some(connection) if connection.number() == number => Some(Arc::clone(connection)),
            connection => {
                let new = Connection::new(Arc::clone(&self.client), number);
                Some(Arc::clone(connection.insert(Arc::new(new))))
            }
        }
    }

    /// Fails the calls whose connection is lost. Returns whether others wait on.
    fn fail_untaken(&self) -> bool {
        let mut failed = Vec::new();
        let mut calls = self.calls();
        if calls.untaken.is_empty() {
            return false;
        }
        let number = self.client.number();
        calls.untaken.retain(|untaken| match untaken.is_waiting() {
            Some(call) if untaken.number != number => {
                failed.push(call);
                false
            }
            waiting => waiting.is_some(),
        });
        let others = !calls.untaken.is_empty();
        drop(calls);
        for call in failed {
            call.fail(lost(&call));
        }
        others
    }
}

impl Untaken {
    /// The call, if it still waits for its target.
    fn is_waiting(&self) -> Option<Progress> {
        let call = self.call.upgrade();
        call.filter(|call| call.stage() <= Stage::Queued)
    }
}

/// Fails calls whose connection is lost, until nobody has waited for a while.
async fn look<N: Connects>(looking: Looking<N>) {
    let mut idle = 0;
    loop {
        sleep(LOOK).await;
        let Some(shared) = looking.0.upgrade() else {
            return;
        };
        if shared.fail_untaken() {
            idle = 0;
            continue;
        }
        idle += 1;
        if idle < LINGER {
            continue;
        }
        // Whoever came in between has seen that there is a task, so it has to go on for them.
        shared.looking.swap(false, Ordering::AcqRel);
        if shared.calls().untaken.is_empty() || shared.looking.swap(true, Ordering::AcqRel) {
            looking.defuse();
            return;
        }
        idle = 0;
    }
}

/// The task's claim to be the one that looks, given up also when its runtime ends it.
struct Looking<N>(Weak<Shared<N>>);

impl<N> Looking<N> {
    /// The claim has been given up already.
    fn defuse(mut self) {
        self.0 = Weak::new();
    }
}

impl<N> Drop for Looking<N> {
    fn drop(&mut self) {
        let Some(shared) = self.0.upgrade() else {
            return;
        };
        shared.looking.store(false, Ordering::Release);
        fence(Ordering::SeqCst);
        // Those who wait on another runtime have to look for themselves from now on.
        let waiting: Vec<_> = shared
            .calls()
            .untaken
            .iter()
            .filter_map(Untaken::is_waiting)
            .collect();
        for call in waiting {
            call.wakers().wake_outgoing();
        }
    }
}

#[cfg(test)]
mod tests {
    use core::future::poll_fn;
    use core::sync::atomic::AtomicU64;
    use core::time::Duration;

    use futures::FutureExt as _;
    use tokio::runtime::{Builder, Handle, Runtime};
    use tokio::task::yield_now;
    use tokio::time::timeout;

    use wrpc_middleware_errors::{Delivery, RpcErrorKind};

    use super::*;

    const LOST: RpcErrorKind = RpcErrorKind::Transport;

    /// Its number of connections; zero is none.
    #[derive(Debug)]
    struct Fake(AtomicU64);

    impl Connects for Fake {
        fn number(&self) -> Option<u64> {
            Some(self.0.load(Ordering::Relaxed)).filter(|number| *number > 0)
        }
    }

    fn watcher() -> (Arc<Fake>, Watcher<Fake>) {
        let client = Arc::new(Fake(AtomicU64::new(1)));
        (Arc::clone(&client), Watcher::new(client))
    }

    fn runtime() -> Runtime {
        Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
    }

    fn tasks() -> usize {
        Handle::current().metrics().num_alive_tasks()
    }

    fn call() -> Progress {
        Progress::new("a:b/c", "f")
    }

    /// A call that is being handed over.
    fn waiting(watcher: &Watcher<Fake>) -> Progress {
        let call = call();
        assert!(watcher.watch(&call).is_some());
        call
    }

    /// Waits for the failure of a call.
    async fn failed(watcher: &Watcher<Fake>, call: &Progress) -> RpcError {
        poll_fn(|cx| watcher.poll_failed(call, cx)).await
    }

    /// Waits for the failure of a call as a stream does that was indexed.
    async fn child_failed(call: Progress) -> RpcError {
        let slot = WakerSlot::child(call.wakers());
        poll_fn(|cx| {
            slot.register(call.wakers(), cx.waker());
            call.failure().cloned().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    async fn passes(looks: u32) {
        tokio::time::sleep(LOOK * looks + Duration::from_millis(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn everyone_who_waits_learns_of_a_loss() {
        for now in [0, 2] {
            let (client, watcher) = watcher();
            let calls = [(); 3].map(|()| waiting(&watcher));
            let calls = calls.each_ref().map(|call| failed(&watcher, call));
            let calls = futures::future::join_all(calls);
            let mut calls = core::pin::pin!(calls);
            assert!(calls.as_mut().now_or_never().is_none());
            passes(3).await;
            assert!(calls.as_mut().now_or_never().is_none(), "nothing is lost");
            client.0.store(now, Ordering::Relaxed);
            calls.await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_loss_fails_the_calls_that_nobody_has_taken() {
        let (client, watcher) = watcher();
        let before = tasks();
        let calls = [(); 4].map(|()| waiting(&watcher));
        let [untaken, accepted, dropped, _] = calls;
        accepted.accepted();
        drop(dropped);
        passes(3 * LINGER).await;
        assert_eq!(tasks(), before + 1, "it is looked for those who wait");
        assert_eq!(untaken.stage(), Stage::Queued, "nothing is lost");
        // It comes back at once.
        client.0.store(2, Ordering::Relaxed);
        let later = waiting(&watcher);
        passes(1).await;
        let failure = untaken.failure().unwrap();
        assert_eq!(
            (failure.kind(), failure.delivery()),
            (LOST, Delivery::Unknown)
        );
        for call in [&accepted, &later] {
            assert!(call.failure().is_none(), "{call:?}");
        }
        drop(later);
        passes(2 * LINGER).await;
        assert_eq!(tasks(), before, "nobody waits any more");
        assert!(watcher.0.calls().untaken.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_not_there_is_not_watched() {
        let (client, watcher) = watcher();
        let before = tasks();
        client.0.store(0, Ordering::Relaxed);
        assert!(watcher.watch(&call()).is_none());
        assert_eq!(tasks(), before);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_share_what_is_known_of_their_connection() {
        let (client, watcher) = watcher();
        let sent_over = || watcher.watch(&call()).unwrap();
        let [first, second] = [(); 2].map(|()| sent_over());
        assert!(Arc::ptr_eq(&first, &second) && !first.is_lost());
        client.0.store(2, Ordering::Relaxed);
        let [third, fourth] = [(); 2].map(|()| sent_over());
        assert!(Arc::ptr_eq(&third, &fourth) && !third.is_lost());
        assert!(first.is_lost());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_made_between_two_looks_is_watched_too() {
        let (client, watcher) = watcher();
        let _first = waiting(&watcher);
        passes(1).await;
        client.0.store(2, Ordering::Relaxed);
        let call = waiting(&watcher);
        let mut told = core::pin::pin!(failed(&watcher, &call));
        passes(3).await;
        assert!(told.as_mut().now_or_never().is_none());
        client.0.store(0, Ordering::Relaxed);
        told.await;
    }

    #[tokio::test(start_paused = true)]
    async fn one_task_looks_and_ends_when_nobody_waits() {
        let (client, watcher) = watcher();
        let before = tasks();
        for _ in 0..3 {
            for _ in 0..5 {
                let call = waiting(&watcher);
                assert!(failed(&watcher, &call).now_or_never().is_none());
            }
            assert_eq!(tasks(), before + 1);
            passes(LINGER - 1).await;
            assert_eq!(tasks(), before + 1, "a little patience");
            passes(2).await;
            assert_eq!(tasks(), before);
        }
        // Somebody who waits keeps it.
        let call = waiting(&watcher);
        let mut told = core::pin::pin!(failed(&watcher, &call));
        assert!(told.as_mut().now_or_never().is_none());
        passes(3 * LINGER).await;
        assert_eq!(tasks(), before + 1);
        client.0.store(0, Ordering::Relaxed);
        told.await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_task_ends_with_the_watcher() {
        let (_client, watcher) = watcher();
        let before = tasks();
        drop(waiting(&watcher));
        drop(watcher);
        assert_eq!(tasks(), before + 1);
        passes(1).await;
        assert_eq!(tasks(), before);
    }

    #[test]
    fn another_runtime_looks_for_itself_once_the_first_is_gone() {
        let (client, watcher) = watcher();
        runtime().block_on(async {
            let call = waiting(&watcher);
            assert!(failed(&watcher, &call).now_or_never().is_none());
        });
        runtime().block_on(async {
            let call = waiting(&watcher);
            let mut told = core::pin::pin!(failed(&watcher, &call));
            assert!(told.as_mut().now_or_never().is_none());
            client.0.store(2, Ordering::Relaxed);
            told.await;
        });
    }

    #[test]
    fn who_waits_on_another_runtime_goes_on_when_the_first_ends() {
        let (client, watcher) = watcher();
        let watcher = Arc::new(watcher);
        let first = runtime();
        first.block_on(async { drop(waiting(&watcher)) });
        runtime().block_on(async {
            let call = waiting(&watcher);
            let stream = tokio::spawn(child_failed(call.clone()));
            let told = tokio::spawn({
                let watcher = Arc::clone(&watcher);
                async move { failed(&watcher, &call).await }
            });
            yield_now().await;
            assert_eq!(tasks(), 2, "the first runtime looks");
            first.shutdown_background();
            yield_now().await;
            assert_eq!(tasks(), 3, "it looks for itself");
            assert!(!told.is_finished(), "nothing is lost");
            client.0.store(2, Ordering::Relaxed);
            for failed in [told, stream] {
                let failed = timeout(3 * LOOK, failed).await.expect("an end");
                assert_eq!(failed.unwrap().kind(), LOST);
            }
        });
    }
}
