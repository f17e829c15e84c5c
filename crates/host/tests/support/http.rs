//! A client of HTTP/1 and HTTP/2, and what it gets.

use core::fmt::Write as _;
use core::net::SocketAddr;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wrpc_middleware_testing::wait::{self, guard};

pub type Body = UnsyncBoxBody<Bytes, core::convert::Infallible>;

/// A response, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// An error if it was cut off.
    pub body: hyper::Result<Bytes>,
}

impl Answer {
    /// Reads the response.
    pub async fn of(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = guard("the body of a response", body.collect()).await;
        Self {
            status: head.status,
            headers: head.headers,
            body: body.map(http_body_util::Collected::to_bytes),
        }
    }

    /// The status and the text of a complete response.
    #[track_caller]
    pub fn text(&self) -> (u16, &str) {
        let body = self.body.as_ref().unwrap();
        (self.status.as_u16(), core::str::from_utf8(body).unwrap())
    }
}

pub fn request(address: SocketAddr, path: &str) -> Request<Body> {
    let request = Request::get(format!("http://{address}{path}")).header("host", "test.example");
    request.body(Empty::new().boxed_unsync()).unwrap()
}

pub fn post(address: SocketAddr, path: &str, body: impl Into<Bytes>) -> Request<Body> {
    let mut request = request(address, path).map(|_| Full::new(body.into()).boxed_unsync());
    *request.method_mut() = hyper::Method::POST;
    request
}

/// A connection of HTTP/1, which closes when the sender is dropped.
pub async fn connect(address: SocketAddr) -> http1::SendRequest<Body> {
    let stream = guard("a connection", TcpStream::connect(address)).await;
    let (sender, connection) = http1::handshake(TokioIo::new(stream.unwrap()))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

/// A connection of HTTP/2.
pub async fn connect_http2(address: SocketAddr) -> http2::SendRequest<Body> {
    let stream = guard("a connection", TcpStream::connect(address)).await;
    let io = TokioIo::new(stream.unwrap());
    let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// Sends a request on a connection whose last one was answered.
pub async fn ask(
    connection: &mut http1::SendRequest<Body>,
    request: Request<Body>,
) -> Response<Incoming> {
    guard("a connection", connection.ready()).await.unwrap();
    let response = connection.send_request(request);
    guard("a response", response).await.unwrap()
}

/// Sends a request on a connection of its own and reads the response.
pub async fn send(request: Request<Body>) -> Answer {
    let address = request.uri().authority().unwrap().as_str().parse().unwrap();
    let mut connection = connect(address).await;
    Answer::of(ask(&mut connection, request).await).await
}

pub async fn get(address: SocketAddr, path: &str) -> Answer {
    send(request(address, path)).await
}

/// Asks again until the answer is this one.
pub async fn until(address: SocketAddr, path: &str, status: u16) {
    let what = format!("{status} for {path}");
    wait::until(&what, async || get(address, path).await.status == status).await;
}

/// What a client that closes nothing gets to the bytes that it sends, until the host closes.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = guard("a connection", TcpStream::connect(address))
        .await
        .unwrap();
    stream.write_all(bytes).await.unwrap();
    rest(&mut stream).await
}

/// Reads until the host closes the connection, in whatever way.
pub async fn rest(stream: &mut TcpStream) -> String {
    let mut got = Vec::new();
    let mut buffer = [0; 4096];
    guard("the end of a connection", async {
        while let Ok(n) = stream.read(&mut buffer).await
            && n > 0
        {
            got.extend_from_slice(buffer.get(..n).unwrap());
        }
    })
    .await;
    String::from_utf8_lossy(&got).into_owned()
}

/// The head of a request with these headers.
pub fn head(line: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut head = format!("{line}\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}
