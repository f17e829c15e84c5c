//! Why there is no connection.

use std::io;
use std::path::PathBuf;

use wrpc_middleware::nats::{self, Violation};

/// No connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// An address is none. It may hold a password, so it is not repeated; `clap` would.
    #[error(
        "`--nats` takes URLs such as nats://host:4222, tls://host:4222 or host:4222, separated by \
         commas; the {}. is none",
        .nth
    )]
    Url {
        /// Which one, counted from 1.
        nth: usize,
    },
    /// A file that an option names can't be used.
    #[error("can't use the file of `{option}`, `{}`", .path.display())]
    File {
        /// The option.
        option: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The server refused the user.
    #[error(
        "NATS at {servers} refused the connection: check the credentials (`--creds`, `--nkey` or `--user`)"
    )]
    Refused {
        /// The servers, without what is secret in their URLs.
        servers: String,
        /// What the client says.
        source: async_nats::ConnectError,
    },
    /// The TLS options do not work with this server, or at all.
    #[error(
        "no TLS connection to NATS at {servers}: check `--tlsca`, `--tlscert`, `--tlskey` and `--tlsfirst`"
    )]
    Tls {
        /// As above.
        servers: String,
        /// What the client says.
        source: async_nats::ConnectError,
    },
    /// Nobody answers there.
    #[error(
        "can't connect to NATS at {servers}: start a server there, or name another with `--nats URL`"
    )]
    Unreachable {
        /// As above.
        servers: String,
        /// What the client says.
        source: async_nats::ConnectError,
    },
    /// Answers could not arrive.
    #[error(
        "NATS does not permit this user to use the inbox `{inbox}`: permit it to subscribe and to \
         publish there, or name another start of inboxes with `--inbox-prefix`"
    )]
    Inbox {
        /// What has to be permitted.
        inbox: String,
        /// What the server says, if it does.
        source: Option<Violation>,
    },
    /// The connection was lost while it was set up.
    #[error(transparent)]
    Client(nats::ConnectError),
}

impl From<nats::ConnectError> for ConnectError {
    fn from(error: nats::ConnectError) -> Self {
        match error {
            nats::ConnectError::Inbox { inbox, source } => Self::Inbox {
                inbox: every_time(&inbox),
                source,
            },
            error => Self::Client(error),
        }
    }
}

impl ConnectError {
    /// Whether the command itself is wrong, rather than its surroundings.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        matches!(self, Self::Url { .. } | Self::File { .. })
    }
}

/// Inboxes that start as this one, whose last part but one is another for each connection.
fn every_time(inbox: &str) -> String {
    let start = inbox.rsplitn(3, '.').nth(2);
    start.map_or_else(|| inbox.to_owned(), |start| format!("{start}.>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_to_be_permitted_is_the_same_every_time() {
        assert_eq!(
            every_time("_INBOX.client.JiYqocr5SgGgJYX4.>"),
            "_INBOX.client.>"
        );
        assert_eq!(every_time("_INBOX"), "_INBOX");
    }
}
