//! All imports of a component at once.

use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::types::{self, ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Linker, ResourceType, Type};
use wasmtime::error::Context as _;
use wasmtime_wasi::p2::DynInputStream;
use wrpc_runtime_wasmtime::{RemoteResource, WrpcView, collect_component_resource_exports, rpc};
use wrpc_transport::Invoke;

use super::imports::{Imports, RPC};
use super::plan::{Failure, FunctionPlan, Wire};
use super::{
    HostResources, LinkError, LinkErrorCause, LinkOptions, Linked, LinkedFunction, Linking,
};
use crate::Limits;
use crate::introspect::{Definitions, FunctionName, all_resources, same_interface};

/// Links every import of a component that a linker does not define yet, over wRPC.
///
/// What the host defines itself comes first, `wasi` and its own interfaces; a name counts as
/// defined if the component's import resolves to it, so a compatible version is left alone, too.
/// Of the rest, interfaces that hold types only need nothing, `wrpc:errors/inspect` and
/// `wrpc:rpc` answer from here, resources become handles to those of the target, and calls of
/// functions go over wRPC, those at the root of the world included. How a failure of a call is
/// returned is decided per function, by
/// [the table](crate#how-a-failure-reaches-the-component).
///
/// A linker so completed fits this component alone: clone the host's for each.
///
/// ```no_run
/// use wasmtime::component::{Component, Linker};
/// use wrpc_middleware_runtime::{ImportLinker, WrpcView};
///
/// fn link<T: WrpcView>(component: &Component, host: &Linker<T>) -> wasmtime::Result<Linker<T>> {
///     let mut linker = host.clone();
///     let linked = ImportLinker::new(component)
///         // Its provider returns a `string`, where the component declares a `result`.
///         .bare("test:app/legacy", "greet")
///         .link(&mut linker)?;
///     for function in linked.functions {
///         println!("{function}");
///     }
///     Ok(linker)
/// }
/// ```
#[derive(Clone)]
pub struct ImportLinker {
    component: Component,
    options: LinkOptions,
}

impl ImportLinker {
    /// A linker of `component`'s imports.
    #[must_use]
    pub fn new(component: &Component) -> Self {
        let options = LinkOptions::for_component(
            component.engine(),
            &component.component_type(),
            HostResources::new(),
        );
        Self {
            component: component.clone(),
            options,
        }
    }

    /// Says that the target serves the function `func` of `instance` as `-> T`. See
    /// [`LinkOptions::bare`].
    ///
    /// A mark that fits no linked function is no error; [`Linked::unused_bare`] has it.
    #[must_use]
    pub fn bare(mut self, instance: impl Into<Box<str>>, func: impl Into<Box<str>>) -> Self {
        self.options = self.options.bare(instance, func);
        self
    }

    /// Says so of each function of `instance` that returns a `result`. See
    /// [`LinkOptions::bare_instance`].
    #[must_use]
    pub fn bare_instance(mut self, instance: impl Into<Box<str>>) -> Self {
        self.options = self.options.bare_instance(instance);
        self
    }

    /// Whether a failure becomes a text where the error type is one. See
    /// [`LinkOptions::string_errors`].
    #[must_use]
    pub fn string_errors(mut self, enabled: bool) -> Self {
        self.options = self.options.string_errors(enabled);
        self
    }

