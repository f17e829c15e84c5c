//! One call of a native program, and the rows that are made of such calls.

use core::future::Future;
use std::sync::Arc;

use anyhow::ensure;
use bytes::Bytes;
use futures::future::try_join_all;
use wrpc_middleware::Invoker;
use wrpc_middleware_bench::interleave::{BoxFuture, Contender};
use wrpc_transport::{Invoke, InvokeExt as _};

use crate::peers::{Cx, cx};
use crate::target::{ECHO, PLAIN, RAW};
use wrpc_middleware_testing::nats::connect;

pub(crate) const NO_PATHS: [[Option<usize>; 0]; 0] = [];

/// Bytes to send.
pub(crate) fn data(len: usize) -> Bytes {
    Bytes::from(vec![b'x'; len])
}

/// Typed calls over a stack of layers.
pub(crate) fn layered<S>(name: &str, service: S, data: &Bytes) -> Contender
where
    Invoker<S, Cx>: Invoke<Context = Cx> + 'static,
{
    row(name, Invoker::new(service), cx(), data)
}

/// Typed calls over any transport.
pub(crate) fn row<I>(name: &str, transport: I, cx: I::Context, data: &Bytes) -> Contender
where
    I: Invoke<Context: Clone> + 'static,
{
    let caller = (Arc::new(transport), cx, data.clone());
    contender(name, caller, |(transport, cx, data)| async move {
        echo(&*transport, cx, data).await
    })
}

/// A row whose callers all call by `call`, each time with a clone of `with`.
pub(crate) fn contender<T, F>(name: &str, with: T, call: fn(T) -> F) -> Contender
where
    T: Clone + Send + Sync + 'static,
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    Contender::new(name, move || {
        let with = with.clone();
        async move { Ok(move || -> BoxFuture<'static, _> { Box::pin(call(with.clone())) }) }
    })
}

/// One typed call, and whether the right number of bytes came back.
pub(crate) async fn echo<I: Invoke>(
    transport: &I,
    cx: I::Context,
    data: Bytes,
) -> anyhow::Result<()> {
    let sent = data.len();
    let ((received,), io) = transport
        .invoke_values::<_, (Bytes,), (Bytes,)>(cx, ECHO, PLAIN, (data,), NO_PATHS)
        .await?;
    if let Some(io) = io {
        io.await?;
    }
    ensure!(received.len() == sent, "{} bytes came back", received.len());
    Ok(())
}

/// A request of NATS itself: several at once where one message has no room for the payload.
pub(crate) async fn raw(name: &str, url: &str, data: &Bytes) -> Contender {
    contender(
        name,
        (connect(url).await, data.clone()),
        |(nats, data)| async move {
            let max = nats.max_payload().max(1);
            let requests = (0..data.len()).step_by(max).map(|start| {
                let part = data.slice(start..data.len().min(start + max));
                nats.request(RAW, part)
            });
            let replies = try_join_all(requests).await?;
            let received: usize = replies.iter().map(|reply| reply.payload.len()).sum();
            ensure!(received == data.len(), "{received} bytes came back");
            Ok(())
        },
    )
}
