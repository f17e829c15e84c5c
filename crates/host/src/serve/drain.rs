//! Ceasing to take calls without losing one that was accepted.
//!
//! Upstream accepts a call inside its stream of calls: it sends the handshake, waits until that
//! has left, and yields the call. To drop the stream in between loses the call, although its
//! caller was told that it runs. Between two calls nothing is lost. Which of the two it is can't
//! be seen from outside, so each function's stream goes on for a moment: until its next call, or
//! until nothing has come for much longer than accepting a call takes. What is left is a first
//! call in a while that comes at the very end of that moment.

use std::sync::Arc;

use futures::{Stream, StreamExt as _, stream};
use tokio::sync::watch;
use wrpc_transport::Serve;

/// How far the stopping is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Calls are taken.
    Running,
    /// Each function takes one more at most.
    Stopping,
    /// None takes any more.
    Stopped,
}

/// A transport whose streams of calls can be ended in an orderly way.
#[derive(Debug)]
pub(super) struct Stoppable<S> {
    transport: S,
    phase: watch::Receiver<Phase>,
}

/// Ends the streams of a [`Stoppable`]; dropped, it ends them too.
#[derive(Debug)]
pub(super) struct Stop(watch::Sender<Phase>);

/// Makes the streams of `transport` end when told to.
pub(super) fn stoppable<S>(transport: S) -> (Stop, Stoppable<S>) {
    let (sender, phase) = watch::channel(Phase::Running);
    (Stop(sender), Stoppable { transport, phase })
}

impl Stop {
    /// From now on each stream ends after its next call.
    pub(super) fn soon(&self) {
        self.0.send_replace(Phase::Stopping);
    }

    /// Ends all streams.
    pub(super) fn now(&self) {
        self.0.send_replace(Phase::Stopped);
    }
}

impl<S: Serve> Serve for Stoppable<S> {
    type Context = S::Context;
    type Outgoing = S::Outgoing;
    type Incoming = S::Incoming;

    async fn serve(
        &self,
        instance: &str,
        func: &str,
        paths: impl Into<Arc<[Box<[Option<usize>]>]>> + Send,
    ) -> anyhow::Result<
        impl Stream<Item = anyhow::Result<(Self::Context, Self::Outgoing, Self::Incoming)>>
        + Send
        + 'static,
    > {
        let calls = self.transport.serve(instance, func, paths).await?;
        Ok(until_stopped(calls, self.phase.clone()))
    }
}

fn until_stopped<S>(
    stream: S,
    phase: watch::Receiver<Phase>,
) -> impl Stream<Item = S::Item> + Send + 'static
where
    S: Stream + Send + 'static,
    S::Item: Send,
{
    let start = (Some(Box::pin(stream)), phase);
    stream::unfold(start, |(stream, mut phase)| async move {
        let mut stream = stream?;
        let item = tokio::select! {
            biased;
            item = stream.next() => item?,
            _ = phase.wait_for(|phase| *phase == Phase::Stopped) => return None,
        };
        let goes_on = *phase.borrow() == Phase::Running;
        Some((item, (goes_on.then_some(stream), phase)))
    })
}

#[cfg(test)]
mod tests {
    use core::pin::pin;

    use futures::FutureExt as _;
    use futures::channel::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_running_stream_passes_everything_on() {
        let (_sender, phase) = watch::channel(Phase::Running);
        let items: Vec<_> = until_stopped(stream::iter(0..3), phase).collect().await;
        assert_eq!(items, [0, 1, 2]);
    }

    #[tokio::test]
    async fn a_stopping_stream_ends_after_what_comes_next_and_drops_the_rest() {
        let (sender, phase) = watch::channel(Phase::Running);
        let (items, source) = mpsc::unbounded();
        let mut stream = pin!(until_stopped(source, phase));
        assert_eq!(stream.next().now_or_never(), None);
        sender.send_replace(Phase::Stopping);
        assert_eq!(stream.next().now_or_never(), None);
        items.unbounded_send(1).unwrap();
        items.unbounded_send(2).unwrap();
        assert_eq!(stream.next().await, Some(1));
        assert!(items.is_closed());
        assert_eq!(stream.next().await, None);
    }

    #[tokio::test]
    async fn a_stopped_stream_ends_at_once() {
        let (sender, phase) = watch::channel(Phase::Running);
        let mut stream = pin!(until_stopped(stream::pending::<()>(), phase));
        assert_eq!(stream.next().now_or_never(), None);
        sender.send_replace(Phase::Stopped);
        assert_eq!(stream.next().await, None);
    }
}
