//! Calling a function of a target.

use core::future::{Future, poll_fn};
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::sync::Arc;

use async_nats::client::PublishError;
use async_nats::message::OutboundMessage;
use async_nats::{HeaderMap, Subject};
use bytes::Bytes;
use futures::FutureExt as _;
use tokio::time::{Instant, timeout};
use tower::Service;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_transport::{
    CallContext as _, Channels, Context as HostContext, Invocation, Paths, Progress, Target,
};
use wrpc_transport::Invoke;

use super::future::{Response, ResponseFuture};
use super::{CallContext, Client};
use crate::broker::{Published, Publishing};
use crate::connection::ConnectionState;
use crate::exchange::Exchange;
use crate::tasks::ENOUGH_TIME;
use crate::{Incoming, Outgoing, header, subject};

/// How often a client is looked at that is to come back.
const LOOK: Duration = Duration::from_millis(10);

impl<C> Service<Invocation<C>> for Client
where
    C: wrpc_middleware_transport::CallContext<Transport = Option<HeaderMap>>,
{
    type Response = Channels<Outgoing, Incoming>;
    type Error = RpcError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, invocation: Invocation<C>) -> ResponseFuture {
        self.start(invocation)
    }
}

/// A call that may be sent.
struct Call {
    subject: Subject,
    headers: Option<HeaderMap>,
    deadline: Option<Instant>,
    params: Bytes,
    paths: Paths,
    progress: Progress,
}

impl Client {
    fn start<C>(&self, invocation: Invocation<C>) -> ResponseFuture
    where
        C: wrpc_middleware_transport::CallContext<Transport = Option<HeaderMap>>,
    {
        let progress = invocation.progress().clone();
        progress.set_reports_acceptance();
        let call = match self.prepare(invocation) {
            Ok(call) => call,
            Err(error) => return ResponseFuture::ready(Err(progress.fail(error).clone())),
        };
        if !self.connection().broker().is_connected() {
            let client = self.clone();
            return ResponseFuture::waiting(async move {
                let held = call.progress.hold();
                client.connected(&call.progress).await?;
                drop(held);
                client.send(call).await
            });
        }
        self.send(call)
    }

    /// Checks where the call goes.
    fn prepare<C>(&self, invocation: Invocation<C>) -> Result<Call, RpcError>
    where
        C: wrpc_middleware_transport::CallContext<Transport = Option<HeaderMap>>,
    {
        let progress = invocation.progress().clone();
        let refuse =
            |reason: &'static str| progress.error(RpcErrorKind::Other, Delivery::NotSent, reason);
        let (instance, func) = (invocation.instance(), invocation.func());
        if !Target::is_valid(func) || !(instance.is_empty() || Target::is_valid(instance)) {
            return Err(RpcError::new(
                RpcErrorKind::Other,
                Delivery::NotSent,
                format!(
                    "{}: its name can't be part of a subject",
                    progress.function().to_string().escape_debug()
                ),
            ));
        }
        let target = invocation.target.as_ref().or(self.default_target());
        let target = target.ok_or_else(|| refuse("the call has no target"))?;
        Ok(Call {
            subject: subject::invocation(&self.options().prefix, target.as_str(), instance, func),
            headers: invocation.context.into_transport(),
            deadline: invocation.deadline,
            params: invocation.params,
            paths: invocation.paths,
            progress,
        })
    }

    /// Waits until there is a connection, as long as that may take.
    async fn connected(&self, progress: &Progress) -> Result<(), RpcError> {
        let broker = self.connection().broker();
        let mut state = self.connection_state();
        let reconnect = async {
            // What the client itself says may follow a little later than the watch, or earlier.
            while !broker.is_connected() {
                let changed = timeout(LOOK, state.changed()).await;
                if matches!(changed, Ok(Err(_))) || *state.borrow() == ConnectionState::Closed {
                    return core::future::pending().await;
                }
            }
        };
        let wait = self.reconnect_wait();
        if !wait.is_zero() && timeout(wait, reconnect).await.is_ok() {
            return Ok(());
        }
        Err(not_connected(progress))
    }

    /// Hands the call to the NATS client.
    fn send(&self, call: Call) -> ResponseFuture {
        let Call {
            subject,
            headers,
            deadline,
            mut params,
            paths,
            progress,
        } = call;
        let timeout = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let headers = with_timeout(headers, timeout);
        let broker = self.connection().broker();
        let room = broker
            .max_payload()
            .saturating_sub(headers.as_ref().map_or(0, header::wire_len));
        let rest = params.split_off(room.min(params.len()));
        let connection = Arc::clone(self.connection());
        let exchange = Exchange::of_caller(connection, progress.clone(), subject.clone(), paths);
        // The queue may still take it.
        if self.connection().registry().is_closed() {
            return ResponseFuture::ready(Err(not_connected(&progress)));
        }
        // Upstream's decoder reads on before it decodes nothing.
        if params.is_empty() || timeout.is_some_and(|timeout| timeout < ENOUGH_TIME) {
            exchange.set_urgent();
        }
        let message = OutboundMessage {
            subject,
            payload: params,
            reply: Some(exchange.inbox()),
            headers,
        };
        match broker.offer(message) {
            Ok(Published::Queued) => {
                exchange.sent();
                progress.sent();
                ResponseFuture::ready(Ok(channels(exchange, rest, progress)))
            }
            Ok(Published::Waiting(publishing)) => {
                ResponseFuture::waiting(queued(publishing, exchange, rest, progress))
            }
            Err(error) => ResponseFuture::ready(Err(not_published(&progress, error))),
        }
    }
}

