//! Where metrics are scraped.

use core::convert::Infallible;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::listen::Listener;

/// How many may scrape at a time: there are few who do, and the address may be public.
const MAX_CONNECTIONS: usize = 16;

/// How long one of them may stay, idle or not.
const MAX_AGE: Duration = Duration::from_mins(5);

/// How long one may take to send the headers of a request.
const HEADERS: Duration = Duration::from_secs(30);

const PROMETHEUS: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Answers `/metrics` by what `render` makes, and `/healthz`. Dropping the future closes the socket
/// and all connections.
pub(super) async fn serve(listener: Listener, render: impl Fn() -> String + Send + Sync + 'static) {
    let render = Arc::new(render);
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        // It is never closed.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        let stream = listener.accept().await;
        let render = Arc::clone(&render);
        connections.spawn(async move {
            if timeout(MAX_AGE, connection(stream, render)).await.is_err() {
                tracing::debug!("a connection for metrics was closed for its age");
            }
            drop(permit);
        });
    }
}

async fn connection(stream: TcpStream, render: Arc<impl Fn() -> String + Send + Sync + 'static>) {
    let service = service_fn(move |request| {
        let response = answer(&request, &*render);
        async move { Ok::<_, Infallible>(response) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection for metrics ended early");
    }
}

fn answer(request: &Request<Incoming>, render: &impl Fn() -> String) -> Response<Full<Bytes>> {
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, PROMETHEUS, render()),
        (&Method::GET | &Method::HEAD, "/healthz") => (StatusCode::OK, TEXT, "ok\n".into()),
        (_, "/metrics" | "/healthz") => (StatusCode::METHOD_NOT_ALLOWED, TEXT, "use GET\n".into()),
        _ => {
            let text = "there are /metrics and /healthz\n";
            (StatusCode::NOT_FOUND, TEXT, text.into())
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let methods = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(ALLOW, methods);
    }
    response
}
