//! Which imports of a component have to be linked.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::types::{self, ComponentItem};
use wasmtime::component::{Linker, ResourceType};
use wrpc_runtime_wasmtime::{RemoteResource, rpc};

use super::{HostResources, LinkError, LinkErrorCause};
use crate::introspect::{Definitions, same_interface};

/// The interfaces of upstream's host, which call over wRPC by hand.
pub(super) const RPC: [&str; 4] = [
    "wrpc:rpc/context",
    "wrpc:rpc/error",
    "wrpc:rpc/invoker",
    "wrpc:rpc/transport",
];

/// What a component imports, and where it comes from.
pub(super) struct Imports {
    /// What the linker lacks.
    pub(super) wanted: Vec<(Arc<str>, ComponentItem)>,
    /// The resources that the linker has.
    pub(super) defined: Vec<ResourceType>,
    /// The resources that it lacks, and those of `wrpc:rpc/error`.
    pub(super) host_resources: HostResources,
}

impl Imports {
    /// # Errors
    ///
    /// Fails at the first import that only the host could define, and did not.
    pub(super) fn of<T>(
        engine: &Engine,
        ty: &types::Component,
        linker: &Linker<T>,
    ) -> wasmtime::Result<Self> {
        let definitions = Definitions::of(linker);
        let mut this = Self {
            wanted: Vec::new(),
            defined: Vec::new(),
            host_resources: HashMap::new(),
        };
        for (name, item) in ty.imports(engine) {
            match &item {
                ComponentItem::ComponentInstance(instance) => {
                    if definitions.has_instance(name)? {
                        this.defined(engine, name, instance);
                        continue;
                    }
                    if instance
                        .exports(engine)
                        .all(|(_, item)| matches!(item, ComponentItem::Type(_)))
                    {
                        continue;
                    }
                    if let Some(remedy) = remedy(name) {
                        let cause = LinkErrorCause::HostInterface { remedy };
                        return Err(LinkError::new(name, cause).into());
                    }
                    for (export, item) in instance.exports(engine) {
                        if let ComponentItem::Resource(ty) = item {
                            this.remote(name, export, ty);
                        }
                    }
                }
                ComponentItem::Type(_) => continue,
                ComponentItem::Resource(ty) => {
                    if definitions.has_item(name) {
                        this.defined.push(*ty);
                        continue;
                    }
                    this.remote("", name, *ty);
                }
                _ if definitions.has_item(name) => continue,
                _ => {}
            }
            this.wanted.push((name.into(), item));
        }
        Ok(this)
    }

    /// Notes the resources of an instance that the linker has.
    fn defined(&mut self, engine: &Engine, name: &str, ty: &types::ComponentInstance) {
        for (export, item) in ty.exports(engine) {
            let ComponentItem::Resource(ty) = item else {
                continue;
            };
            if !self.defined.contains(&ty) {
                self.defined.push(ty);
            }
            if same_interface("wrpc:rpc/error", name) {
                let host = ResourceType::host::<rpc::Error>();
                self.resource(name, export, ty, host);
            }
        }
    }

    /// Notes a resource of the target.
    fn remote(&mut self, instance: &str, name: &str, ty: ResourceType) {
        self.resource(instance, name, ty, ResourceType::host::<RemoteResource>());
    }

    fn resource(&mut self, instance: &str, name: &str, guest: ResourceType, host: ResourceType) {
        self.host_resources
            .entry(instance.into())
            .or_default()
            .insert(name.into(), (guest, host));
    }
}

/// What defines an interface that only this host can.
fn remedy(name: &str) -> Option<&'static str> {
    if RPC.iter().any(|rpc| same_interface(rpc, name)) {
        Some("call `wrpc_runtime_wasmtime::rpc::add_to_linker`, or `ImportLinker::link_with_rpc`")
    } else if name.starts_with("wasi:io/") {
        Some("call `wasmtime_wasi::p2::add_to_linker_async` before")
    } else {
        None
    }
}
