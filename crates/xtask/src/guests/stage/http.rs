//! As much of an HTTP client as the scenarios need: a request can be left before it is answered.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(90);

/// A request that has been sent. Dropped, its client is gone.
#[derive(Debug)]
pub(in crate::guests) struct Pending(TcpStream);

/// What the guest has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::guests) struct Answer {
    pub(in crate::guests) status: u16,
    pub(in crate::guests) retry_after: Option<String>,
    /// Without the line break at its end.
    pub(in crate::guests) body: String,
}

impl Pending {
    /// Asks for `path` at `address`.
    pub(in crate::guests) fn send(address: SocketAddr, path: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address).context("can't connect to the guest")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // HTTP/1.0: the answer ends with the connection.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
        Ok(Self(stream))
    }

    /// Waits for the answer.
    pub(in crate::guests) fn answer(mut self) -> Result<Answer> {
        let mut response = Vec::new();
        self.0
            .read_to_end(&mut response)
            .context("can't read the answer")?;
        let response = String::from_utf8(response).context("an answer that is no text")?;
        Answer::parse(&response).with_context(|| format!("no answer of HTTP: {response:?}"))
    }
}

impl Answer {
    fn parse(response: &str) -> Option<Self> {
        let (head, body) = response.split_once("\r\n\r\n")?;
        let (status, headers) = head.split_once("\r\n").unwrap_or((head, ""));
        let retry_after = headers.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("retry-after")
                .then(|| value.trim().to_owned())
        });
        Some(Self {
            status: status.split(' ').nth(1)?.parse().ok()?,
            retry_after,
            body: body.strip_suffix('\n').unwrap_or(body).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood() {
        let answer = Answer::parse(
            "HTTP/1.0 503 Service Unavailable\r\nRetry-After: 1\r\nx: y\r\n\r\nnot now\n",
        );
        let expected = Answer {
            status: 503,
            retry_after: Some("1".into()),
            body: "not now".into(),
        };
        assert_eq!(answer, Some(expected));
        let short = Answer::parse("HTTP/1.0 200 OK\r\n\r\n").unwrap();
        assert_eq!((short.status, short.retry_after), (200, None));
        assert_eq!(Answer::parse(""), None);
        assert_eq!(Answer::parse("HTTP/1.0 OK\r\n\r\n"), None);
    }
}
