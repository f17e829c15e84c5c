//! One way that a call can go.

use core::hint::black_box;
use std::io;
use std::rc::Rc;

use anyhow::{anyhow, ensure};
use bytes::Bytes;
use futures::future::LocalBoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::{Builder, Runtime};
use wrpc_middleware::{Delivery, RpcError, RpcErrorKind};
use wrpc_transport::Invoke;

use super::immediate::RESULTS;

pub const INSTANCE: &str = "test:app/greeter@0.1.0";
pub const FUNCTION: &str = "greet";

const PARAMS: &[u8] = b"sixteen bytes on";
const NO_PATHS: &[[Option<usize>; 0]] = &[];

/// How many bytes a call returned, or where it failed.
pub type Outcome = Result<usize, Failure>;

/// Where a call failed. Kept as it came: what a caller makes of it is not the layers' cost.
pub enum Failure {
    Invoke(anyhow::Error),
    Stream(io::Error),
}

/// One call, as generated bindings make it: the streams are used and dropped too.
pub async fn call<T: Invoke>(transport: &T, cx: T::Context) -> Outcome {
    let params = Bytes::from_static(PARAMS);
    let (mut outgoing, mut incoming) = transport
        .invoke(cx, INSTANCE, FUNCTION, params, NO_PATHS)
        .await
        .map_err(Failure::Invoke)?;
    outgoing.shutdown().await.map_err(Failure::Stream)?;
    let mut buf = [0; 64];
    let mut len = 0;
    loop {
        match incoming.read(&mut buf).await.map_err(Failure::Stream)? {
            0 => return Ok(len),
            read => len += read,
        }
    }
}

/// How a call is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Success,
    Failure(RpcErrorKind, Delivery),
}

/// A named way that a call can go, and how it is to end.
pub struct Path {
    name: &'static str,
    expected: Expected,
    waits: bool,
    calls: Box<dyn Fn(u64) -> LocalBoxFuture<'static, Outcome>>,
}

impl Path {
    /// Calls over `transport`, each with a context that `cx` makes.
    pub fn new<T: Invoke + 'static>(
        name: &'static str,
        expected: Expected,
        transport: T,
        cx: impl Fn() -> T::Context + 'static,
    ) -> Self {
        let caller = Rc::new((transport, cx));
        Self {
            name,
            expected,
            waits: false,
            calls: Box::new(move |calls| {
                let caller = Rc::clone(&caller);
                Box::pin(async move {
                    let (transport, cx) = &*caller;
                    let mut outcome = call(transport, cx()).await;
                    for _ in 1..calls {
                        outcome = black_box(call(transport, cx()).await);
                    }
                    outcome
                })
            }),
        }
    }

    /// The same path, where a call ends by time that passes. It is measured on paused time, which
    /// goes on as soon as everything waits: so the timer is part of the cost, and the wait is not.
    pub fn waiting(mut self) -> Self {
        self.waits = true;
        self
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn waits(&self) -> bool {
        self.waits
    }

    /// The runtime to make the calls on.
    pub fn runtime(&self) -> Runtime {
        Builder::new_current_thread()
            .enable_time()
            .start_paused(self.waits)
            .build()
            .expect("a runtime")
    }

    /// Makes `calls` calls, at least one, one after the other, and resolves to the outcome of the
    /// last one. Nothing is boxed or dispatched per call.
    pub fn calls(&self, calls: u64) -> LocalBoxFuture<'static, Outcome> {
        (self.calls)(calls)
    }

    /// Makes one call and compares its outcome with what it is to be.
    pub fn check(&self, runtime: &Runtime) -> anyhow::Result<()> {
        let outcome = match runtime.block_on(self.calls(1)) {
            Ok(len) => {
                ensure!(
                    len == RESULTS.len(),
                    "{}: {len} bytes of results",
                    self.name
                );
                Expected::Success
            }
            Err(failure) => {
                let error = match failure {
                    Failure::Invoke(error) => RpcError::find_in(&error).cloned(),
                    Failure::Stream(error) => RpcError::find(&error).cloned(),
                };
                let error = error.ok_or_else(|| anyhow!("{}: an untyped error", self.name))?;
                Expected::Failure(error.kind(), error.delivery())
            }
        };
        ensure!(
            outcome == self.expected,
            "{}: {outcome:?} instead of {:?}",
            self.name,
            self.expected
        );
        Ok(())
    }
}
