//! Making a call as a wRPC host or a generated client does.

use core::future::Future;
use core::pin::Pin;
use std::sync::Arc;

use anyhow::Context as _;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use tower::Service;
use wrpc_middleware_errors::{Delivery, RpcError};
use wrpc_middleware_transport::{Channels, Context, Invocation, Invoker, Target};
use wrpc_transport::{Index, Invoke as _};

use crate::Outcome;
use crate::erased::{Incoming, Outgoing};
use crate::function::{Function, INSTANCE, LARGE, STREAM, STREAMED, streamed};
use crate::observed::Cx;
use crate::testbed::TARGET;
use crate::value::{Read, Value, encode, error_values, read};

type Streams = anyhow::Result<(Outgoing, Incoming)>;

/// Makes calls through a stack.
#[derive(Clone)]
pub(crate) struct Caller(
    Arc<dyn Fn(Function, String) -> BoxFuture<'static, Streams> + Send + Sync>,
);

/// How a call ended, with its error if it failed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<RpcError>,
    /// What arrived in place of what was asked for.
    pub(crate) wrong: Option<String>,
}

impl Ended {
    fn as_it_should() -> Self {
        Outcome::Returns.into()
    }

    fn with(value: impl core::fmt::Debug) -> Self {
        Self {
            wrong: Some(format!("{value:?}").chars().take(200).collect()),
            ..Self::as_it_should()
        }
    }
}

impl From<Outcome> for Ended {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            error: None,
            wrong: None,
        }
    }
}

/// For an error that any part of a stack may have made.
impl From<anyhow::Error> for Ended {
    fn from(error: anyhow::Error) -> Self {
        match RpcError::find_in(&error) {
            Some(error) => Self {
                outcome: Outcome::of(error),
                error: Some(error.clone()),
                wrong: None,
            },
            None => Self {
                outcome: Outcome::of(&RpcError::classify(anyhow::anyhow!("untyped"))),
                error: None,
                wrong: Some(format!("an error that is no `RpcError`: {error:#}")),
            },
        }
    }
}

impl From<std::io::Error> for Ended {
    fn from(error: std::io::Error) -> Self {
        anyhow::Error::from(error).into()
    }
}

impl Caller {
    pub(crate) fn new<S, O, I>(service: S) -> Self
    where
        S: Service<Invocation<Cx>, Response = Channels<O, I>, Error = RpcError, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
        O: AsyncWrite + Index<O> + Send + Sync + Unpin + 'static,
        I: AsyncRead + Index<I> + Send + Sync + Unpin + 'static,
    {
        let invoker = Arc::new(Invoker::<S, Cx>::new(service));
        Self(Arc::new(move |function, name| {
            let invoker = Arc::clone(&invoker);
            async move {
                let cx = Context::new(()).with_target(Target::new(TARGET)?);
                let params = encode(name).context("the parameters")?;
                let (outgoing, incoming) = invoker
                    .invoke(
                        cx,
                        INSTANCE,
                        function.name(),
                        params,
                        function.result_streams(),
                    )
                    .await?;
                Ok((Outgoing::new(outgoing), Incoming::new(incoming)))
            }
            .boxed()
        }))
    }

    /// Calls `function` and waits for all that comes of it.
    pub(crate) async fn call(&self, function: Function) -> Ended {
        match function {
            Function::Fail => {
                for (case, delivery, message) in error_values() {
                    let sent = Err((case, delivery, message.clone()));
                    let ended = self.call_for(function, message, &sent).await;
                    if ended.outcome != Outcome::Returns || ended.wrong.is_some() {
                        return ended;
                    }
                }
                Ended::as_it_should()
            }
            Function::Notify => self.notify().await.unwrap_or_else(|ended| ended),
            Function::Relay | Function::Stall => {
                self.stream(function).await.unwrap_or_else(|ended| ended)
            }
            Function::EchoLarge => {
                let name = "x".repeat(LARGE);
                self.call_for(function, name.clone(), &Ok(name)).await
            }
            _ => {
                let name = String::from("name");
                self.call_for(function, name.clone(), &Ok(name)).await
            }
        }
    }

    async fn call_for(&self, function: Function, name: String, expected: &Value) -> Ended {
        let value = async {
            let (mut outgoing, mut incoming) = (self.0)(function, name).await?;
            outgoing.shutdown().await?;
            self.value(&mut incoming).await
        };
        match value.await {
            Ok(value) if value == *expected => Ended::as_it_should(),
            Ok(value) => Ended::with(value),
            Err(ended) => ended,
        }
    }

    async fn notify(&self) -> Result<Ended, Ended> {
        let (mut outgoing, mut incoming) = (self.0)(Function::Notify, String::new()).await?;
        outgoing.shutdown().await?;
        let mut bytes = Vec::new();
        incoming.read_to_end(&mut bytes).await?;
        Ok(if bytes.is_empty() {
            Ended::as_it_should()
        } else {
            Ended::with(bytes)
        })
    }

    async fn stream(&self, function: Function) -> Result<Ended, Ended> {
        let (mut outgoing, mut incoming) = (self.0)(function, String::new()).await?;
        let mut back = incoming.index(&[STREAM])?;
        let there = (function == Function::Relay).then(|| outgoing.index(&[STREAM]));
        let mut there = there.transpose()?;
        outgoing.shutdown().await?;
        let bytes = streamed();
        let send = async {
            if let Some(there) = &mut there {
                there.write_all(&bytes).await?;
                there.shutdown().await?;
            }
            Ok(())
        };
        let receive = async {
            let value = self.value(&mut incoming).await?;
            let mut received = vec![0; STREAMED];
            match back.read_exact(&mut received).await {
                Ok(_) => Ok((value, received)),
                Err(error) if is_end(&error) => Err(Outcome::Ends.into()),
                Err(error) => Err(Ended::from(error)),
            }
        };
        let ((), (value, received)) = tokio::try_join!(send, receive)?;
        Ok(if value != Ok(String::new()) {
            Ended::with(value)
        } else if received != bytes {
            Ended::with("other bytes than were streamed")
        } else {
            Ended::as_it_should()
        })
    }

    async fn value(&self, incoming: &mut Incoming) -> Result<Value, Ended> {
        match read::<(Value,)>(incoming).await {
            Read::Value((value,)) => Ok(value),
            Read::Ended => Err(Outcome::Ends.into()),
            Read::Failed(error) => Err(error.into()),
            // Bytes of the target have arrived.
            Read::Undecodable(error) => Err(Ended::from(anyhow::Error::from(
                RpcError::classify(error).with_delivery(Delivery::Accepted),
            ))),
        }
    }
}

/// Whether it is the end of a stream, and none that the transport reports as a failure.
fn is_end(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::UnexpectedEof && RpcError::find(error).is_none()
}

/// A call that runs until it is dropped.
pub(crate) struct Running(JoinHandle<Ended>);

impl Running {
    pub(crate) fn start(caller: &Caller, function: Function) -> Self {
        let caller = caller.clone();
        Self(tokio::spawn(async move { caller.call(function).await }))
    }

    /// Whether it has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_finished()
    }
}

impl Future for Running {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut core::task::Context<'_>) -> core::task::Poll<Ended> {
        self.0.poll_unpin(cx).map(|ended| match ended {
            Ok(ended) => ended,
            Err(error) => Ended {
                wrong: Some(error.to_string()),
                ..Ended::as_it_should()
            },
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}
