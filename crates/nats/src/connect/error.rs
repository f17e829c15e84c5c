//! Why there is no client.

/// Why a [`Client`](crate::Client) could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// An option can't be part of a subject.
    #[error(
        "the {option} `{}` can't be part of a subject: it takes one or more parts joined by `.`, \
         none of them empty and none with `*`, `>`, white space or a control character",
        .value.escape_debug()
    )]
    Option {
        /// Which.
        option: &'static str,
        /// What it is.
        value: Box<str>,
    },
    /// No server took the connection.
    #[error("no NATS server took the connection")]
    Connect(#[source] async_nats::ConnectError),
    /// The connection was closed meanwhile.
    #[error("the connection to NATS was closed")]
    Closed,
    /// There was no connection within the time that making the client may take.
    #[error("not connected to NATS")]
    NotConnected,
    /// What is sent to the inbox does not arrive: nor would any answer.
    #[error("the broker does not permit the inbox `{inbox}` to be used")]
    Inbox {
        /// The inbox.
        inbox: Box<str>,
        /// What the broker said, if it did.
        #[source]
        source: Option<Violation>,
    },
}

/// What the broker said about a message or a subscription that it does not permit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Violation(pub(crate) Box<str>);
