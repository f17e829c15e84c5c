//! What the host answers in place of the component.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;

/// Why the component does not answer a request.
///
/// Its client is told the kind and no more; the rest is for the operator's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request makes no sense to HTTP.
    Malformed(&'static str),
    /// It asks for what no component can do.
    Unsupported(&'static str),
    /// As many requests as may run do.
    Full,
    /// The host stops.
    Stopping,
    /// The time of the request is up.
    Late,
    /// The component trapped, or ended without an answer.
    Failed,
    /// The component answered by an error code.
    Code(StatusCode),
}

impl Refusal {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Unsupported(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Full | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Late => StatusCode::GATEWAY_TIMEOUT,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Code(status) => status,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Malformed(what) | Self::Unsupported(what) => what,
            Self::Full => "too many requests are running here",
            Self::Stopping => "the host is about to stop",
            Self::Late => "the component did not answer in time",
            Self::Failed => "the component failed to answer",
            Self::Code(_) => "the component answered with an error",
        }
    }

    /// The whole response.
    pub(super) fn response(self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(format!("{}\n", self.text())));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        if matches!(self, Self::Full | Self::Stopping) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// The codes are the proxy error types of RFC 9209, which recommends a status for each.
impl From<&ErrorCode> for Refusal {
    fn from(code: &ErrorCode) -> Self {
        Self::Code(match code {
            ErrorCode::HttpRequestMethodInvalid | ErrorCode::HttpRequestUriInvalid => {
                StatusCode::BAD_REQUEST
            }
            ErrorCode::HttpRequestDenied => StatusCode::FORBIDDEN,
            ErrorCode::HttpRequestLengthRequired => StatusCode::LENGTH_REQUIRED,
            ErrorCode::HttpRequestBodySize(_) => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::HttpRequestUriTooLong => StatusCode::URI_TOO_LONG,
            ErrorCode::HttpRequestHeaderSectionSize(_)
            | ErrorCode::HttpRequestHeaderSize(_)
            | ErrorCode::HttpRequestTrailerSectionSize(_)
            | ErrorCode::HttpRequestTrailerSize(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            ErrorCode::DestinationNotFound
            | ErrorCode::ConfigurationError
            | ErrorCode::InternalError(_) => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::DestinationUnavailable | ErrorCode::ConnectionLimitReached => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            ErrorCode::DnsTimeout
            | ErrorCode::ConnectionTimeout
            | ErrorCode::ConnectionReadTimeout
            | ErrorCode::ConnectionWriteTimeout
            | ErrorCode::HttpResponseTimeout => StatusCode::GATEWAY_TIMEOUT,
            ErrorCode::DnsError(_)
            | ErrorCode::DestinationIpProhibited
            | ErrorCode::DestinationIpUnroutable
            | ErrorCode::ConnectionRefused
            | ErrorCode::ConnectionTerminated
            | ErrorCode::TlsProtocolError
            | ErrorCode::TlsCertificateError
            | ErrorCode::TlsAlertReceived(_)
            | ErrorCode::HttpResponseIncomplete
            | ErrorCode::HttpResponseHeaderSectionSize(_)
            | ErrorCode::HttpResponseHeaderSize(_)
            | ErrorCode::HttpResponseBodySize(_)
            | ErrorCode::HttpResponseTrailerSectionSize(_)
            | ErrorCode::HttpResponseTrailerSize(_)
            | ErrorCode::HttpResponseTransferCoding(_)
            | ErrorCode::HttpResponseContentCoding(_)
            | ErrorCode::HttpUpgradeFailed
            | ErrorCode::HttpProtocolError
            | ErrorCode::LoopDetected => StatusCode::BAD_GATEWAY,
        })
    }
}
