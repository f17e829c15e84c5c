//! One call and the threads that have a part in it: who passes messages on, who reads, who looks
//! after all calls, and who loses the connection.

use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::task::Wake;

use bytes::Bytes;
use tokio::io::{AsyncRead as _, ReadBuf};

use super::*;
use crate::budget::Budget;
use crate::connection::ConnectionState;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::thread::{self, Thread};
use crate::{Incoming, Outgoing, header, offline};

const CHUNKS: u8 = if cfg!(shuttle) { 3 } else { 30 };

/// Wakes a thread that waits.
struct Waiting {
    thread: Thread,
    was_woken: AtomicBool,
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.was_woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// What a reader gets, and whether it ends cleanly.
fn read_all(incoming: &mut Incoming) -> (Vec<u8>, bool) {
    let waiting = Arc::new(Waiting {
        thread: thread::current(),
        was_woken: AtomicBool::new(false),
    });
    let waker = Waker::from(Arc::clone(&waiting));
    let mut read = Vec::new();
    loop {
        let mut bytes = [0; 3];
        let mut buf = ReadBuf::new(&mut bytes);
        match Pin::new(&mut *incoming).poll_read(&mut Context::from_waker(&waker), &mut buf) {
            Poll::Ready(Ok(())) if buf.filled().is_empty() => return (read, true),
            Poll::Ready(Ok(())) => read.extend(buf.filled()),
            Poll::Ready(Err(_)) => return (read, false),
            Poll::Pending => {
                while !waiting.was_woken.swap(false, Ordering::AcqRel) {
                    park();
                }
            }
        }
    }
}

fn message(subject: Subject, nth: u8) -> Message {
    let is_end = nth == CHUNKS;
    let mut message = offline::message(subject);
    if !is_end {
        message.payload = vec![nth; 2].into();
    }
    message.headers = header::write_sequence(nth.into());
    message
}

/// Whether the reader of one call got all of it, where the connection `is_lost` meanwhile or not.
fn call(connection: &Arc<Connection>, is_lost: bool) -> bool {
    let progress = Progress::new("a:b/c", "f");
    let subject = "t.wrpc.0.0.1.a:b/c.f".into();
    let paths = Paths::default();
    let exchange = Exchange::of_caller(Arc::clone(connection), progress.clone(), subject, paths);
    let mut incoming = Incoming::new(Arc::clone(&exchange));
    let outgoing = Outgoing::new(Arc::clone(&exchange), Bytes::new());
    let inbox = exchange.inbox();
    drop(exchange);
    let core = connection.core();
    let (read, is_clean) = thread::scope(|scope| {
        scope.spawn(|| {
            let mut handshake = message(inbox.clone(), CHUNKS);
            handshake.headers = None;
            handshake.reply = Some("_INBOX.t.AAAAAAAAAAAAAAAA.aaaaaaaaaaaaaaaa".into());
            core.deliver(handshake);
            let results = crate::subject::below(&inbox, crate::subject::RESULTS);
            for nth in 0..=CHUNKS {
                core.deliver(message(results.clone(), nth));
            }
        });
        scope.spawn(|| {
            for exchange in core.registry.all() {
                exchange.settle();
                let _ = exchange.silent_peer(0);
            }
            drop(outgoing);
        });
        if is_lost {
            scope.spawn(|| {
                core.lost(ConnectionState::Disconnected);
                core.connected();
            });
        }
        let reader = scope.spawn(|| {
            let read = read_all(&mut incoming);
            drop(incoming);
            read
        });
        reader.join().expect("it says what went wrong")
    });
    let all: Vec<_> = (0..CHUNKS).flat_map(|nth| [nth; 2]).collect();
    assert!(all.starts_with(&read), "{read:?}");
    assert!(
        !is_clean || read == all,
        "the end, and not of all: {read:?}"
    );
    assert_eq!(core.registry.len(), 0);
    assert_eq!(core.budget.held(), 0);
    is_clean
}

/// Waits to be woken.
#[cfg(not(shuttle))]
fn park() {
    use std::time::{Duration, Instant};
    /// Far longer than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(30);
    let since = Instant::now();
    thread::park_timeout(PATIENCE);
    assert!(since.elapsed() < PATIENCE, "the reader was not woken");
}

/// Shuttle fails a test where nobody can go on.
#[cfg(shuttle)]
use crate::sync::thread::park;

/// Plays a call again and again, over a connection which stays, or with its threads in other orders.
#[cfg(not(shuttle))]
fn play(check: impl Fn(&Arc<Connection>)) {
    const ROUNDS: usize = 100;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let nats = runtime.block_on(offline::nats(1 << 16));
    let (connection, _idle) = offline::over(nats, Budget::new(1 << 20, 1 << 20));
    (0..ROUNDS).for_each(|_| check(&connection));
}

#[cfg(shuttle)]
fn play(check: impl Fn(&Arc<Connection>) + Send + Sync + 'static) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let nats = runtime.block_on(offline::nats(1 << 20));
    wrpc_middleware_testing::interleavings::interleave(move || {
        let (connection, _idle) = offline::over(nats.clone(), Budget::new(1 << 20, 1 << 20));
        check(&connection);
    });
}

#[test]
fn a_reader_gets_all_that_arrives_and_is_always_woken() {
    play(|connection| assert!(call(connection, false), "nothing was lost"));
}

#[test]
fn nothing_is_taken_for_the_whole_when_the_connection_is_lost() {
    play(|connection| {
        call(connection, true);
    });
}
