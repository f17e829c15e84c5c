//! A transport whose every step is in the hands of the test.

#![allow(dead_code, reason = "each test uses its part of it")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

pub mod immediate;

use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower::{Service, ServiceExt as _, service_fn};
use wrpc_middleware_transport::leaf::Evidence;
use wrpc_middleware_transport::{Delivery, Invocation, RpcError, RpcErrorKind, Stage, Transport};
use wrpc_transport::{Index, Invoke};

/// How the target of a call behaves.
#[allow(clippy::struct_excessive_bools, reason = "independent switches")]
#[derive(Debug, Default)]
struct Script {
    /// `invoke` does not return before this.
    published: bool,
    /// Writes and flushes do not complete before this.
    accepted: bool,
    /// The next write or flush fails so, once, and later ones hang as upstream's do.
    failure: Option<io::ErrorKind>,
    /// After the handshake, writes hang.
    clogged: bool,
    written: Vec<u8>,
    shut: bool,
    results: HashMap<Vec<usize>, (VecDeque<Bytes>, bool)>,
    wakers: Vec<Waker>,
}

/// The target's side of one call.
#[derive(Clone, Debug, Default)]
pub struct Call {
    script: Arc<Mutex<Script>>,
    /// Streams of this call that are alive.
    streams: Arc<AtomicUsize>,
}

impl Call {
    fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Script)) {
        let wakers = {
            let mut script = self.lock();
            change(&mut script);
            core::mem::take(&mut script.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    pub fn publish(&self) {
        self.change(|script| script.published = true);
    }

    pub fn accept(&self) {
        self.change(|script| script.accepted = true);
    }

    pub fn fail(&self, kind: io::ErrorKind) {
        self.change(|script| script.failure = Some(kind));
    }

    pub fn clog(&self) {
        self.change(|script| script.clogged = true);
    }

    pub fn send(&self, path: &[usize], bytes: &'static [u8]) {
        self.change(|script| {
            let (data, _) = script.results.entry(path.to_vec()).or_default();
            data.push_back(Bytes::from_static(bytes));
        });
    }

    pub fn close(&self, path: &[usize]) {
        self.change(|script| script.results.entry(path.to_vec()).or_default().1 = true);
    }

    /// Whether anyone but the target's side still holds the call.
    pub fn is_given_up(&self) -> bool {
        self.lock().published && self.streams.load(Ordering::SeqCst) == 0
    }

    pub fn written(&self) -> Vec<u8> {
        self.lock().written.clone()
    }

    pub fn is_shut(&self) -> bool {
        self.lock().shut
    }
}

type Behaviour = Arc<dyn Fn(&Call, usize) + Send + Sync>;

/// A transport whose targets behave as told; counts calls and the streams that are alive.
#[derive(Clone)]
pub struct Mock {
    behaviour: Behaviour,
    pub calls: Arc<Mutex<Vec<Call>>>,
    streams: Arc<AtomicUsize>,
}

impl Mock {
    /// Each call is prepared by `behaviour`, which gets its number.
    pub fn new(behaviour: impl Fn(&Call, usize) + Send + Sync + 'static) -> Self {
        Self {
            behaviour: Arc::new(behaviour),
            calls: Arc::default(),
            streams: Arc::default(),
        }
    }

    /// Takes every call and says nothing more.
    pub fn accepting() -> Self {
        Self::new(|call, _| {
            call.publish();
            call.accept();
        })
    }

    /// Publishes every call; nobody takes it.
    pub fn silent() -> Self {
        Self::new(|call, _| call.publish())
    }

    pub fn call(&self, n: usize) -> Call {
        self.calls.lock().unwrap()[n].clone()
    }

    pub fn count(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    /// How many streams and pending invocations are alive.
    pub fn alive(&self) -> usize {
        self.streams.load(Ordering::SeqCst)
    }

    /// The leaf over it that reports acceptance.
    pub fn leaf(&self) -> Transport<Leafed, Proof> {
        Transport::with_evidence(Leafed(Arc::new(self.clone())), Proof)
    }

    /// The leaf over it that reports nothing.
    pub fn plain_leaf(&self) -> Transport<Leafed> {
        Transport::new(Leafed(Arc::new(self.clone())))
    }

    /// The same, of calls each of which was attempted before, and accepted.
    pub fn leaf_of_second_attempts(
        &self,
    ) -> impl Service<Invocation<()>, Response = Plain, Error = RpcError> + Clone + use<> {
        let leaf = self.plain_leaf();
        service_fn(move |call: Invocation<()>| {
            let (first, second) = (call.clone(), call.clone());
            first.progress().accepted();
            leaf.clone().oneshot(second)
        })
    }
}

type Plain = <Transport<Leafed> as Service<Invocation<()>>>::Response;

/// Counts itself.
#[derive(Debug)]
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Clone for Alive {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A [`Mock`] as a transport.
#[derive(Clone)]
pub struct Leafed(Arc<Mock>);

impl Invoke for Leafed {
    type Context = ();
    type Outgoing = Out;
    type Incoming = In;

    async fn invoke<P>(
        &self,
        (): (),
        _: &str,
        _: &str,
        params: Bytes,
        _: impl AsRef<[P]> + Send,
    ) -> anyhow::Result<(Out, In)>
    where
        P: AsRef<[Option<usize>]> + Send + Sync,
    {
        let mock = &self.0;
        let alive = Alive::new(&mock.streams);
        let call = Call::default();
        call.change(|script| script.written.extend_from_slice(&params));
        let n = {
            let mut calls = mock.calls.lock().unwrap();
            calls.push(call.clone());
            calls.len() - 1
        };
        (mock.behaviour)(&call, n);
        core::future::poll_fn(|cx| call.poll(cx, |script| script.published.then_some(()))).await;
        let end = End {
            _alive: [alive, Alive::new(&call.streams)],
            call,
            path: Vec::new(),
        };
        Ok((Out(end.clone()), In(end)))
    }
}

impl Call {
    fn poll<T>(&self, cx: &Context<'_>, get: impl FnOnce(&mut Script) -> Option<T>) -> Poll<T> {
        let mut script = self.lock();
        if let Some(value) = get(&mut script) {
            return Poll::Ready(value);
        }
        script.wakers.push(cx.waker().clone());
        Poll::Pending
    }
}

#[derive(Clone, Debug)]
struct End {
    call: Call,
    path: Vec<usize>,
    _alive: [Alive; 2],
}

impl End {
    fn index(&self, path: &[usize]) -> Self {
        let mut end = self.clone();
        end.path.extend_from_slice(path);
        end
    }

    fn poll_out<T>(
        &self,
        cx: &Context<'_>,
        operation: impl FnOnce(&mut Script) -> T,
    ) -> Poll<io::Result<T>> {
        self.call.poll(cx, |script| {
            if self.path.is_empty()
                && let Some(kind) = script.failure.take()
            {
                script.accepted = false;
                return Some(Err(kind.into()));
            }
            (script.accepted && !script.clogged).then(|| Ok(operation(script)))
        })
    }
}

#[derive(Debug)]
pub struct Out(End);

impl AsyncWrite for Out {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_out(cx, |script| {
            script.written.extend_from_slice(buf);
            buf.len()
        })
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_out(cx, |_| ())
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_out(cx, |script| script.shut = true)
    }
}

impl Index<Self> for Out {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        Ok(Self(self.0.index(path)))
    }
}

#[derive(Debug)]
pub struct In(End);

impl AsyncRead for In {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let path = &self.0.path;
        self.0.call.poll(cx, |script| {
            let (data, closed) = script.results.entry(path.clone()).or_default();
            match data.front_mut() {
                Some(bytes) => {
                    let n = bytes.len().min(buf.remaining());
                    buf.put_slice(&bytes[..n]);
                    bytes.advance(n);
                    if bytes.is_empty() {
                        data.pop_front();
                    }
                    Some(Ok(()))
                }
                None => closed.then_some(Ok(())),
            }
        })
    }
}

impl Index<Self> for In {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        Ok(Self(self.0.index(path)))
    }
}

