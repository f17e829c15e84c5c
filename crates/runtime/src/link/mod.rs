//! The caller's side: imports of a component that are called over wRPC.

mod builder;
mod call;
mod error;
mod exchange;
mod imports;
mod options;
mod plan;
mod report;
mod watch;

pub use builder::ImportLinker;
pub use error::{LinkError, LinkErrorCause};
pub use options::{HostResources, LinkOptions};
pub use report::{Linked, LinkedFunction, OnFailure};

use std::sync::Arc;

use tracing::debug;
use wasmtime::component::types::{self, ComponentItem};
use wasmtime::component::{LinkerInstance, Resource, ResourceType};
use wasmtime::error::Context as _;
use wasmtime::{Engine, StoreContextMut};
use wrpc_runtime_wasmtime::{RemoteResource, WrpcView, rpc};

use self::call::Import;
use self::plan::FunctionPlan;
use crate::inspect;
use crate::introspect::{FunctionName, same_interface};

/// Defines `ty` in `linker`, so that calls of it go over wRPC.
///
/// The arguments are those of `wrpc_runtime_wasmtime::link_item`: `guest_resources` are the
/// resource types that the component exports, `options` are the host resources or
/// [`LinkOptions`], `instance` is the name of the instance that `linker` is at (empty at the root)
/// and `name` that of the item in it.
///
/// # Errors
///
/// A [`LinkError`] if the item can't be linked; an error of Wasmtime if it is defined already.
pub fn link_item<V: WrpcView>(
    engine: &Engine,
    linker: &mut LinkerInstance<'_, V>,
    guest_resources: impl Into<Arc<[ResourceType]>>,
    options: impl Into<LinkOptions>,
    ty: ComponentItem,
    instance: impl Into<Arc<str>>,
    name: impl Into<Arc<str>>,
) -> wasmtime::Result<()> {
    let mut linking = Linking::new(engine, guest_resources.into(), options.into());
    linking.item(linker, ty, &instance.into(), &name.into())
}

/// Defines each item of an instance of type `ty` in `linker`, so that calls of its functions go
/// over wRPC.
///
/// `linker` is at the instance, whose name is `name`. The other arguments are those of
/// [`link_item`].
///
/// # Errors
///
/// A [`LinkError`] if an item can't be linked; an error of Wasmtime if it is defined already.
#[expect(clippy::needless_pass_by_value, reason = "the signature is upstream's")]
pub fn link_instance<V: WrpcView>(
    engine: &Engine,
    linker: &mut LinkerInstance<'_, V>,
    guest_resources: impl Into<Arc<[ResourceType]>>,
    options: impl Into<LinkOptions>,
    ty: types::ComponentInstance,
    name: impl Into<Arc<str>>,
) -> wasmtime::Result<()> {
    let mut linking = Linking::new(engine, guest_resources.into(), options.into());
    linking.instance(linker, &ty, &name.into())
}

/// Defines the function `name` of `instance` in `linker`, so that calls of it go over wRPC.
///
/// How a failure of a call is returned is decided here, by
/// [the table](crate#how-a-failure-reaches-the-component). The arguments are those of
/// [`link_item`].
///
/// A call awaits the transport for as long as `WrpcCtx::timeout` says, from the moment it is
/// handed to the transport until its results are complete. Dropping the future of the guest's
/// call gives the call up and leaves nothing behind.
///
/// # Errors
///
/// A [`LinkError`] if the function can't be linked; an error of Wasmtime if it is defined already.
#[expect(clippy::needless_pass_by_value, reason = "the signature is upstream's")]
pub fn link_function<V: WrpcView>(
    linker: &mut LinkerInstance<'_, V>,
    guest_resources: impl Into<Arc<[ResourceType]>>,
    options: impl Into<LinkOptions>,
    ty: types::ComponentFunc,
    instance: impl Into<Arc<str>>,
    name: impl Into<Arc<str>>,
) -> wasmtime::Result<()> {
    define(
        linker,
        guest_resources.into(),
        &options.into(),
        &ty,
        FunctionName::new(instance, name),
    )
    .map(drop)
}

