//! Why a component can't be served, and why a call of it was not answered.

use core::fmt;
use core::time::Duration;
use std::io;

use crate::DecodeError;

/// Why the exports of a component can't be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Functions whose types can't travel, all of them.
    #[error("{}", Listed(.0))]
    Functions(Vec<Unservable>),
    /// The component could not be instantiated.
    #[error("the component could not be instantiated")]
    Instantiate(#[source] anyhow::Error),
    /// The transport does not take calls of a function.
    #[error("the transport does not serve `{function}`")]
    Register {
        /// The function, as `namespace:package/interface#function`.
        function: Box<str>,
        /// What the transport says.
        source: anyhow::Error,
    },
    /// The transport failed to take one call of a function. Others may follow.
    #[error("a call of `{function}` could not be taken")]
    Accept {
        /// The function, as `namespace:package/interface#function`.
        function: Box<str>,
        /// What the transport says.
        source: anyhow::Error,
    },
}

/// A function that can't be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{function}` can't be served: {cause}")]
#[non_exhaustive]
pub struct Unservable {
    /// The function, as `namespace:package/interface#function`.
    pub function: Box<str>,
    /// What of it can't travel.
    pub cause: UnservableCause,
}

/// What of a function can't travel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnservableCause {
    /// A type that Wasmtime's dynamic values can't carry over wRPC.
    #[error("its type has a `{0}`, which wRPC can't carry")]
    Type(&'static str),
    /// A resource of the host.
    #[error("its type has the resource `{0}`, which stays on its host")]
    HostResource(Box<str>),
    /// A resource of the component, where each call gets an instance of its own.
    #[error("its type has a resource of the component, which has to be served from one instance")]
    GuestResource,
    /// The component has no such export.
    #[error("the component exports no such function")]
    Missing,
}

struct Listed<'a>(&'a [Unservable]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, function) in self.0.iter().enumerate() {
            if i != 0 {
                f.write_str("; ")?;
            }
            fmt::Display::fmt(function, f)?;
        }
        Ok(())
    }
}

/// A call that ended without an answer. Its caller sees the streams close.
#[derive(Debug, thiserror::Error)]
#[error("a call of `{function}` was not answered")]
pub struct InvocationError {
    function: Box<str>,
    #[source]
    failure: InvocationFailure,
}

impl InvocationError {
    pub(super) fn new(function: impl Into<Box<str>>, failure: InvocationFailure) -> Self {
        Self {
            function: function.into(),
            failure,
        }
    }

    /// The function, as `namespace:package/interface#function`.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function
    }

    /// Why.
    #[must_use]
    pub fn failure(&self) -> &InvocationFailure {
        &self.failure
    }
}

/// Why a call ended without an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvocationFailure {
    /// The caller's parameters are not what the function takes, or stopped arriving
    /// ([`DecodeError::Idle`]). The guest has not run.
    #[error("the parameters could not be decoded")]
    Parameters(#[source] DecodeError),
    /// There was no instance to call.
    #[error("the component could not be instantiated")]
    Instantiate(#[source] anyhow::Error),
    /// The guest trapped, or the host did on its behalf.
    #[error("the component trapped")]
    Trap(#[source] anyhow::Error),
    /// The guest returned an error of `wrpc:rpc/error`, which says that there is no result.
    #[error("the component returned an RPC error in place of a value")]
    Rpc(#[source] anyhow::Error),
    /// The results can't travel.
    #[error("the results could not be encoded")]
    Results(#[source] anyhow::Error),
    /// The caller, or the connection to it, is gone.
    #[error("the results could not be written")]
    Write(#[source] io::Error),
    /// The call took longer than the server lets one take.
    #[error("the call took longer than {0:?}")]
    TimedOut(Duration),
    /// The task of the call is gone: host code panicked, or the runtime is shutting down.
    #[error("the call was cut off by a panic of the host or its shutdown")]
    Aborted,
}
