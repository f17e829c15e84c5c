//! The target's side: exports of a component that peers call over wRPC.
//!
//! Each call is a future of its own, which the host runs where it likes. A caller that sends its
//! parameters slowly, or not at all, holds up nobody: a store is touched only once they are
//! complete.
//!
//! # Which instance runs a call
//!
//! A component that exports no resources gets a fresh store and instance for each call, and calls
//! run in parallel. One that exports resources has state that outlives a call, so it gets one
//! instance; its calls run one after the other, in the order in which their parameters were
//! complete. That instance is replaced, together with its store, after a trap, since Wasmtime
//! enters no instance that has trapped. Handles to the resources of the old one are unknown then,
//! and calls with them end without a result.
//!
//! # What is bounded
//!
//! Parameters are read within [`Limits`](crate::Limits); the number of handles that peers hold is
//! bounded, and so is the time of a call if the host says so
//! ([`ExportServer::max_duration`]). How many calls run at a time is not bounded here: that is up
//! to who runs the futures.

mod error;
mod exports;
mod ext;
mod function;
mod given;
mod instance;
mod server;
mod task;

use std::sync::Arc;

use wasmtime::Store;

pub use self::error::{
    InvocationError, InvocationFailure, ServeError, Unservable, UnservableCause,
};
pub use self::ext::ServeExt;
pub use self::server::{ExportServer, Invocation, Served};

/// Makes the stores that instances live in.
type StoreFactory<T> = Arc<dyn Fn() -> Store<T> + Send + Sync>;