fn define<V: WrpcView>(
    linker: &mut LinkerInstance<'_, V>,
    guest_resources: Arc<[ResourceType]>,
    options: &LinkOptions,
    ty: &types::ComponentFunc,
    function: FunctionName,
) -> wasmtime::Result<FunctionPlan> {
    let plan = FunctionPlan::new(&function, ty, options)
        .map_err(|cause| LinkError::new(&function, cause))?;
    debug!(%function, on_failure = %plan.failure.kind(), "linking a function over wRPC");
    let name = Arc::clone(&function.name);
    let import = Arc::new(Import::new(
        function,
        plan.clone(),
        guest_resources,
        options.limits,
    ));
    linker.func_new_async(&name, move |store, ty, params, results| {
        let import = Arc::clone(&import);
        Box::new(async move { import.call(store, &ty, params, results).await })
    })?;
    Ok(plan)
}

/// A walk over items that notes what it links.
struct Linking<'a> {
    engine: &'a Engine,
    guest_resources: Arc<[ResourceType]>,
    options: LinkOptions,
    /// The functions that go over wRPC.
    functions: Vec<(FunctionName, FunctionPlan)>,
    /// The instances that answer from here.
    host: Vec<Arc<str>>,
}

impl<'a> Linking<'a> {
    fn new(engine: &'a Engine, guest_resources: Arc<[ResourceType]>, options: LinkOptions) -> Self {
        Self {
            engine,
            guest_resources,
            options,
            functions: Vec::new(),
            host: Vec::new(),
        }
    }

    fn item<V: WrpcView>(
        &mut self,
        linker: &mut LinkerInstance<'_, V>,
        ty: ComponentItem,
        instance: &Arc<str>,
        name: &Arc<str>,
    ) -> wasmtime::Result<()> {
        let item = FunctionName::new(Arc::clone(instance), Arc::clone(name));
        let uncallable = |what, remedy| {
            let cause = LinkErrorCause::NotCallable { what, remedy };
            Err(LinkError::new(&item, cause).into())
        };
        match ty {
            ComponentItem::ComponentFunc(ty) => {
                let plan = define(
                    linker,
                    Arc::clone(&self.guest_resources),
                    &self.options,
                    &ty,
                    item.clone(),
                )?;
                self.functions.push((item, plan));
                Ok(())
            }
            ComponentItem::ComponentInstance(ty) => {
                let mut linker = linker
                    .instance(name)
                    .with_context(|| format!("failed to define the instance `{name}`"))?;
                self.instance(&mut linker, &ty, name)
            }
            ComponentItem::Resource(ty) => self.resource(linker, ty, &item),
            ComponentItem::Type(_) => Ok(()),
            ComponentItem::Component(_) => uncallable("component", "compose the two"),
            ComponentItem::CoreFunc(_) => uncallable("core function", "lift it in a component"),
            ComponentItem::Module(_) => uncallable("core module", "define it in the linker"),
        }
    }

    fn instance<V: WrpcView>(
        &mut self,
        linker: &mut LinkerInstance<'_, V>,
        ty: &types::ComponentInstance,
        instance: &Arc<str>,
    ) -> wasmtime::Result<()> {
        if same_interface(inspect::INTERFACE, instance) {
            self.host.push(Arc::clone(instance));
            return inspect::link(self.engine, linker, ty, instance, &self.options.defined);
        }
        for (name, ty) in ty.exports(self.engine) {
            self.item(linker, ty, instance, &Arc::from(name))?;
        }
        Ok(())
    }

    fn resource<V: WrpcView>(
        &self,
        linker: &mut LinkerInstance<'_, V>,
        ty: ResourceType,
        item: &FunctionName,
    ) -> wasmtime::Result<()> {
        if self.options.defined.contains(&ty) {
            return Ok(());
        }
        let known = self
            .options
            .host_resources
            .get(&*item.instance)
            .and_then(|resources| resources.get(&*item.name));
        let Some((guest, host)) = known else {
            return Err(LinkError::new(item, LinkErrorCause::UnknownResource).into());
        };
        if *guest != ty {
            return Err(LinkError::new(item, LinkErrorCause::OtherResource).into());
        }
        let host = *host;
        linker
            .resource(&item.name, host, move |store, rep| {
                discard(store, host, rep)
            })
            .with_context(|| format!("failed to define the resource `{item}`"))
    }
}

/// Drops the table's entry of a resource that the guest has dropped.
fn discard<V: WrpcView>(
    mut store: StoreContextMut<'_, V>,
    host: ResourceType,
    rep: u32,
) -> wasmtime::Result<()> {
    let table = store.data_mut().wrpc().table;
    if host == ResourceType::host::<RemoteResource>() {
        table.delete(Resource::<RemoteResource>::new_own(rep))?;
    } else if host == ResourceType::host::<rpc::Error>() {
        table.delete(Resource::<rpc::Error>::new_own(rep))?;
    }
    Ok(())
}
