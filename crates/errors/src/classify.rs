//! From any error to an [`RpcError`].

use std::error::Error;
use std::io;

use crate::{Delivery, RpcError, RpcErrorKind};

impl RpcError {
    /// The first `RpcError` in a chain of errors, `error` itself included.
    ///
    /// Looks into [`io::Error`]s too, whose own `source` skips the error they were made of.
    ///
    /// An `RpcError` that was attached as a *context* of [`anyhow`] is invisible to a plain chain;
    /// [`find_in`](Self::find_in) sees it.
    #[must_use]
    pub fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        find(error, &|error| error.downcast_ref())
    }

    /// The first `RpcError` in an [`anyhow`] chain, contexts included.
    #[must_use]
    pub fn find_in(error: &anyhow::Error) -> Option<&Self> {
        error.downcast_ref().or_else(|| Self::find(error.as_ref()))
    }

    /// The `RpcError` that `error` stands for.
    ///
    /// Total: an `RpcError` anywhere in the chain is returned as it is; otherwise the outermost
    /// link of the chain that has a meaning decides the kind (an elapsed timer is a
    /// [`Timeout`](RpcErrorKind::Timeout), a broken pipe is
    /// [`Transport`](RpcErrorKind::Transport), …); otherwise it is
    /// [`Other`](RpcErrorKind::Other). What was not an `RpcError` before has a delivery of
    /// [`Unknown`](Delivery::Unknown), for whoever knows more to
    /// [replace](Self::with_delivery). Its message names the reason in general words; the
    /// error's own words, which may hold an address, stay in the source.
    #[must_use]
    pub fn classify(error: impl Into<anyhow::Error>) -> Self {
        let error = error.into();
        if let Some(found) = Self::find_in(&error) {
            return found.clone();
        }
        let kind = find(error.as_ref(), &kind_of).unwrap_or(RpcErrorKind::Other);
        described(kind).with_source(error)
    }
}

/// Walks the chain, stepping into the payload of each `io::Error` on the way.
fn find<'a, T>(
    mut error: &'a (dyn Error + 'static),
    test: &dyn Fn(&'a (dyn Error + 'static)) -> Option<T>,
) -> Option<T> {
    loop {
        if let Some(payload) = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            // What the payload says is more exact than the kind of the wrapper.
            if let Some(found) = find(payload, test) {
                return Some(found);
            }
        }
        if let Some(found) = test(error) {
            return Some(found);
        }
        error = error.source()?;
    }
}