/// The streams of a call that is published.
fn channels(
    exchange: Arc<Exchange>,
    rest: Bytes,
    progress: Progress,
) -> Channels<Outgoing, Incoming> {
    Channels {
        incoming: Incoming::new(Arc::clone(&exchange)),
        outgoing: Outgoing::new(exchange, rest),
        progress,
    }
}

/// Waits until there is room for a call, and it is not too late for it.
async fn queued(
    mut publishing: Publishing,
    exchange: Arc<Exchange>,
    rest: Bytes,
    progress: Progress,
) -> Response {
    // As long as it waits for room it is not sent.
    let mut held = Some(progress.hold());
    let published = poll_fn(|cx| {
        exchange.poll_send(cx, |cx| {
            let published = ready!(publishing.poll_unpin(cx));
            if let (Ok(()), Some(held)) = (&published, held.take()) {
                exchange.sent();
                held.send();
            }
            Poll::Ready(published)
        })
    });
    let published = published.await?;
    drop(held);
    match published {
        Ok(()) => Ok(channels(exchange, rest, progress)),
        Err(error) => Err(not_published(&progress, error)),
    }
}

fn not_connected(progress: &Progress) -> RpcError {
    let reason = "not connected to the broker";
    let error = progress.error(RpcErrorKind::Transport, Delivery::NotSent, reason);
    progress.fail(error).clone()
}

fn not_published(progress: &Progress, error: PublishError) -> RpcError {
    use async_nats::client::PublishErrorKind as Kind;
    let reason = match error.kind() {
        Kind::MaxPayloadExceeded => "the headers of the call are larger than the broker permits",
        Kind::InvalidSubject => "its name can't be part of a subject",
        Kind::Send => "the connection is closed",
    };
    let error = progress
        .error(RpcErrorKind::Transport, Delivery::NotSent, reason)
        .with_source(error);
    progress.fail(error).clone()
}

/// The headers of a call, with the time that it has if that is bounded.
fn with_timeout(headers: Option<HeaderMap>, timeout: Option<Duration>) -> Option<HeaderMap> {
    let Some(timeout) = timeout else {
        return headers;
    };
    let mut headers = headers.unwrap_or_default();
    header::write_deadline(&mut headers, timeout);
    Some(headers)
}

impl Invoke for Client {
    type Context = CallContext;
    type Outgoing = Outgoing;
    type Incoming = Incoming;

    /// Every error is an [`RpcError`], the root of the one returned.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives the call up.
    #[expect(
        clippy::manual_async_fn,
        reason = "that would hold its arguments twice, and every call would have to be as large"
    )]
    fn invoke<P>(
        &self,
        cx: CallContext,
        instance: &str,
        func: &str,
        params: Bytes,
        paths: impl AsRef<[P]> + Send,
    ) -> impl Future<Output = anyhow::Result<(Outgoing, Incoming)>> + Send
    where
        P: AsRef<[Option<usize>]> + Send + Sync,
    {
        async move {
            let (deadline, target) = (cx.deadline(), cx.target().cloned());
            let mut invocation: Invocation<HostContext<_>> =
                Invocation::new(cx, instance, func, params);
            if !paths.as_ref().is_empty() {
                let paths = paths.as_ref().iter().map(|path| Box::from(path.as_ref()));
                invocation.paths = paths.collect();
            }
            invocation.deadline = deadline;
            invocation.target = target;
            let Channels {
                outgoing, incoming, ..
            } = self.start(invocation).await?;
            Ok((outgoing, incoming))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Shared;
    use super::*;
    use crate::Options;
    use crate::budget::Budget;
    use crate::exchange::Part;
    use crate::offline::message;
    use tokio::io::AsyncWriteExt as _;

    async fn offline() -> (Client, crate::offline::Idle) {
        let (connection, idle) = crate::offline::connection(Budget::new(1024, 1024), 4).await;
        let client = Client(Arc::new(Shared {
            connection,
            options: Options::default(),
            running: None,
        }));
        (client, idle)
    }

    /// A target that waits for the end of the parameters would take too much of its time.
    #[tokio::test(start_paused = true)]
    async fn a_call_that_has_little_time_is_urgent() {
        for (timeout, params, is_urgent) in [
            (None, "x", false),
            (None, "", true),
            (Some(ENOUGH_TIME), "x", false),
            (Some(ENOUGH_TIME / 2), "x", true),
        ] {
            let (client, _idle) = offline().await;
            let call = Call {
                subject: "t.wrpc.0.0.1.a:b/c.f".into(),
                headers: None,
                deadline: timeout.map(|timeout| Instant::now() + timeout),
                params: params.into(),
                paths: Paths::default(),
                progress: Progress::new("a:b/c", "f"),
            };
            let mut streams = client.send(call).await.unwrap();
            let calls: Vec<_> = client.connection().registry().all().collect();
            let [exchange] = &calls[..] else {
                panic!("{calls:?}");
            };
            let mut taken = message(exchange.inbox());
            taken.reply = Some("_INBOX.t.one".into());
            exchange.deliver(Part::Root, taken);
            streams.outgoing.shutdown().await.unwrap();
            assert_ne!(exchange.is_owing(), is_urgent, "{timeout:?} {params}");
        }
    }

    /// What a call is made with is as large as it is, once: the future is moved, or allocated, with
    /// it.
    #[tokio::test]
    async fn a_call_holds_its_arguments_once() {
        const PATHS: [[Option<usize>; 1]; 64] = [[Some(0)]; 64];
        let (client, _idle) = offline().await;
        let context = || CallContext::new(None);
        let by_reference = client.invoke(context(), "a:b/c", "f", Bytes::new(), PATHS.as_slice());
        let by_value = client.invoke(context(), "a:b/c", "f", Bytes::new(), PATHS);
        let more = size_of_val(&by_value) - size_of_val(&by_reference);
        assert!(more <= size_of_val(&PATHS), "{more} bytes");
    }
}
