//! Where the metrics of a host are.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::header::HOST;
use hyper::http::uri::Authority;
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// How long a host may take to answer. It answers from memory.
const PATIENCE: Duration = Duration::from_secs(2);

/// As much as an answer may be.
const MAX_BODY: usize = 32 << 20;

/// Where the metrics of a host are scraped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    authority: Authority,
    path: String,
}

/// The text names no endpoint.
#[derive(Debug, thiserror::Error)]
pub enum InvalidEndpoint {
    /// Not `http`.
    #[error("metrics are served over http:// here, without TLS")]
    Scheme,
    /// No port, or nothing that looks like it.
    #[error("expected a host and a port, as in 127.0.0.1:9464 or http://127.0.0.1:9464/metrics")]
    Malformed,
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let rest = match text.split_once("://") {
            Some(("http", rest)) => rest,
            Some(_) => return Err(InvalidEndpoint::Scheme),
            None => text,
        };
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, format!("/{path}")),
            None => (rest, "/".into()),
        };
        let authority: Authority = authority.parse().map_err(|_| InvalidEndpoint::Malformed)?;
        let is_plain = !authority.as_str().contains('@') && !authority.host().is_empty();
        if !is_plain || authority.port_u16().is_none() || path.parse::<Uri>().is_err() {
            return Err(InvalidEndpoint::Malformed);
        }
        let path = if path == "/" { "/metrics".into() } else { path };
        Ok(Self { authority, path })
    }
}

/// As it is shown: where, without the usual path.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.authority.as_str())?;
        match self.path.as_str() {
            "/metrics" => Ok(()),
            path => f.write_str(path),
        }
    }
}

/// Why there is nothing of a host, in a word or two.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// Nobody listens, or the way there is broken.
    #[error("unreachable: {0}")]
    Connect(std::io::ErrorKind),
    /// It takes too long.
    #[error("no answer")]
    Late,
    /// It answers something else.
    #[error("answers {0}")]
    Status(StatusCode),
    /// It is something else.
    #[error("answers no metrics")]
    Malformed,
}

impl Endpoint {
    /// What the host serves now.
    ///
    /// # Errors
    ///
    /// It does not answer within two seconds, or something else.
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the connection.
    pub async fn scrape(&self) -> Result<String, Unreachable> {
        let scraped = timeout(PATIENCE, self.get()).await;
        scraped.unwrap_or(Err(Unreachable::Late))
    }

    async fn get(&self) -> Result<String, Unreachable> {
        let stream = TcpStream::connect(self.authority.as_str()).await;
        let stream = stream.map_err(|error| Unreachable::Connect(error.kind()))?;
        let malformed = |_| Unreachable::Malformed;
        let http = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = http.map_err(malformed)?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let request = Request::get(&self.path)
            .header(HOST, self.authority.as_str())
            .body(Empty::<Bytes>::new())
            .map_err(|_| Unreachable::Malformed)?;
        let response = sender.send_request(request).await.map_err(malformed)?;
        if response.status() != StatusCode::OK {
            return Err(Unreachable::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
        let body = body.map_err(|_| Unreachable::Malformed)?.to_bytes();
        String::from_utf8(body.into()).map_err(|_| Unreachable::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_a_host_and_a_port() {
        for (text, shown) in [
            ("127.0.0.1:9464", "127.0.0.1:9464"),
            ("http://localhost:9464", "localhost:9464"),
            ("http://localhost:9464/", "localhost:9464"),
            ("http://[::1]:9464/metrics", "[::1]:9464"),
            ("http://gateway:80/hosts/a", "gateway:80/hosts/a"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), shown);
        }
        for wrong in [
            "",
            "localhost",
            ":9464",
            "a b:1",
            "http://",
            "me@host:1",
            "host:99999",
        ] {
            let error = wrong.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains("127.0.0.1:9464"), "{wrong}: {error}");
        }
        let error = "https://host:1".parse::<Endpoint>().unwrap_err();
        assert!(error.to_string().contains("TLS"));
    }
}
