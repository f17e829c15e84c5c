//! What the author of a transport implements.

use core::future::{Future, ready};
use core::num::NonZeroUsize;

use tokio::io::{AsyncRead, AsyncWrite};
use tower::Service;
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_transport::{Channels, Context, Invocation};
use wrpc_transport::{Index, Serve};

use crate::CannotTell;

/// The target of every call, where a transport routes by target.
pub const TARGET: &str = "target";

/// A caller and a target that a transport connects, and how to break what is between them.
///
/// Each call of the kit has a testbed to itself, on a runtime of the current thread whose clock the
/// kit moves by minutes. Whatever a testbed starts ends with it.
///
/// All methods panic where a test would.
pub trait Testbed: Sized + 'static {
    /// The name of the transport in reports.
    const NAME: &'static str;

    /// What the leaf alone can't tell; it proves everything else. Each entry is asserted like
    /// everything else, so that one that is out of date fails.
    const CANNOT_TELL: &'static [CannotTell];

    /// The transport's context of a call.
    type Context: Default + Send + Sync + 'static;

    /// The parameters of a call.
    type Outgoing: AsyncWrite + Index<Self::Outgoing> + Send + Sync + Unpin + 'static;

    /// The results of a call.
    type Incoming: AsyncRead + Index<Self::Incoming> + Send + Sync + Unpin + 'static;

    /// What calls. For a [`wrpc_transport::Invoke`] it is a
    /// [`Transport`](wrpc_middleware_transport::Transport) of it; a whole stack of layers will do
    /// as well.
    type Leaf: Service<
            Invocation<Context<Self::Context>>,
            Response = Channels<Self::Outgoing, Self::Incoming>,
            Error = RpcError,
            Future: Send,
        > + Clone
        + Send
        + Sync
        + 'static;

    /// What serves.
    type Server: Serve;

    /// A caller and a target that reach each other. Nothing is served yet.
    ///
    /// `max_running` is how many calls the server may run at a time; one that has no such limit
    /// ignores it.
    fn start(max_running: Option<NonZeroUsize>) -> impl Future<Output = Self>;

    /// The caller. All of one testbed share what is connected.
    fn leaf(&self) -> Self::Leaf;

    /// The target, as [`TARGET`] where the transport routes by target.
    fn server(&self) -> &Self::Server;

    /// Waits until the caller reaches all that is served so far, and nothing that is not served any
    /// more, and until what it has sent is at the target. Only asked while the target's connection
    /// is up.
    fn settled(&self) -> impl Future<Output = ()> {
        ready(())
    }

    /// Breaks something for good, and waits until it is broken.
    fn inject(&mut self, fault: Fault) -> impl Future<Output = ()>;

    /// How many things the transport holds for calls at this moment, on either side: entries of
    /// maps, subscriptions, connections. The kit counts tasks by itself.
    fn held(&self) -> impl Future<Output = usize> {
        ready(0)
    }

    /// What no message of an error may say: addresses, subjects, paths.
    fn confidential(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What a [`Testbed`] is to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Nobody is there who could take a call. Nothing is being served when this is asked for.
    Absent,
    /// Somebody is there and takes no call, as a process that is frozen. Nothing is being served
    /// when this is asked for.
    Silent,
    /// Somebody is there and answers every call with bytes that are none of the transport's
    /// protocol. Nothing is being served when this is asked for.
    Malformed,
    /// The target's connections end, as if its process were killed. It does not come back.
    TargetGone,
    /// The caller's own connection ends, and it notices what it can notice. It does not come back.
    ConnectionLost,
}
