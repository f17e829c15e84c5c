//! How the program ends.

use core::fmt::Write as _;
use std::error::Error as StdError;
use std::path::PathBuf;

use wrpc_middleware::RpcError;
use wrpc_middleware::runtime::ServeError;

use crate::component::ComponentError;
use crate::connect::ConnectError;
use crate::demo::DemoError;
use crate::http::HttpError;
use crate::links::LinksError;
use crate::links_command::LinksCommandError;
use crate::listen::ListenError;
use crate::wave::ExpressionError;

/// What the exit code of the program says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// A value or `ok`, or an orderly stop.
    Success = 0,
    /// A trap, or the program could not run.
    Failure = 1,
    /// Bad usage or bad input: the same command will fail again.
    BadInput = 2,
    /// The function returned `err`.
    Err = 3,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A mistake in the links file.
    #[error(transparent)]
    Links(#[from] LinksError),
    /// A bound for links that no bucket has.
    #[error("`--links-max-age` is for links that change: `--links kv://BUCKET`")]
    MaxAgeWithoutBucket,
    /// What `wrpc-host links` could not do.
    #[error(transparent)]
    LinksCommand(#[from] LinksCommandError),
    /// The file is no component.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// Wasmtime does not run here.
    #[error("can't start Wasmtime")]
    Engine(#[source] anyhow::Error),
    /// The component imports something that neither WASI nor a wRPC call can provide.
    #[error(
        "the component can't be linked: WASI does not provide all that it imports, and the rest can't be called over wRPC"
    )]
    Import(#[source] anyhow::Error),
    /// The call does not fit the component.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// No connection to NATS.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The component trapped.
    #[error("the component trapped{}", because(.0))]
    Trap(#[source] anyhow::Error),
    /// The component's exports can't be served.
    #[error("the component can't be served")]
    Serve(#[from] ServeError),
    /// It exports nothing that could be.
    #[error("`{}` exports no function, so there is nothing to serve", .0.display())]
    NothingToServe(PathBuf),
    /// The component can't be served over HTTP, or not there.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An option says an address that can't be listened at.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// What records metrics could not be made.
    #[error("can't record metrics")]
    Recorder(#[source] metrics_exporter_prometheus::BuildError),
    /// There is no manual page of that.
    #[error("`wrpc-host {0}` is no command; `wrpc-host help` has them all")]
    NoSuchCommand(String),
    /// Manual pages can't be written.
    #[error("can't write manual pages into `{}`", .directory.display())]
    Pages {
        /// Where.
        directory: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// NATS or the client ended the subscriptions.
    #[error("the connection to NATS is closed for good, so no more calls can come")]
    Unsubscribed,
    /// The demonstration could not be played to its end.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The program could not run for a reason of its surroundings.
    #[error("{what}")]
    Run {
        /// What it could not do.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    /// The exit code that goes with it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::LinksCommand(error) => error.exit(),
            Self::Links(_)
            | Self::MaxAgeWithoutBucket
            | Self::Component(_)
            | Self::Http(_)
            | Self::Import(_)
            | Self::Expression(_)
            | Self::NothingToServe(_)
            | Self::NoSuchCommand(_)
            | Self::Pages { .. }
            | Self::Serve(ServeError::Functions(_)) => Exit::BadInput,
            Self::Connect(error) if error.is_bad_input() => Exit::BadInput,
            Self::Listen(error) if error.is_bad_input() => Exit::BadInput,
            Self::Engine(_)
            | Self::Connect(_)
            | Self::Listen(_)
            | Self::Recorder(_)
            | Self::Trap(_)
            | Self::Serve(_)
            | Self::Unsubscribed
            | Self::Demo(_)
            | Self::Run { .. } => Exit::Failure,
        }
    }
}

/// The case of the `rpc-error` that a trap came from, if a call was its cause.
///
/// Unlike [`RpcError::classify`] this does not guess: most traps have nothing to do with a call.
#[must_use]
pub fn rpc_error(error: &anyhow::Error) -> Option<RpcError> {
    RpcError::find_in(error).cloned()
}

fn because(error: &anyhow::Error) -> String {
    rpc_error(error).map_or_else(String::new, |error| {
        format!(
            " because a call that it made failed: `{}` ({})",
            error.kind(),
            error.delivery()
        )
    })
}

/// An error and its causes, each text once.
#[must_use]
pub fn report(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // Some errors have the text of their source in their own.
        if !text.contains(&next) {
            let _ = write!(text, "\n  caused by: {next}");
        }
        cause = error.source();
    }
    text
}
