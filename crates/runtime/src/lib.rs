//! Wasmtime adapter for wRPC: components call each other over a network, and every failure of a
//! call is a value of the component's own type.
//!
//! Built on the views and the wire of [`wrpc_runtime_wasmtime`], with functions of the same names,
//! so that a host changes one import. Calls go through any [`wrpc_transport::Invoke`]; what it
//! fails with is an [`RpcError`](wrpc_middleware_errors::RpcError), or is
//! [classified](wrpc_middleware_errors::RpcError::classify) as one.
//!
//! # How a failure reaches the component
//!
//! Decided for each function when it is linked: the first row that fits its result type.
//!
//! | result type | what travels | a failure of the call is |
//! |---|---|---|
//! | `result<T, rpc-error>` | as declared | the case of that name, or `other` |
//! | `result<T, wrpc:rpc/error.error>` | `T` | the resource; `rpc-error-of` of `wrpc:errors/inspect` tells what is inside |
//! | `result<T, E>`, a case of `E` carries `rpc-error` | as declared | that case, the first |
//! | `result<T, E>`, `E` is `string` or has a catch-all case with a `string` | as declared | a text, if the host [allows it](ImportLinker::string_errors) |
//! | anything else | as declared | a trap, with the `RpcError` as its cause |
//!
//! `rpc-error` is the component's own: the type that its import of `wrpc:errors/types`, of any
//! version, exports. It is filled by name: a case that it lacks becomes `other`, a field that it
//! lacks is left out, an `option` field of another version is `none`. What can't be filled is
//! refused when it is linked. An error that the target returns is a value like any other, and
//! arrives as it was sent.
//!
//! A component may use `result<T, rpc-error>` before its providers do: for a function that is
//! marked as [bare](ImportLinker::bare), `T` is what travels.
//!
//! Encoding the guest's own arguments happens before anything is sent, so its failure is a trap
//! in every row. A function without a value to wait for has succeeded once the target closes the
//! results.
//!
//! # What is bounded
//!
//! What a peer sends is read within [`Limits`]; past them the call fails with `protocol`. So does
//! one that answers more than the declared values, as far as that has arrived with them: nobody
//! waits for more.
//!
//! How long a call may take is up to the transport and to [`WrpcCtx::timeout`], which bounds all
//! of it, from the first byte to the last; without either, a call takes as long as the target
//! does. Over a transport that has a deadline itself, as `wrpc_middleware::Stack` is, leave
//! `WrpcCtx::timeout` unset, or set `wrpc_middleware::Context::with_deadline` for single calls:
//! this crate sees no handshake, so that a call which *it* cuts off before any result is `unknown`
//! where the stack knows that it was `accepted`.
//!
//! A byte stream (`input-stream`) that a call returned is read after the call has ended: the
//! guest's reads of it are bounded by the transport alone. The deadline of a `Stack` cuts the
//! stream off, unless `TimeoutLayer::stream_idle` exempts it. Over upstream's NATS transport,
//! which knows streams by exact paths only, those inside of a list do not travel.
//!
//! # A host
//!
//! ```no_run
//! use wasmtime::component::{Component, Linker, ResourceTable};
//! use wasmtime::{Engine, Store};
//! use wrpc_middleware_runtime::{
//!     ImportLinker, SharedResourceTable, WrpcCtx, WrpcCtxView, WrpcView,
//! };
//! use wrpc_transport::Invoke;
//!
//! struct Wrpc<T>(T, SharedResourceTable);
//!
//! impl<T: Invoke<Context = ()>> WrpcCtx<T> for Wrpc<T> {
//!     fn context(&self) {}
//!     fn client(&self) -> &T {
//!         &self.0
//!     }
//!     fn shared_resources(&mut self) -> &mut SharedResourceTable {
//!         &mut self.1
//!     }
//! }
//!
//! struct Host<T>(Wrpc<T>, ResourceTable);
//!
//! impl<T: Invoke<Context = ()>> WrpcView for Host<T> {
//!     type Invoke = T;
//!     fn wrpc(&mut self) -> WrpcCtxView<'_, T> {
//!         WrpcCtxView { ctx: &mut self.0, table: &mut self.1 }
//!     }
//! }
//!
//! async fn run<T: Invoke<Context = ()> + 'static>(transport: T) -> wasmtime::Result<()> {
//!     let engine = Engine::default();
//!     let component = Component::from_file(&engine, "component.wasm")?;
//!     let mut linker = Linker::new(&engine);
//!     ImportLinker::new(&component).link(&mut linker)?;
//!
//!     let wrpc = Wrpc(transport, SharedResourceTable::default());
//!     let mut store = Store::new(&engine, Host(wrpc, ResourceTable::new()));
//!     let instance = linker.instantiate_async(&mut store, &component).await?;
//!     let run = instance.get_typed_func::<(), ()>(&mut store, "run")?;
//!     run.call_async(&mut store, ()).await
//! }
//! ```

mod codec;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod inspect;
mod introspect;
mod limits;
mod link;
mod lower;
mod paths;
mod serve;

pub use codec::DecodeError;
pub use limits::Limits;
pub use link::{
    HostResources, ImportLinker, LinkError, LinkErrorCause, LinkOptions, Linked, LinkedFunction,
    OnFailure, link_function, link_instance, link_item,
};
pub use lower::LowerError;
pub use serve::{
    ExportServer, Invocation, InvocationError, InvocationFailure, ServeError, ServeExt, Served,
    Unservable, UnservableCause,
};
pub use wrpc_runtime_wasmtime::{
    RemoteResource, SharedResourceTable, WrpcCtx, WrpcCtxView, WrpcView, WrpcViewExt, rpc,
};