fn kind_of(error: &(dyn Error + 'static)) -> Option<RpcErrorKind> {
    #[cfg(feature = "tokio")]
    if error.is::<tokio::time::error::Elapsed>() {
        return Some(RpcErrorKind::Timeout);
    }
    io_kind(error.downcast_ref::<io::Error>()?.kind())
}

fn io_kind(kind: io::ErrorKind) -> Option<RpcErrorKind> {
    use io::ErrorKind as Io;
    match kind {
        Io::TimedOut => Some(RpcErrorKind::Timeout),
        Io::UnexpectedEof => Some(RpcErrorKind::TargetFailed),
        Io::InvalidData | Io::InvalidInput => Some(RpcErrorKind::Protocol),
        Io::OutOfMemory
        | Io::QuotaExceeded
        | Io::ResourceBusy
        | Io::StorageFull
        | Io::WouldBlock => Some(RpcErrorKind::Overloaded),
        Io::AddrInUse
        | Io::AddrNotAvailable
        | Io::BrokenPipe
        | Io::ConnectionAborted
        | Io::ConnectionRefused
        | Io::ConnectionReset
        | Io::HostUnreachable
        | Io::NetworkDown
        | Io::NetworkUnreachable
        | Io::NotConnected
        | Io::PermissionDenied
        | Io::WriteZero => Some(RpcErrorKind::Transport),
        _ => None,
    }
}

fn described(kind: RpcErrorKind) -> RpcError {
    let message = match kind {
        RpcErrorKind::Timeout => "the call took too long",
        RpcErrorKind::LinkDenied => "no link permits the call",
        RpcErrorKind::TargetUnavailable => "the target is not available",
        RpcErrorKind::TargetFailed => "the target ended the call without a result",
        RpcErrorKind::Overloaded => "the call was shed",
        RpcErrorKind::Transport => "the connection failed",
        RpcErrorKind::Protocol => "the bytes of the call do not decode as its type",
        RpcErrorKind::Other => "the call failed",
    };
    RpcError::new(kind, Delivery::Unknown, message)
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    fn sample(kind: RpcErrorKind) -> RpcError {
        RpcError::new(kind, Delivery::Accepted, format!("a:b/c#f: {kind}"))
    }

    fn assert_same(actual: &RpcError, expected: &RpcError) {
        assert_eq!(actual.kind(), expected.kind());
        assert_eq!(actual.delivery(), expected.delivery());
        assert_eq!(actual.message(), expected.message());
    }

    #[test]
    fn every_kind_survives_every_wrapping() {
        for kind in RpcErrorKind::ALL {
            let error = sample(kind);
            let io = || std::io::Error::from(error.clone());
            let wrapped: Vec<(&str, anyhow::Error)> = vec![
                ("bare", error.clone().into()),
                ("io", io().into()),
                ("io in io", io::Error::other(io()).into()),
                (
                    "io in io, as a source",
                    io::Error::other(sample_source(io())).into(),
                ),
                (
                    "contexts",
                    anyhow::Error::from(io()).context("one").context("two"),
                ),
                (
                    "as a context",
                    anyhow::anyhow!("inner")
                        .context(error.clone())
                        .context("outer"),
                ),
                (
                    "io in anyhow in wasmtime",
                    wasmtime::Error::from_anyhow(anyhow::Error::from(io()).context("one"))
                        .context("two")
                        .into(),
                ),
                (
                    "wasmtime",
                    wasmtime::Error::new(error.clone()).context("trap").into(),
                ),
                (
                    "anyhow in io in anyhow",
                    Err::<(), _>(io::Error::other(anyhow::Error::from(io()).context("one")))
                        .context("two")
                        .unwrap_err(),
                ),
            ];
            for (wrapping, wrapped) in wrapped {
                let found = RpcError::classify(wrapped);
                assert_eq!(found.kind(), kind, "{wrapping}");
                assert_same(&found, &error);
            }
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("has a source")]
    struct WithSource(#[source] io::Error);

    fn sample_source(error: io::Error) -> WithSource {
        WithSource(error)
    }

    #[test]
    fn io_errors_keep_a_fitting_kind() {
        use io::ErrorKind as Io;
        let kinds = RpcErrorKind::ALL.map(|kind| io::Error::from(sample(kind)).kind());
        assert_eq!(
            kinds,
            [
                Io::TimedOut,
                Io::PermissionDenied,
                Io::NotConnected,
                Io::UnexpectedEof,
                Io::ResourceBusy,
                Io::BrokenPipe,
                Io::InvalidData,
                Io::Other,
            ]
        );
    }

    #[test]
    fn foreign_errors_are_told_by_their_io_kind() {
        use io::ErrorKind as Io;
        let table = [
            (Io::TimedOut, RpcErrorKind::Timeout),
            (Io::UnexpectedEof, RpcErrorKind::TargetFailed),
            (Io::InvalidData, RpcErrorKind::Protocol),
            (Io::InvalidInput, RpcErrorKind::Protocol),
            (Io::OutOfMemory, RpcErrorKind::Overloaded),
            (Io::WouldBlock, RpcErrorKind::Overloaded),
            (Io::ResourceBusy, RpcErrorKind::Overloaded),
            (Io::ConnectionRefused, RpcErrorKind::Transport),
            (Io::ConnectionReset, RpcErrorKind::Transport),
            (Io::BrokenPipe, RpcErrorKind::Transport),
            (Io::NotConnected, RpcErrorKind::Transport),
            (Io::PermissionDenied, RpcErrorKind::Transport),
            (Io::NotFound, RpcErrorKind::Other),
        ];
        for (io, expected) in table {
            let error = anyhow::Error::from(io::Error::new(io, "10.0.0.1:4222"))
                .context("one")
                .context("two");
            let error = RpcError::classify(error);
            assert_eq!(error.kind(), expected, "{io}");
            assert_eq!(error.delivery(), Delivery::Unknown);
            assert!(!error.to_string().contains("10.0.0.1"), "{error}");
        }
        assert_eq!(
            RpcError::classify(anyhow::anyhow!("no idea")).kind(),
            RpcErrorKind::Other
        );
    }

    #[test]
    fn the_payload_of_an_io_error_outweighs_its_kind() {
        let inner = io::Error::from(io::ErrorKind::TimedOut);
        let outer = io::Error::new(io::ErrorKind::BrokenPipe, inner);
        assert_eq!(RpcError::classify(outer).kind(), RpcErrorKind::Timeout);
    }

    #[test]
    fn the_source_chain_keeps_every_text() {
        let error = anyhow::Error::from(io::Error::other("root")).context("context");
        let error = anyhow::Error::from(RpcError::classify(error));
        let texts: Vec<_> = error.chain().map(ToString::to_string).collect();
        assert_eq!(texts, ["other: the call failed", "context", "root"]);
    }

    #[cfg(feature = "tokio")]
    #[tokio::test(start_paused = true)]
    async fn an_elapsed_timer_is_a_timeout() {
        let error = tokio::time::timeout(core::time::Duration::ZERO, core::future::pending::<()>())
            .await
            .context("invocation timed out")
            .unwrap_err();
        assert_eq!(RpcError::classify(error).kind(), RpcErrorKind::Timeout);
    }
}
