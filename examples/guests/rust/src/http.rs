//! As much of HTTP as this component needs, over `wasi:http`.

use crate::bindings;
use crate::bindings::exports::wasi::http::incoming_handler::Guest;
use crate::bindings::wasi::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

/// What was asked.
pub struct Request {
    path_with_query: String,
}

impl Request {
    /// The first parameter of this name in the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.path_with_query.split_once('?')?;
        form_urlencoded::parse(query.as_bytes())
            .find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    }
}

/// What to answer.
pub struct Response {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: String,
}

impl Response {
    /// A text.
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        let body = body.into();
        Self {
            status,
            headers: Vec::new(),
            body,
        }
        .with_header("content-type", "text/plain; charset=utf-8")
    }

    /// The same with one more header.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn send(self, out: ResponseOutparam) {
        let headers = Fields::from_list(&self.headers).expect("names and values of headers");
        let response = OutgoingResponse::new(headers);
        response.set_status_code(self.status).expect("a status");
        let body = response.body().expect("a body, the first time");
        ResponseOutparam::set(out, Ok(response));
        // From here on whoever asked may have gone, which is no concern of ours.
        if let Ok(stream) = body.write() {
            for chunk in self.body.as_bytes().chunks(4096) {
                if stream.blocking_write_and_flush(chunk).is_err() {
                    return;
                }
            }
        }
        let _ = OutgoingBody::finish(body, None);
    }
}

struct Component;

impl Guest for Component {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path_with_query = request.path_with_query().unwrap_or_default();
        crate::answer(&Request { path_with_query }).send(out);
    }
}

bindings::export!(Component with_types_in bindings);
