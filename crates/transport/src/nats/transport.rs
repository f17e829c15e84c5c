//! The leaf service.

use core::future::{Future, poll_fn};
use core::num::NonZeroUsize;
use core::pin::pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use async_nats::HeaderMap;
use bytes::Bytes;
use tower::Service;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_transport::Invoke as _;
use wrpc_transport_nats::Client;

use super::Handshake;
use super::boxed::Boxed;
use super::clients::{Clients, Entry};
use super::connection::{Broker, Connection, connected};
use super::future::{Calls, Response, ResponseFuture};
use super::watcher::Watcher;
use crate::leaf::Leaving;
use crate::target::is_subject;
use crate::{CallContext, Invocation, Paths, Progress, Target};

/// Room in a message for the reply subject, which upstream takes off the payload.
const REPLY_SUBJECT: usize = 256;

/// The targets of a large host.
const MAX_CLIENTS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// The leaf over upstream's NATS client, for any number of targets. Cheap to clone.
///
/// A call to the target `greeter` is published under the subject prefix `greeter`, or
/// `default.greeter` where the [prefix](Builder::prefix) is `default`.
///
/// ```no_run
/// # async fn connect() -> Result<(), Box<dyn std::error::Error>> {
/// use wrpc_middleware_transport::nats::NatsTransport;
///
/// let nats = async_nats::connect("nats://127.0.0.1:4222").await?;
/// let leaf = NatsTransport::builder(nats).prefix("default").build();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct NatsTransport(Arc<Config>);

#[derive(Debug)]
struct Config {
    broker: Arc<Broker>,
    clients: Clients,
    watcher: Watcher,
    calls: Arc<Calls>,
    /// Whether the prefix of all targets can be part of a subject.
    prefix_is_subject: bool,
    reconnect_wait: Duration,
    default_target: Option<Target>,
}

/// Configures a [`NatsTransport`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing before `build`"]
pub struct Builder {
    nats: async_nats::Client,
    prefix: Box<str>,
    reconnect_wait: Duration,
    default_target: Option<Target>,
    max_clients: NonZeroUsize,
}

impl Builder {
    /// The subject prefix in front of every target's, none by default. wasmCloud calls it the
    /// lattice.
    ///
    /// Calls fail, unsent, if it can't be part of a subject.
    pub fn prefix(mut self, prefix: impl Into<Box<str>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a call waits for the connection to come back before it fails; not at all by
    /// default.
    pub const fn reconnect_wait(mut self, wait: Duration) -> Self {
        self.reconnect_wait = wait;
        self
    }

    /// Where a call goes that has no target, for stacks without link authorization. Such a call
    /// fails by default.
    pub fn default_target(mut self, target: Target) -> Self {
        self.default_target = Some(target);
        self
    }

    /// How many upstream clients to keep, one for each target; 1,024 by default. Each costs a
    /// subscription and a task. Beyond that number, the one not used for longest goes, and is made
    /// anew when it is needed.
    pub const fn max_clients(mut self, clients: NonZeroUsize) -> Self {
        self.max_clients = clients;
        self
    }

    /// The leaf.
    #[must_use]
    pub fn build(self) -> NatsTransport {
        let nats = Arc::new(self.nats);
        let broker = Arc::new(Broker::new(Arc::clone(&nats)));
        NatsTransport(Arc::new(Config {
            prefix_is_subject: self.prefix.is_empty() || is_subject(&self.prefix),
            clients: Clients::new(nats, self.prefix, self.max_clients),
            watcher: Watcher::new(Arc::clone(&broker)),
            calls: Arc::default(),
            broker,
            reconnect_wait: self.reconnect_wait,
            default_target: self.default_target,
        }))
    }
}

impl NatsTransport {
    /// A leaf over `nats`, to be configured.
    pub fn builder(nats: async_nats::Client) -> Builder {
        Builder {
            nats,
            prefix: Box::default(),
            reconnect_wait: Duration::ZERO,
            default_target: None,
            max_clients: MAX_CLIENTS,
        }
    }
}

impl Config {
    /// Where the call goes.
    fn target<'a, C>(&'a self, invocation: &'a Invocation<C>) -> Result<&'a Target, RpcError> {
        let refuse = |reason: &str| {
            RpcError::new(
                RpcErrorKind::Other,
                Delivery::NotSent,
                format!(
                    "{}: {reason}",
                    invocation.progress().function().to_string().escape_debug()
                ),
            )
        };
        let (instance, func) = (invocation.instance(), invocation.func());
        let named = is_subject(func) && (instance.is_empty() || is_subject(instance));
        if !named {
            return Err(refuse("its name can't be part of a subject"));
        }
        if !self.prefix_is_subject {
            return Err(refuse(
                "the prefix of the transport can't be part of a subject",
            ));
        }
        invocation
            .target
            .as_ref()
            .or(self.default_target.as_ref())
            .ok_or_else(|| refuse("the call has no target"))
    }

