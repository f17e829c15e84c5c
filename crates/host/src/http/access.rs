//! The access log.

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode, Uri};
use tokio::time::Instant;

use super::trace::RequestTrace;

/// One line of it, written when it is dropped: when the last of the response has left the
/// component's hands, or the client has gone away. The span of the request ends with it.
#[derive(Debug)]
pub(super) struct Access {
    entry: Option<Entry>,
    trace: RequestTrace,
}

#[derive(Debug)]
struct Entry {
    method: Method,
    uri: Uri,
    begun: Instant,
    status: Option<StatusCode>,
    complete: bool,
}

impl Access {
    /// A request that has just come. What its query says stays out of the log.
    pub(super) fn new(request: &Request<Incoming>, trace: RequestTrace) -> Self {
        let entry = tracing::enabled!(tracing::Level::INFO).then(|| Entry {
            method: request.method().clone(),
            uri: request.uri().clone(),
            begun: Instant::now(),
            status: None,
            complete: false,
        });
        Self { entry, trace }
    }

    /// It is answered.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.trace.answered(status);
        if let Some(entry) = &mut self.entry {
            entry.status = Some(status);
        }
    }

    /// And that to the end.
    pub(super) fn completed(&mut self) {
        if let Some(entry) = &mut self.entry {
            entry.complete = true;
        }
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let Some(entry) = &self.entry else { return };
        let _within = self.trace.span().enter();
        let (method, path, took) = (&entry.method, entry.uri.path(), entry.begun.elapsed());
        match (entry.status, entry.complete) {
            (Some(status), true) => {
                tracing::info!(%method, path, status = status.as_u16(), ?took, "answered");
            }
            (Some(status), false) => {
                tracing::info!(%method, path, status = status.as_u16(), ?took, "answered in part");
            }
            (None, _) => tracing::info!(%method, path, ?took, "given up by the client"),
        }
    }
}
