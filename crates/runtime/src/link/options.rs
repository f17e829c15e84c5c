//! What linking has to know beyond the type of an item.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::types::{self, ComponentItem};
use wasmtime::component::{ResourceType, Type};
use wrpc_runtime_wasmtime::rpc;

use crate::Limits;
use crate::introspect::{
    FunctionName, FunctionPattern, is_published_rpc_error, same_interface, same_type,
};

/// Resources by instance and name, each as the component knows it and as the host defines it.
///
/// The shape that `wrpc_runtime_wasmtime` uses.
pub type HostResources = HashMap<Box<str>, HashMap<Box<str>, (ResourceType, ResourceType)>>;

/// How the functions of a component are linked.
///
/// What [`link_item`](crate::link_item) and its kin take where upstream's take the host
/// resources; those convert, so that a host changes one import. With them alone, `rpc-error` is
/// known by the exact structure of `wrpc:errors@0.1.0`; [`for_component`](Self::for_component)
/// knows the component's own version of it, too.
///
/// Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct LinkOptions {
    pub(crate) host_resources: Arc<HostResources>,
    /// Resources that the linker gets from elsewhere.
    pub(crate) defined: Arc<[ResourceType]>,
    rpc_errors: Arc<[Type]>,
    /// What the target serves without its `result`.
    bare: Arc<Vec<FunctionPattern>>,
    pub(crate) string_errors: bool,
    pub(crate) limits: Limits,
}

/// Which mark says that a function is bare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bareness {
    pub(crate) function: bool,
    pub(crate) instance: bool,
}

impl LinkOptions {
    /// Options for a component that imports no other version of `wrpc:errors` than 0.1.0.
    pub fn new(host_resources: impl Into<Arc<HostResources>>) -> Self {
        Self {
            host_resources: host_resources.into(),
            ..Self::default()
        }
    }

    /// Options for the component of type `ty`, whose own `rpc-error` is the type of that name
    /// that its import of `wrpc:errors/types`, of any version, exports.
    pub fn for_component(
        engine: &Engine,
        ty: &types::Component,
        host_resources: impl Into<Arc<HostResources>>,
    ) -> Self {
        let rpc_errors = ty
            .imports(engine)
            .filter(|(name, _)| same_interface("wrpc:errors/types", name))
            .filter_map(|(_, item)| match item {
                ComponentItem::ComponentInstance(instance) => {
                    instance.get_export(engine, "rpc-error")
                }
                _ => None,
            })
            .filter_map(|item| match item {
                ComponentItem::Type(ty) => Some(ty),
                _ => None,
            })
            .collect();
        Self {
            rpc_errors,
            ..Self::new(host_resources)
        }
    }

    /// Says that the target serves the function `func` of `instance` as `-> T`, where the
    /// component declares `-> result<T, E>`.
    ///
    /// `T` is what travels then, and becomes `ok`. An `instance` without a version means every
    /// version; it is empty for a function at the root of the world. `func` is the function's
    /// name with or without what kind of function of a resource it is. A function so marked that
    /// returns no `result` is an error when it is linked.
    #[must_use]
    pub fn bare(mut self, instance: impl Into<Box<str>>, func: impl Into<Box<str>>) -> Self {
        Arc::make_mut(&mut self.bare).push(FunctionPattern::one(instance, func));
        self
    }

    /// Like [`bare`](Self::bare), for each function of `instance` that returns a `result`.
    #[must_use]
    pub fn bare_instance(mut self, instance: impl Into<Box<str>>) -> Self {
        Arc::make_mut(&mut self.bare).push(FunctionPattern::all(instance));
        self
    }

    /// Whether a failure becomes a text where the error is `string`, or a variant with a
    /// catch-all case that carries one: `other`, `unexpected`, `unknown`, `internal` or
    /// `internal-error`. Off by default, then such a function traps.
    ///
    /// The text is for a log. It can't be told from an error that the target returned.
    #[must_use]
    pub fn string_errors(mut self, enabled: bool) -> Self {
        self.string_errors = enabled;
        self
    }

    /// Bounds what the results of a call may take. [`Limits::default`] otherwise.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same options for these resources; `defined` are those that the linker has.
    pub(crate) fn with_resources(
        self,
        host_resources: HostResources,
        defined: Vec<ResourceType>,
    ) -> Self {
        Self {
            host_resources: Arc::new(host_resources),
            defined: defined.into(),
            ..self
        }
    }

    /// Whether `ty` is the component's `rpc-error`.
    pub(crate) fn is_rpc_error(&self, ty: &Type) -> bool {
        self.rpc_errors.iter().any(|known| same_type(known, ty)) || is_published_rpc_error(ty)
    }

    /// Whether `ty` is upstream's error resource.
    pub(crate) fn is_error_resource(&self, ty: &Type) -> bool {
        let Type::Own(ty) = ty else {
            return false;
        };
        self.host_resources
            .iter()
            .filter(|(instance, _)| same_interface("wrpc:rpc/error", instance))
            .filter_map(|(_, resources)| resources.get("error"))
            .any(|(guest, host)| guest == ty && *host == ResourceType::host::<rpc::Error>())
    }

    pub(crate) fn bareness(&self, function: &FunctionName) -> Bareness {
        let marks = |whole: bool| {
            self.bare
                .iter()
                .any(|mark| mark.func.is_none() == whole && mark.matches(function))
        };
        Bareness {
            function: marks(false),
            instance: marks(true),
        }
    }

    /// The marks that fit none of `functions`.
    pub(crate) fn unused_bare(&self, functions: &[&FunctionName]) -> Vec<Box<str>> {
        self.bare
            .iter()
            .filter(|mark| !functions.iter().any(|function| mark.matches(function)))
            .map(|mark| match &mark.func {
                Some(func) => FunctionName::new(&*mark.instance, &**func)
                    .to_string()
                    .into(),
                None => mark.instance.clone(),
            })
            .collect()
    }
}

impl From<HostResources> for LinkOptions {
    fn from(host_resources: HostResources) -> Self {
        Self::new(host_resources)
    }
}

impl From<Arc<HostResources>> for LinkOptions {
    fn from(host_resources: Arc<HostResources>) -> Self {
        Self::new(host_resources)
    }
}
