//! What a component exports, and whether it can travel.

use core::cell::Cell;
use std::collections::BTreeMap;

use wasmtime::Engine;
use wasmtime::component::types::{self, ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, ResourceType, Type};
use wrpc_runtime_wasmtime::{
    collect_component_resource_exports, collect_component_resource_imports, rpc,
};

use super::UnservableCause;
use super::function::Function;
use crate::codec::ResourceTypes;
use crate::introspect::{FunctionName, all_resources, same_interface, uncarried_func};
use crate::{HostResources, LinkOptions};

/// An exported function.
pub(super) struct Export {
    pub(super) name: FunctionName,
    pub(super) ty: ComponentFunc,
}

/// The functions at the root of `component` and in its instances.
pub(super) fn functions(component: &Component) -> Vec<Export> {
    let engine = component.engine();
    let mut functions = Vec::new();
    for (name, item) in component.component_type().exports(engine) {
        match item {
            ComponentItem::ComponentFunc(ty) => functions.push(Export {
                name: FunctionName::new("", name),
                ty,
            }),
            ComponentItem::ComponentInstance(instance) => {
                let exports = instance.exports(engine);
                functions.extend(exports.filter_map(|(func, item)| match item {
                    ComponentItem::ComponentFunc(ty) => Some(Export {
                        name: FunctionName::new(name, func),
                        ty,
                    }),
                    // Resources are dropped by who holds them; the rest can't be in a WIT world.
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    functions
}

/// Where the function is in each instance of `component`.
pub(super) fn index(component: &Component, name: &FunctionName) -> Option<ComponentExportIndex> {
    let instance = match &*name.instance {
        "" => None,
        instance => Some(component.get_export_index(None, instance)?),
    };
    component.get_export_index(instance.as_ref(), &name.name)
}

/// The resource types of a component, as its own type names them.
pub(super) struct Resources {
    pub(super) types: ResourceTypes,
    /// All that it imports, with their instances and names.
    imported: Vec<(ResourceType, Box<str>, Box<str>)>,
}

impl Resources {
    pub(super) fn of(engine: &Engine, ty: &types::Component) -> Self {
        let mut guest = Vec::new();
        collect_component_resource_exports(engine, ty, &mut guest);
        let mut io_streams = Vec::new();
        let mut imported = Vec::new();
        let mut imports = BTreeMap::new();
        collect_component_resource_imports(engine, ty, &mut imports);
        for (instance, resources) in imports {
            for (name, ty) in resources {
                if same_interface("wasi:io/streams", &instance) && &*name == "input-stream" {
                    io_streams.push(ty);
                }
                imported.push((ty, instance.clone(), name));
            }
        }
        // An interface may export what it imports under another name; it is the host's then.
        guest.retain(|ty| !imported.iter().any(|(imported, ..)| imported == ty));
        Self {
            types: ResourceTypes {
                guest: guest.into(),
                io_streams: io_streams.into(),
            },
            imported,
        }
    }

    /// Why `function` can't be served; `shared` says whether its calls share an instance.
    pub(super) fn check(
        &self,
        function: &Function,
        ty: &ComponentFunc,
        shared: bool,
    ) -> Result<(), UnservableCause> {
        if let Some(ty) = uncarried_func(ty) {
            return Err(UnservableCause::Type(ty));
        }
        let cause = Cell::new(None);
        let known = |ty: &Type| match self.check_resource(ty, shared) {
            Ok(()) => true,
            Err(found) => {
                cause.set(Some(found));
                false
            }
        };
        let _ = function.travelling().all(|ty| all_resources(ty, &known));
        cause.take().map_or(Ok(()), Err)
    }

    fn check_resource(&self, ty: &Type, shared: bool) -> Result<(), UnservableCause> {
        let (Type::Own(ty) | Type::Borrow(ty)) = ty else {
            return Ok(());
        };
        if self.types.is_input_stream(*ty) {
            return Ok(());
        }
        if self.types.guest.contains(ty) {
            return if shared {
                Ok(())
            } else {
                Err(UnservableCause::GuestResource)
            };
        }
        // Any other resource is one of a peer, as far as the type of a component tells.
        match self.imported.iter().find(|(imported, ..)| imported == ty) {
            Some((_, instance, name))
                if instance.starts_with("wasi:") || instance.starts_with("wrpc:rpc/") =>
            {
                Err(UnservableCause::HostResource(
                    format!("{instance}.{name}").into(),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Names upstream's error resource, for the functions that return it.
    pub(super) fn link_options(&self) -> LinkOptions {
        let mut resources = HostResources::new();
        for (ty, instance, name) in &self.imported {
            if same_interface("wrpc:rpc/error", instance) {
                resources
                    .entry(instance.clone())
                    .or_default()
                    .insert(name.clone(), (*ty, ResourceType::host::<rpc::Error>()));
            }
        }
        LinkOptions::new(resources)
    }
}