    /// As many bytes of parameters as go into one message with the call.
    fn first_message(&self, headers: Option<&HeaderMap>) -> usize {
        let headers = headers.map_or(0, |headers| {
            16 + headers
                .iter()
                .flat_map(|(name, values)| values.iter().map(move |value| (name, value)))
                .map(|(name, value)| AsRef::<str>::as_ref(name).len() + value.as_str().len() + 4)
                .sum::<usize>()
        });
        self.broker
            .client()
            .max_payload()
            .saturating_sub(REPLY_SUBJECT)
            .saturating_sub(headers)
    }
}

impl<C> Service<Invocation<C>> for NatsTransport
where
    C: CallContext<Transport = Option<HeaderMap>> + 'static,
{
    type Response = Response;
    type Error = RpcError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, invocation: Invocation<C>) -> Self::Future {
        let config = &self.0;
        let entry = match config.target(&invocation) {
            Ok(target) => config.clients.entry(target),
            Err(error) => return ResponseFuture::refused(error),
        };
        // What the future does not need is left behind: it is moved as it is made.
        let Invocation {
            context,
            params,
            paths,
            progress,
            ..
        } = invocation;
        let sent = send(
            Arc::clone(config),
            entry,
            context.into_transport(),
            params,
            paths,
            progress,
        );
        config.calls.response(sent)
    }
}

/// Nothing that is large is held in here twice, and what is done once in a while is allocated by
/// itself.
#[expect(
    clippy::manual_async_fn,
    reason = "that would hold its arguments twice, and every call would have to be as large"
)]
fn send(
    config: Arc<Config>,
    entry: Arc<Entry>,
    headers: Option<HeaderMap>,
    mut params: Bytes,
    paths: Paths,
    progress: Progress,
) -> impl Future<Output = Result<Response, RpcError>> + Send {
    async move {
        let (client, connection) = match config.ready(&entry, &progress) {
            Some(ready) => ready,
            None => Box::pin(config.prepare(&entry, &progress)).await?,
        };
        let first = config.first_message(headers.as_ref());
        let rest = params.split_off(first.min(params.len()));
        let leaving = Leaving::new(Handshake::over(connection), progress.clone());
        let inside = config.clients.enter(&entry);
        let invoked = {
            let name = progress.name();
            let invoked = client.invoke(headers, name.instance(), name.func(), params, &*paths);
            let mut invoked = pin!(invoked);
            poll_fn(|cx| match invoked.as_mut().poll(cx) {
                Poll::Ready(invoked) => Poll::Ready(Ok(invoked)),
                Poll::Pending => config.watcher.poll_failed(&progress, cx).map(Err),
            })
            .await?
        };
        let boxed =
            invoked.map(|(outgoing, incoming)| (Boxed::new(outgoing), Boxed::new(incoming)));
        let channels = leaving.arrive(boxed, rest)?;
        inside.leave();
        Ok(channels)
    }
}

impl Config {
    /// What a call needs, if it is there.
    fn ready<'a>(
        &self,
        entry: &'a Entry,
        call: &Progress,
    ) -> Option<(&'a Client, Arc<Connection>)> {
        Some((entry.client()?, self.watcher.watch(call)?))
    }

    /// The same, as soon as it is there.
    async fn prepare<'a>(
        &self,
        entry: &'a Entry,
        call: &Progress,
    ) -> Result<(&'a Client, Arc<Connection>), RpcError> {
        let held = call.hold();
        connected(&self.broker, self.reconnect_wait, call).await?;
        let client = self.clients.client(entry, call).await?;
        // Making a client may have taken a while.
        loop {
            if let Some(connection) = self.watcher.watch(call) {
                held.send();
                return Ok((client, connection));
            }
            connected(&self.broker, self.reconnect_wait, call).await?;
        }
    }
}
