//! `wrpc:errors/inspect`: the typed view of upstream's error resource.

use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::types::{self, ComponentFunc, ComponentItem};
use wasmtime::component::{LinkerInstance, ResourceType, Type, Val};
use wasmtime::error::Context as _;
use wasmtime::{AsContextMut as _, StoreContextMut, bail};
use wrpc_middleware_errors::RpcError;
use wrpc_runtime_wasmtime::{WrpcView, WrpcViewExt as _, rpc};

use crate::introspect::FunctionName;
use crate::link::{LinkError, LinkErrorCause};
use crate::lower::LowerPlan;

/// The interface, of any version.
pub(crate) const INTERFACE: &str = "wrpc:errors/inspect";

/// Its one function.
const RPC_ERROR_OF: &str = "rpc-error-of";

/// Defines the interface in `linker`, for the version of `rpc-error` that the component has.
///
/// # Errors
///
/// Fails if the component's `rpc-error` can't be filled, or the interface has other functions.
pub(crate) fn link<V: WrpcView>(
    engine: &Engine,
    linker: &mut LinkerInstance<'_, V>,
    ty: &types::ComponentInstance,
    instance: &Arc<str>,
    defined: &[ResourceType],
) -> wasmtime::Result<()> {
    for (name, item) in ty.exports(engine) {
        let function = FunctionName::new(Arc::clone(instance), name);
        match item {
            ComponentItem::ComponentFunc(ty) if name == RPC_ERROR_OF => {
                let plan = plan(&ty).map_err(|cause| LinkError::new(&function, cause))?;
                linker.func_new(name, move |store, _, params, results| {
                    rpc_error_of(store, &plan, params, results)
                })?;
            }
            ComponentItem::Type(_) => {}
            // The resource comes from `wrpc:rpc/error`. Where the linker has to be told so, it is
            // told the same type once more.
            ComponentItem::Resource(ty) => {
                if !defined.contains(&ty) {
                    linker.resource(
                        name,
                        ResourceType::host::<rpc::Error>(),
                        |mut store, rep| {
                            let error = wasmtime::component::Resource::new_own(rep);
                            store.data_mut().delete_error(error).map(drop)
                        },
                    )?;
                }
            }
            _ => {
                return Err(LinkError::new(&function, LinkErrorCause::InspectSignature).into());
            }
        }
    }
    Ok(())
}

/// How the function's result is filled.
fn plan(ty: &ComponentFunc) -> Result<LowerPlan, LinkErrorCause> {
    let mut params = ty.params().map(|(_, ty)| ty);
    let mut results = ty.results();
    let (Some(Type::Borrow(_)), None, Some(Type::Option(result)), None) =
        (params.next(), params.next(), results.next(), results.next())
    else {
        return Err(LinkErrorCause::InspectSignature);
    };
    Ok(LowerPlan::new(&result.ty())?)
}

fn rpc_error_of<V: WrpcView>(
    mut store: StoreContextMut<'_, V>,
    plan: &LowerPlan,
    params: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<()> {
    let ([Val::Resource(error)], [result]) = (params, results) else {
        bail!("`{RPC_ERROR_OF}` was linked as another type");
    };
    let error = error
        .try_into_resource::<rpc::Error>(store.as_context_mut())
        .context("the argument of `rpc-error-of` is not an error of wRPC")?;
    let error = store.data_mut().get_error(&error)?;
    *result = Val::Option(find(error).map(|error| Box::new(plan.lower(&error))));
    Ok(())
}

/// The failure inside of upstream's error.
fn find(error: &rpc::Error) -> Option<RpcError> {
    match error {
        rpc::Error::Invoke(error)
        | rpc::Error::IncomingIndex(error)
        | rpc::Error::OutgoingIndex(error) => RpcError::find_in(error).cloned(),
        rpc::Error::Stream(
            rpc::StreamError::Read(error)
            | rpc::StreamError::Write(error)
            | rpc::StreamError::Flush(error)
            | rpc::StreamError::Shutdown(error),
        ) => RpcError::find(error).cloned(),
        rpc::Error::Stream(rpc::StreamError::LockPoisoned | rpc::StreamError::TypeMismatch(_)) => {
            None
        }
    }
}
