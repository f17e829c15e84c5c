//! The target's side: exports of a component that peers call over wRPC.
//!
//! [`ExportServer`] and [`ServeExt`] find functions ([`exports`]) and register them; each call of a
//! [`function`] is a future of its own, which reads parameters, then runs in an instance of its own
//! or takes its turn on a shared [`instance`], then writes the results.

mod enter;
mod error;
mod exports;
mod ext;
mod function;
mod given;
mod instance;
mod runner;
mod served;
mod server;
mod task;

use core::time::Duration;
use std::sync::Arc;

use wasmtime::Store;

pub use self::error::{
    InvocationError, InvocationFailure, ServeError, Unservable, UnservableCause,
};
pub use self::ext::ServeExt;
pub use self::served::{Invocation, Served};
pub use self::server::ExportServer;

/// Makes the stores that instances live in.
type StoreFactory<T> = Arc<dyn Fn() -> Store<T> + Send + Sync>;

/// How many handles peers hold to the resources of one instance, unless the host says otherwise.
const MAX_HANDLES: usize = 1 << 16;

/// How long a caller may send nothing of its parameters, unless the host says otherwise.
const PARAMS_TIMEOUT: Duration = Duration::from_secs(30);