    /// Bounds what the results of a call may take.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.options = self.options.limits(limits);
        self
    }

    /// Links the imports into `linker`, which then has all that the component needs.
    ///
    /// The interfaces of `wrpc:rpc` have to be in the linker, if the component imports any; where
    /// the transport can be cloned, [`link_with_rpc`](Self::link_with_rpc) puts them there.
    ///
    /// # Errors
    ///
    /// A [`LinkError`] that names the first import that can't be linked and says what to do; an
    /// error of Wasmtime if what the linker defines is of another type than the component's
    /// import. The linker is then as it was.
    pub fn link<T: WrpcView>(&self, linker: &mut Linker<T>) -> wasmtime::Result<Linked> {
        self.link_by(linker, |_| Ok(false))
    }

    /// Like [`link`](Self::link), and adds upstream's own `wrpc:rpc` interfaces if the component
    /// imports one and the linker defines none.
    ///
    /// # Errors
    ///
    /// Those of [`link`](Self::link).
    pub fn link_with_rpc<T>(&self, linker: &mut Linker<T>) -> wasmtime::Result<Linked>
    where
        T: WrpcView,
        T::Invoke: Clone + 'static,
        <T::Invoke as Invoke>::Context: 'static,
    {
        self.link_by(linker, |linker| {
            rpc::add_to_linker(linker)?;
            Ok(true)
        })
    }

    /// `add_rpc` defines `wrpc:rpc`, or says that it can't.
    fn link_by<T: WrpcView>(
        &self,
        linker: &mut Linker<T>,
        add_rpc: impl FnOnce(&mut Linker<T>) -> wasmtime::Result<bool>,
    ) -> wasmtime::Result<Linked> {
        let engine = self.component.engine().clone();
        let ty = self.component.component_type();
        let mut completed = linker.clone();
        let mut host = Vec::new();

        let rpc: Vec<&str> = ty
            .imports(&engine)
            .map(|(name, _)| name)
            .filter(|name| RPC.iter().any(|rpc| same_interface(rpc, name)))
            .collect();
        if !rpc.is_empty() && !defines_rpc(&completed)? && add_rpc(&mut completed)? {
            host.extend(rpc.into_iter().map(Arc::from));
        }

        let Imports {
            wanted,
            defined,
            host_resources,
        } = Imports::of(&engine, &ty, &completed)?;
        let mut guest_resources = Vec::new();
        collect_component_resource_exports(&engine, &ty, &mut guest_resources);
        let mut linking = Linking::new(
            &engine,
            guest_resources.into(),
            self.options.clone().with_resources(host_resources, defined),
        );
        for (name, item) in wanted {
            linking.item(&mut completed.root(), item, &Arc::from(""), &name)?;
        }
        host.append(&mut linking.host);

        let resolved = completed
            .substituted_component_type(&self.component)
            .context("the linker does not fit the component")?;
        for (function, plan) in &linking.functions {
            if !travels(&engine, &resolved, function, plan) {
                return Err(LinkError::new(function, LinkErrorCause::LocalResource).into());
            }
        }
        *linker = completed;
        Ok(report(&self.options, &linking.functions, &host))
    }
}

/// Whether the linker defines an interface of `wrpc:rpc`.
fn defines_rpc<T>(linker: &Linker<T>) -> wasmtime::Result<bool> {
    for interface in RPC {
        if Definitions::of(linker).has_instance(&format!("{interface}@0.1.0"))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a codec knows each resource in the signature of a function, as `ty` resolves them.
fn travels(
    engine: &Engine,
    ty: &types::Component,
    function: &FunctionName,
    plan: &FunctionPlan,
) -> bool {
    let Some(ty) = function_type(engine, ty, function) else {
        return true;
    };
    let known = |ty: &Type| match ty {
        Type::Own(ty) => {
            *ty == ResourceType::host::<RemoteResource>()
                || *ty == ResourceType::host::<DynInputStream>()
        }
        Type::Borrow(ty) => *ty == ResourceType::host::<RemoteResource>(),
        _ => false,
    };
    let results = if plan.failure == Failure::Resource {
        plan.wire_types(ty.results())
    } else {
        ty.results().collect()
    };
    ty.params().all(|(_, ty)| all_resources(&ty, &known))
        && results.iter().all(|ty| all_resources(ty, &known))
}

fn function_type(
    engine: &Engine,
    ty: &types::Component,
    function: &FunctionName,
) -> Option<ComponentFunc> {
    let item = if function.instance.is_empty() {
        ty.get_import(engine, &function.name)
    } else {
        match ty.get_import(engine, &function.instance) {
            Some(ComponentItem::ComponentInstance(instance)) => {
                instance.get_export(engine, &function.name)
            }
            _ => None,
        }
    };
    match item {
        Some(ComponentItem::ComponentFunc(ty)) => Some(ty),
        _ => None,
    }
}

fn report(
    options: &LinkOptions,
    functions: &[(FunctionName, FunctionPlan)],
    host: &[Arc<str>],
) -> Linked {
    let names: Vec<_> = functions.iter().map(|(function, _)| function).collect();
    Linked {
        functions: functions
            .iter()
            .map(|(function, plan)| LinkedFunction {
                instance: (&*function.instance).into(),
                name: (&*function.name).into(),
                bare: plan.wire == Wire::Ok && plan.failure != Failure::Resource,
                on_failure: plan.failure.kind(),
            })
            .collect(),
        host: host.iter().map(|name| (&**name).into()).collect(),
        unused_bare: options.unused_bare(&names),
    }
}
