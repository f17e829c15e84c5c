//! The components of the rows, built when they are needed.

use std::path::Path;

use anyhow::Context as _;
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, plug};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Calls `echo` when it is told to.
pub(crate) fn caller() -> anyhow::Result<Vec<u8>> {
    component("caller")
}

/// The same, with a component in the place of its import.
pub(crate) fn composed() -> anyhow::Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let mut package = |name: &str| -> anyhow::Result<_> {
        let package = Package::from_bytes(name, None, component(name)?, graph.types_mut())?;
        Ok(graph.register_package(package)?)
    };
    let (caller, target) = (package("caller")?, package("target")?);
    plug(&mut graph, vec![target], caller)?;
    Ok(graph.encode(EncodeOptions::default())?)
}

/// The component of a world, out of the module of the same name.
fn component(world: &str) -> anyhow::Result<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guests = root.join("benches/network/guests");
    let mut resolve = Resolve::default();
    resolve.push_dir(root.join("wit"))?;
    let (package, _) = resolve.push_dir(&guests)?;
    let mut module = wat::parse_file(guests.join(format!("{world}.wat")))?;
    let world = resolve.select_world(&[package], Some(world))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)?;
    ComponentEncoder::default()
        .validate(true)
        .module(&module)?
        .encode()
        .context("encode a component")
}