/// The evidence of a transport like upstream's NATS client.
#[derive(Clone, Copy, Debug)]
pub struct Proof;

impl Evidence for Proof {
    fn reports_acceptance(&self) -> bool {
        true
    }

    fn classify_io(&self, stage: Stage, error: io::Error) -> RpcError {
        if stage < Stage::Accepted && error.kind() == io::ErrorKind::NotConnected {
            return RpcError::new(
                RpcErrorKind::TargetUnavailable,
                Delivery::NotSent,
                "nobody serves the function",
            );
        }
        RpcError::classify(error)
    }
}

pub const INSTANCE: &str = "test:app/greeter@0.1.0";
pub const FUNC: &str = "greet";

pub fn invocation() -> Invocation<()> {
    Invocation::new((), INSTANCE, FUNC, Bytes::from_static(b"params"))
}

/// Asserts kind and delivery at once.
#[track_caller]
pub fn assert_rpc(error: &RpcError, kind: RpcErrorKind, delivery: Delivery) {
    assert_eq!(
        (error.kind(), error.delivery()),
        (kind, delivery),
        "{error}"
    );
}

/// The same for an error of a stream.
#[track_caller]
pub fn assert_io(error: &io::Error, kind: RpcErrorKind, delivery: Delivery) {
    assert_rpc(RpcError::find(error).expect("an RpcError"), kind, delivery);
}

/// Polls a future a given number of times and then drops it, for every number until it resolves.
pub async fn drop_at_every_await<F: Future>(mut make: impl FnMut() -> F, check: impl Fn(usize)) {
    for polls in 0.. {
        assert!(polls < 10_000, "the future never resolves");
        let mut future = Box::pin(make());
        let mut left = polls;
        let resolved = core::future::poll_fn(|cx| {
            if left == 0 {
                return Poll::Ready(false);
            }
            left -= 1;
            future.as_mut().poll(cx).map(|_| true)
        })
        .await;
        drop(future);
        check(polls);
        if resolved {
            return;
        }
    }
}

/// The bare transport, without a leaf over it.
pub fn transport(mock: &Mock) -> Leafed {
    Leafed(Arc::new(mock.clone()))
}
