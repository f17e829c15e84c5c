//! From a request to a response.

use core::convert::Infallible;
use core::time::Duration;
use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{Method, Request, Response, StatusCode, Version};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tracing::Instrument as _;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::access::Access;
use super::activity::{Activity, Running};
use super::body::{ResponseBody, Task};
use super::guest::{Fate, Guest, Guests};
use super::refusal::Refusal;
use super::trace::RequestTrace;

/// Answers requests, each by an instance of its own.
pub(super) struct Service {
    pub(super) guests: Guests,
    /// The longest that a request may take.
    pub(super) timeout: Duration,
    /// A permit for each request that may run.
    pub(super) permits: Arc<Semaphore>,
    /// The running guests, those included whose response is complete.
    pub(super) tasks: TaskTracker,
    /// Where requests come to that need not say it, those of HTTP/1.0.
    pub(super) host: HeaderValue,
}

impl Service {
    /// Answers one request. Dropping the future, or the body of the response before its end, ends
    /// its guest.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        activity: &Activity,
    ) -> Result<Response<ResponseBody>, Infallible> {
        let deadline = Instant::now() + self.timeout;
        let running = activity.begin(deadline);
        let trace = RequestTrace::begin(&request);
        let mut access = Access::new(&request, trace.clone());
        let head = request.method() == Method::HEAD;
        let span = trace.span().clone();
        let asked = self.ask(request, deadline, trace).instrument(span);
        Ok(match asked.await {
            Ok((response, task, fate)) => {
                access.answered(response.status());
                self.guest_response(response, head, (task, fate), access, running)
            }
            Err(refusal) => {
                access.answered(refusal.status());
                refusal.response().map(|text| {
                    if head {
                        ResponseBody::none(access, running)
                    } else {
                        ResponseBody::host(text, access, running)
                    }
                })
            }
        })
    }

    /// Has a guest answer.
    async fn ask(
        &self,
        mut request: Request<Incoming>,
        deadline: Instant,
        trace: RequestTrace,
    ) -> Result<(Response<HyperOutgoingBody>, Task, Fate), Refusal> {
        self.check(&mut request)?;
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        let permit = permit.map_err(|_| Refusal::Full)?;
        let fate = Fate::default();
        let guest = Guest {
            guests: self.guests.clone(),
            deadline,
            calls_deadline: deadline - self.reserve(),
            fate: fate.clone(),
            trace,
        };
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let (sender, answer) = oneshot::channel();
        // A task, so that it does not take turns with the connection.
        let task = async move {
            let ended = guest.run(request, sender).await;
            // After the instance is gone.
            drop(permit);
            ended
        };
        let task = self.tasks.spawn(task.in_current_span());
        let task = AbortOnDropHandle::new(task);
        let fault = match answer.await {
            Ok(Ok(response)) if response.status().is_informational() => {
                format!("the component answered {}", response.status())
            }
            Ok(Ok(response)) => return Ok((response, task, fate)),
            Ok(Err(code)) => {
                tracing::debug!("{method} {}: answered with {code:?}", uri.path());
                task.detach();
                return Err(Refusal::from(&code));
            }
            Err(_) => match task.await {
                Ok(Ok(())) => "the component ended without an answer".into(),
                Ok(Err(refusal)) => return Err(refusal),
                Err(error) => error.to_string(),
            },
        };
        tracing::warn!("{method} {}: {fault}", uri.path());
        Err(Refusal::Failed)
    }

    /// What a component has left to answer if the calls that it makes take all the rest.
    fn reserve(&self) -> Duration {
        const LONGEST: Duration = Duration::from_secs(1);

        (self.timeout / 10).min(LONGEST)
    }

    /// Refuses what no component could answer.
    fn check(&self, request: &mut Request<Incoming>) -> Result<(), Refusal> {
        if request.method() == Method::CONNECT {
            return Err(Refusal::Unsupported("there are no tunnels here"));
        }
        let named = request.uri().authority().is_some();
        let version = request.version();
        let mut hosts = request.headers().get_all(HOST).iter();
        match (hosts.next(), hosts.next()) {
            (Some(host), None) if is_authority(host) => Ok(()),
            (None, _) if named && version > Version::HTTP_11 => Ok(()),
            (None, _) if version < Version::HTTP_11 => {
                request.headers_mut().insert(HOST, self.host.clone());
                Ok(())
            }
            _ => Err(Refusal::Malformed("the request has to name one host")),
        }
    }

    fn guest_response(
        &self,
        response: Response<HyperOutgoingBody>,
        head: bool,
        (task, fate): (Task, Fate),
        access: Access,
        running: Running,
    ) -> Response<ResponseBody> {
        let (parts, body) = response.into_parts();
        let body = if head || has_no_body(parts.status) {
            // Nobody reads it. The guest must not wait for that, nor take it for a lost client.
            self.tasks.spawn(drain(body));
            task.detach();
            ResponseBody::none(access, running)
        } else {
            let length = length(&parts.headers);
            ResponseBody::guest(body, length, (task, fate), access, running)
        };
        Response::from_parts(parts, body)
    }
}

fn has_no_body(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Ends with the guest at the latest.
async fn drain(mut body: HyperOutgoingBody) {
    while let Some(Ok(_)) = body.frame().await {}
}

fn is_authority(host: &HeaderValue) -> bool {
    host.to_str()
        .is_ok_and(|host| host.parse::<Authority>().is_ok())
}

fn length(headers: &hyper::HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
