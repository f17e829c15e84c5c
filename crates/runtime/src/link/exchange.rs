//! Both directions of a call at once.

use core::future::Future;
use core::pin::pin;
use core::time::Duration;
use std::io;

use tokio::select;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

/// How long a failure of the parameters waits for the results to tell more.
///
/// A target may answer, or say why it won't, without having read all of its parameters; but where
/// nobody is there to answer, nothing ever comes.
const GRACE: Duration = Duration::from_millis(100);

/// Sends parameters and receives results until the call has ended, or `None` if `deadline` passes
/// before that.
///
/// Complete results are a success, whatever becomes of the parameters after that: the target has
/// had its say. `streams` says whether parameters are streamed; those go on being sent after the
/// results, since the target may still be reading them, where the rest of `send` is only the end
/// of what the target has evidently taken.
pub(super) async fn exchange<T>(
    deadline: Option<Instant>,
    send: impl Future<Output = io::Result<()>>,
    receive: impl Future<Output = Result<T, RpcError>>,
    streams: bool,
    classify: impl FnOnce(io::Error) -> RpcError,
) -> Option<Result<T, RpcError>> {
    let mut send = pin!(send);
    let mut receive = pin!(receive);
    let first = async {
        select! {
            // The handshake and the first result may come in one go.
            biased;
            result = &mut send => First::Sent(result),
            result = &mut receive => First::Received(result),
        }
    };
    match bounded(deadline, first).await? {
        First::Sent(Ok(())) => bounded(deadline, receive).await,
        First::Sent(Err(error)) => {
            let unsent = classify(error);
            if unsent.delivery() == Delivery::NotSent {
                return Some(Err(unsent));
            }
            let received = bounded(deadline, timeout(GRACE, receive)).await?;
            Some(match received {
                Ok(Ok(value)) => Ok(value),
                Ok(Err(received)) if received.kind() != RpcErrorKind::Other => Err(received),
                Ok(Err(_)) | Err(_) => Err(unsent),
            })
        }
        First::Received(Ok(value)) => {
            if streams {
                match bounded(deadline, send).await {
                    Some(Ok(())) => {}
                    Some(Err(error)) => debug!(%error, "the target left its parameters unread"),
                    None => debug!("the target answered, but took too long to read its parameters"),
                }
            }
            Some(Ok(value))
        }
        First::Received(Err(error)) => Some(Err(error)),
    }
}

/// Which direction ended first.
enum First<T> {
    Sent(io::Result<()>),
    Received(Result<T, RpcError>),
}

/// The output of `future`, or `None` if `deadline` passes first.
pub(super) async fn bounded<F: Future>(deadline: Option<Instant>, future: F) -> Option<F::Output> {
    match deadline {
        Some(deadline) => timeout_at(deadline, future).await.ok(),
        None => Some(future.await),
    }
}
