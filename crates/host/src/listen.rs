//! A bound socket, for whatever this program serves over HTTP.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// How long to wait after the system could not accept a connection, as when it has no file
/// descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// An option says an address that can't be listened at.
#[derive(Debug, thiserror::Error)]
#[error("can't listen at {address}{}", why(.source, .option))]
pub struct ListenError {
    /// Where.
    pub address: SocketAddr,
    /// The option.
    pub option: &'static str,
    /// What the operating system says.
    pub source: io::Error,
}

impl ListenError {
    /// Whether the command itself is wrong, rather than its surroundings.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        !why(&self.source, self.option).is_empty()
    }
}

/// What is wrong, and what to do about it; nothing if that is not known.
fn why(source: &io::Error, option: &str) -> String {
    match source.kind() {
        io::ErrorKind::AddrInUse => format!(
            ": it is in use; stop what listens there, or choose another port with `{option}` (0 \
             takes any free one)"
        ),
        io::ErrorKind::AddrNotAvailable => ": this machine does not have that address; 127.0.0.1 \
             is always there, and 0.0.0.0 or [::] stand for all that it has"
            .into(),
        io::ErrorKind::PermissionDenied => {
            ": not permitted; ports below 1024 need a privilege on most systems".into()
        }
        _ => String::new(),
    }
}

/// A bound socket.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds to what `option` says. From here on connections are queued by the system.
    ///
    /// # Errors
    ///
    /// The address can't be listened at.
    pub(crate) async fn bind(
        address: SocketAddr,
        option: &'static str,
    ) -> Result<Self, ListenError> {
        let error = |source| ListenError {
            address,
            option,
            source,
        };
        let socket = TcpListener::bind(address).await.map_err(error)?;
        let address = socket.local_addr().map_err(error)?;
        Ok(Self { socket, address })
    }

    /// Where it listens, with the port that it got.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection, whatever it takes.
    pub(crate) async fn accept(&self) -> TcpStream {
        loop {
            match self.socket.accept().await {
                Ok((stream, _)) => return stream,
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!("can't accept connections at {}: {error}", self.address);
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// The connections that the system has queued, without waiting for one.
    ///
    /// The system is asked directly, since the runtime may not have heard of them yet.
    pub(crate) fn into_queued(self) -> impl Iterator<Item = TcpStream> {
        let socket = self.socket.into_std().ok();
        core::iter::from_fn(move || {
            let (stream, _) = socket.as_ref()?.accept().ok()?;
            stream.set_nonblocking(true).ok()?;
            TcpStream::from_std(stream).ok()
        })
    }
}

/// Whether a client went away before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_done_is_said() {
        let error = |kind| ListenError {
            address: ([127, 0, 0, 1], 80).into(),
            option: "--addr",
            source: io::Error::from(kind),
        };
        for (kind, expected) in [
            (
                io::ErrorKind::AddrInUse,
                "in use; stop what listens there, or choose another port with `--addr`",
            ),
            (
                io::ErrorKind::AddrNotAvailable,
                "does not have that address",
            ),
            (io::ErrorKind::PermissionDenied, "below 1024"),
        ] {
            let error = error(kind);
            assert!(error.is_bad_input());
            let text = error.to_string();
            assert!(
                text.starts_with("can't listen at 127.0.0.1:80: ") && text.contains(expected),
                "{text}"
            );
        }
        let other = error(io::ErrorKind::OutOfMemory);
        assert_eq!(other.to_string(), "can't listen at 127.0.0.1:80");
        assert!(!other.is_bad_input());
    }
}
