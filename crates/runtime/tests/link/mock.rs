//! A transport that does what a script says.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_transport::{Index, Invoke};

/// What a stream does next. A stream at the end of its script is closed.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Bytes(Vec<u8>),
    Sleep(Duration),
    Hang,
    Fail(Failure),
}

#[derive(Clone, Debug)]
pub(crate) enum Failure {
    Typed(RpcError),
    Io(io::ErrorKind),
}

impl Failure {
    fn io(&self) -> io::Error {
        match self {
            Self::Typed(error) => error.clone().into(),
            Self::Io(kind) => io::Error::new(*kind, "10.0.0.1:4222"),
        }
    }
}

/// A typed error, as the layers of a stack make them.
pub(crate) fn typed(kind: RpcErrorKind, delivery: Delivery) -> RpcError {
    RpcError::new(kind, delivery, "what the stack says")
}

/// What a call meets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    /// What happens in `invoke` itself.
    pub(crate) invoke: Vec<Step>,
    /// What happens as the parameters are flushed.
    pub(crate) flush: Vec<Step>,
    /// What happens as parameters are written to a child.
    pub(crate) write: Vec<Step>,
    /// What comes back.
    pub(crate) results: Vec<Step>,
    /// What comes back on children.
    pub(crate) children: HashMap<Vec<usize>, Vec<Step>>,
}

impl Script {
    /// The target answers `bytes` and closes.
    pub(crate) fn answer(bytes: &[u8]) -> Self {
        Self {
            results: vec![Step::Bytes(bytes.to_vec())],
            ..Self::default()
        }
    }

    /// The stack refuses the call.
    pub(crate) fn refuse(error: RpcError) -> Self {
        Self {
            invoke: vec![Step::Fail(Failure::Typed(error))],
            ..Self::default()
        }
    }
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) instance: String,
    pub(crate) func: String,
    pub(crate) params: Bytes,
    pub(crate) paths: Vec<Vec<Option<usize>>>,
}

#[derive(Clone, Default)]
pub(crate) struct Mock {
    pub(crate) script: Arc<Script>,
    pub(crate) calls: Arc<Mutex<Vec<Call>>>,
    /// What was written to children of the parameters.
    pub(crate) written: Arc<Mutex<HashMap<Vec<usize>, Vec<u8>>>>,
    /// Futures and streams that are alive.
    pub(crate) alive: Arc<AtomicUsize>,
}

impl Mock {
    pub(crate) fn new(script: Script) -> Self {
        Self {
            script: Arc::new(script),
            ..Self::default()
        }
    }

    pub(crate) fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }
}

/// Counts itself.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Steps {
    left: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Steps {
    fn new(steps: &[Step]) -> Self {
        Self {
            left: steps.iter().cloned().collect(),
            sleep: None,
        }
    }

    /// The next bytes, `None` at the end.
    fn poll(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<io::Result<Option<Vec<u8>>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            match self.left.front_mut() {
                None => return Poll::Ready(Ok(None)),
                Some(Step::Bytes(bytes)) => {
                    let rest = bytes.split_off(room.min(bytes.len()));
                    let now = core::mem::replace(bytes, rest);
                    if bytes.is_empty() {
                        self.left.pop_front();
                    }
                    return Poll::Ready(Ok(Some(now)));
                }
                Some(Step::Sleep(duration)) => {
                    self.sleep = Some(Box::pin(tokio::time::sleep(*duration)));
                    self.left.pop_front();
                }
                Some(Step::Hang) => return Poll::Pending,
                Some(Step::Fail(failure)) => return Poll::Ready(Err(failure.io())),
            }
        }
    }

    async fn run(&mut self) -> io::Result<()> {
        while core::future::poll_fn(|cx| self.poll(cx, 0))
            .await?
            .is_some()
        {}
        Ok(())
    }
}

impl Invoke for Mock {
    type Context = ();
    type Outgoing = Outgoing;
    type Incoming = Incoming;

    async fn invoke<P>(
        &self,
        (): (),
        instance: &str,
        func: &str,
        params: Bytes,
        paths: impl AsRef<[P]> + Send,
    ) -> anyhow::Result<(Outgoing, Incoming)>
    where
        P: AsRef<[Option<usize>]> + Send + Sync,
    {
        let paths = paths.as_ref().iter().map(|path| path.as_ref().to_vec());
        self.calls.lock().unwrap().push(Call {
            instance: instance.into(),
            func: func.into(),
            params,
            paths: paths.collect(),
        });
        let alive = Alive::new(&self.alive);
        Steps::new(&self.script.invoke).run().await?;
        drop(alive);
        let outgoing = Outgoing {
            mock: self.clone(),
            path: Vec::new(),
            write: Steps::new(&self.script.write),
            flush: Steps::new(&self.script.flush),
            _alive: Alive::new(&self.alive),
        };
        let incoming = Incoming {
            mock: self.clone(),
            path: Vec::new(),
            steps: Steps::new(&self.script.results),
            _alive: Alive::new(&self.alive),
        };
        Ok((outgoing, incoming))
    }
}

pub(crate) struct Outgoing {
    mock: Mock,
    path: Vec<usize>,
    write: Steps,
    flush: Steps,
    _alive: Alive,
}

impl Index<Self> for Outgoing {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        Ok(Self {
            mock: self.mock.clone(),
            path: [&self.path, path].concat(),
            write: Steps::new(&self.mock.script.write),
            flush: Steps::new(&[]),
            _alive: Alive::new(&self.mock.alive),
        })
    }
}

impl AsyncWrite for Outgoing {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.write.poll(cx, 0))?;
        let mut written = self.mock.written.lock().unwrap();
        written
            .entry(self.path.clone())
            .or_default()
            .extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flush.poll(cx, 0).map_ok(drop)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

pub(crate) struct Incoming {
    mock: Mock,
    path: Vec<usize>,
    steps: Steps,
    _alive: Alive,
}

impl Index<Self> for Incoming {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        let path = [&self.path, path].concat();
        let steps = self.mock.script.children.get(&path);
        Ok(Self {
            mock: self.mock.clone(),
            steps: Steps::new(steps.map_or(&[], Vec::as_slice)),
            path,
            _alive: Alive::new(&self.mock.alive),
        })
    }
}

impl AsyncRead for Incoming {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(bytes) = ready!(self.steps.poll(cx, buf.remaining()))? {
            buf.put_slice(&bytes);
        }
        Poll::Ready(Ok(()))
    }
}
