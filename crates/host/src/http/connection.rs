//! One connection of a client.

use core::pin::pin;
use core::time::Duration;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::activity::{Activity, State};
use super::service::Service;

/// What the headers of a request may take, in bytes.
const MAX_HEADERS: usize = 64 * 1024;

/// How many requests a client may have running on one connection of HTTP/2.
const MAX_STREAMS: u32 = 250;

/// How long an idle connection is kept when the host stops: its next request may be on its way, and
/// is answered then, as the last one.
const LINGER: Duration = Duration::from_millis(250);

/// How long after its request's deadline a connection takes no more requests, and is cut once that
/// holds for all that run: the guest has ended by then, and the client does not read what it has
/// left.
const OVERDUE: Duration = Duration::from_secs(1);

/// Serves the requests of one connection, one after another over HTTP/1 and side by side over
/// HTTP/2, until it closes.
///
/// It is closed once it has been idle for `idle`, or `stop` is cancelled and its requests are
/// answered. Dropping the future closes it and ends its requests.
pub(super) async fn serve(
    stream: TcpStream,
    service: Arc<Service>,
    idle: Duration,
    stop: CancellationToken,
) {
    let (activity, state) = Activity::new();
    let service = service_fn(move |request| {
        let (service, activity) = (Arc::clone(&service), activity.clone());
        async move { service.answer(request, &activity).await }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .max_buf_size(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(MAX_HEADERS).unwrap_or(u32::MAX))
        .keep_alive_interval(idle);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut phases = Phases::new(state, idle);
    loop {
        if phases.closes() {
            connection.as_mut().graceful_shutdown();
        }
        let next = phases.next();
        tokio::select! {
            // What has come already is served, whatever else happens.
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            () = stop.cancelled(), if phases.stopped.is_none() => {
                phases.stopped = Some(Instant::now());
            }
            () = phases.changed() => {}
            () = sleep_until(next.at) => if next.cut {
                tracing::debug!("a connection is cut: its client does not read the response");
                return;
            }
        }
    }
}

/// What becomes of a connection.
struct Phases {
    state: watch::Receiver<State>,
    idle: Duration,
    /// Since when the host stops.
    stopped: Option<Instant>,
    /// Since when no further request is taken.
    closing: Option<Instant>,
}

/// What happens next if no request comes or ends before.
struct Next {
    at: Instant,
    /// Whether the connection ends then, or is only looked at.
    cut: bool,
}

impl Phases {
    fn new(state: watch::Receiver<State>, idle: Duration) -> Self {
        Self {
            state,
            idle,
            stopped: None,
            closing: None,
        }
    }

    /// A request has come or ended.
    async fn changed(&mut self) {
        if self.state.changed().await.is_err() {
            // The connection has let go of its service, so it is about to end.
            core::future::pending::<()>().await;
        }
    }

    /// Whether it is time to close the connection. That is said once.
    fn closes(&mut self) -> bool {
        if self.closing.is_some() {
            return false;
        }
        let now = Instant::now();
        let state = self.state.borrow_and_update();
        let busy = state.first_deadline().is_some();
        let stops = self
            .stopped
            .is_some_and(|since| busy || now >= since + LINGER);
        let overdue = state
            .first_deadline()
            .is_some_and(|deadline| now >= deadline + OVERDUE);
        if stops || overdue || !busy && now >= state.idle_until(self.idle) {
            self.closing = Some(now);
        }
        self.closing.is_some()
    }

    fn next(&mut self) -> Next {
        let state = self.state.borrow_and_update();
        if let (Some(first), Some(last)) = (state.first_deadline(), state.last_deadline()) {
            // Others on the connection need not suffer from one that is not read.
            return match self.closing {
                Some(_) => Next {
                    at: last + OVERDUE,
                    cut: true,
                },
                None => Next {
                    at: first + OVERDUE,
                    cut: false,
                },
            };
        }
        if let Some(since) = self.closing {
            // For the last of the response to be read.
            let at = since.max(state.idle_until(Duration::ZERO)) + self.idle;
            return Next { at, cut: true };
        }
        let idle = state.idle_until(self.idle);
        let at = match self.stopped {
            Some(since) => idle.min(since + LINGER),
            None => idle,
        };
        Next { at, cut: false }
    }
}
