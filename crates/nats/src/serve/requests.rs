//! The calls of a function, as they arrive.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use tokio::runtime::Handle;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_transport::{Paths, Target};
use wrpc_transport::Serve;

use super::arrivals::Arrivals;
use super::functions::Served;
use super::request::Offer;
use super::{Request, ServeContext};
use crate::function::Function;
use crate::{Client, Incoming, Outgoing, client, subject};

/// The calls of a function, as they arrive.
///
/// Ends after [`Client::drain`], once everything that had arrived was handed out, and when the
/// connection is closed. It fails, and ends, if the broker does not permit the function to be
/// served.
///
/// # Cancellation
///
/// Dropping it stops taking calls: what had arrived and was not handed out, and what is under way,
/// is refused as `overloaded`, `not-sent`. Dropped outside of the runtime it refuses only what had
/// arrived.
#[must_use = "streams do nothing unless polled"]
pub struct Requests {
    offer: Arc<Offer>,
    /// None only while this is dropped.
    arrivals: Option<Arrivals>,
}

impl Client {
    /// The calls of the function `func` of `instance`, to be taken or refused one by one.
    ///
    /// `paths` are the asynchronous parameters to come, as
    /// [`Serve::serve`] takes them.
    ///
    /// # Errors
    ///
    /// The names can't be part of a subject, the connection is closed, or the broker does not
    /// permit the function to be served.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves no subscription behind.
    pub async fn requests(
        &self,
        instance: &str,
        func: &str,
        paths: impl Into<Paths> + Send,
    ) -> Result<Requests, RpcError> {
        let options = self.options();
        let function = Function {
            instance: instance.into(),
            func: func.into(),
        };
        if !Target::is_valid(func) || !(instance.is_empty() || Target::is_valid(instance)) {
            return Err(RpcError::new(
                RpcErrorKind::Other,
                Delivery::NotSent,
                format!(
                    "{}: its name can't be part of a subject",
                    function.to_string().escape_debug()
                ),
            ));
        }
        let subject = subject::invocation(&options.prefix, &options.id, instance, func);
        let served = Arc::new(Served::new(subject.clone(), function));
        let closed = || {
            let reason = "the connection is closed";
            let function = &served.function;
            function.error(RpcErrorKind::Transport, Delivery::NotSent, reason)
        };
        let connection = Arc::clone(self.connection());
        connection.core().served.insert(&served);
        let subscription = self
            .nats()
            .queue_subscribe(subject, options.group().to_owned())
            .await
            .map_err(|error| closed().with_source(error))?;
        // The second echo comes after the broker's word about the subscription was heard.
        for _ in 0..2 {
            client::echo(connection.core())
                .await
                .map_err(|error| closed().with_source(error))?;
        }
        if let Some(refusal) = served.refusal() {
            return Err(refusal.clone());
        }
        let offer = Arc::new(Offer {
            connection,
            served,
            paths: paths.into(),
            params_timeout: options.params_timeout,
            clock_skew: options.clock_skew,
            inbox_prefix: options.inbox_prefix.clone(),
            running: self.running().cloned(),
        });
        Ok(Requests {
            arrivals: Some(Arrivals::new(Arc::clone(&offer), subscription)),
            offer,
        })
    }

    /// Stops taking calls, and loses none: every stream of calls of this client, and of its clones,
    /// hands out what has arrived and then ends. Calls that run go on.
    ///
    /// A stream that is not polled does not end. What the last calls have answered may still be in
    /// the queue of the NATS client when they are over: await a [round trip](Self::round_trip)
    /// before the process ends.
    pub fn drain(&self) {
        self.connection().core().served.drain();
    }
}

impl Stream for Requests {
    type Item = Result<Request, RpcError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.arrivals {
            Some(arrivals) => arrivals.poll_next_unpin(cx),
            None => Poll::Ready(None),
        }
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        let Some(mut arrivals) = self.arrivals.take() else {
            return;
        };
        // Dropped, they are refused.
        arrivals.take_arrived().for_each(drop);
        if arrivals.has_ended() {
            return;
        }
        self.offer.served.drain();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(arrivals.for_each(|request| {
                drop(request);
                core::future::ready(())
            }));
        }
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests")
            .field("function", &format_args!("{}", self.offer.served.function))
            .finish_non_exhaustive()
    }
}

impl Serve for Client {
    type Context = ServeContext;
    type Outgoing = Outgoing;
    type Incoming = Incoming;

    /// Takes every call as it comes. See [`Client::requests`] for errors and cancellation.
    async fn serve(
        &self,
        instance: &str,
        func: &str,
        paths: impl Into<Paths> + Send,
    ) -> anyhow::Result<
        impl Stream<Item = anyhow::Result<(ServeContext, Outgoing, Incoming)>> + Send + 'static,
    > {
        let requests = self.requests(instance, func, paths).await?;
        Ok(requests.map(|request| Ok(request?.accept())))
    }
}
