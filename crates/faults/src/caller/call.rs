//! One call, in the shape that its function has.

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tower::{Service, ServiceExt as _};
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_transport::{Channels, Context, Invocation};
use wrpc_transport::Index;

use crate::speech::Said;
use crate::work::{self, Gates};

/// What calls can be made with: any stack or leaf over a transport that takes a `T`.
pub(super) trait Callable<T>: Clone + Send + 'static {
    /// Parameters.
    type Outgoing: AsyncWrite + Index<Self::Outgoing> + Unpin + Send;
    /// Results.
    type Incoming: AsyncRead + Index<Self::Incoming> + Unpin + Send;

    /// Makes a call.
    fn call(
        self,
        invocation: Invocation<Context<T>>,
    ) -> impl Future<Output = Result<Channels<Self::Outgoing, Self::Incoming>, RpcError>> + Send;
}

impl<T, S, O, I> Callable<T> for S
where
    T: Send + 'static,
    S: Service<Invocation<Context<T>>, Response = Channels<O, I>, Error = RpcError>,
    S: Clone + Send + 'static,
    S::Future: Send,
    O: AsyncWrite + Index<O> + Unpin + Send,
    I: AsyncRead + Index<I> + Unpin + Send,
{
    type Outgoing = O;
    type Incoming = I;

    async fn call(self, invocation: Invocation<Context<T>>) -> Result<Channels<O, I>, RpcError> {
        self.oneshot(invocation).await
    }
}

/// Makes a call of `func`, to its end. Returns whether the answer is the right one.
pub(super) async fn make<T>(
    service: impl Callable<T>,
    gates: &Gates,
    id: &str,
    func: &str,
) -> Result<bool, RpcError>
where
    T: Default,
{
    let params = Bytes::from(format!("{id}\n"));
    let cx = Context::new(T::default());
    let mut invocation = Invocation::new(cx, work::INSTANCE, func, params);
    if func == work::STREAM {
        invocation = invocation.with_paths(work::stream_paths());
    }
    let Channels {
        outgoing, incoming, ..
    } = service.call(invocation).await?;
    let ended = tokio::try_join!(send(outgoing, gates, id, func), receive(incoming, id, func));
    ended
        .map(|((), is_right)| is_right)
        .map_err(RpcError::classify)
}

async fn send<O>(mut params: O, gates: &Gates, id: &str, func: &str) -> io::Result<()>
where
    O: AsyncWrite + Index<O> + Unpin,
{
    let reached = || Said::Reached { id: id.into() }.say();
    match func {
        work::HOLD | work::OCCUPY | work::FLOOD => reached(),
        work::TAKE => {
            params.write_all(&work::pattern(work::HALF)).await?;
            params.flush().await?;
            reached();
            gates.pass(func).await;
            params.write_all(&work::pattern(work::HALF)).await?;
        }
        work::STREAM => {
            let mut items = params.index(&[0]).map_err(io::Error::other)?;
            params.shutdown().await?;
            items.write_all(&work::pattern(work::HALF)).await?;
            items.flush().await?;
            gates.pass(func).await;
            items.write_all(&work::pattern(work::HALF)).await?;
            return items.shutdown().await;
        }
        work::SWALLOW => {
            reached();
            gates.pass(func).await;
            params.write_all(&work::pattern(work::FLOOD_LEN)).await?;
        }
        _ => {}
    }
    params.shutdown().await
}

/// Returns whether the results are the right ones.
async fn receive<I>(mut results: I, id: &str, func: &str) -> io::Result<bool>
where
    I: AsyncRead + Index<I> + Unpin,
{
    let reached = || Said::Reached { id: id.into() }.say();
    let mut expected = match func {
        work::GIVE => work::halves(),
        work::STREAM => work::pattern(work::HALF),
        work::FLOOD => work::pattern(work::FLOOD_LEN),
        _ => Vec::new(),
    };
    expected.extend(work::answer(id).into_bytes());
    if func == work::STREAM {
        let items = results.index(&[0]).map_err(io::Error::other)?;
        let mut root = Vec::new();
        results.read_to_end(&mut root).await?;
        if root != [0] {
            return Ok(false);
        }
        results = items;
    }
    let mut received = Vec::new();
    if matches!(func, work::GIVE | work::STREAM) {
        received.resize(work::HALF, 0);
        results.read_exact(&mut received).await?;
        reached();
    }
    results.read_to_end(&mut received).await?;
    Ok(received == expected)
}
