//! Components that pass every call through: made from WIT alone, with no toolchain.

use std::fmt::Write as _;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{
    Function, Handle, LiftLowerAbi, ManglingAndAbi, Resolve, ResourceIntrinsic, Type, TypeDefKind,
    WasmExport, WasmExportKind, WasmImport, WorldItem, WorldKey,
};

const ABI: ManglingAndAbi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);

/// Where results are written to. Everything above it is for `cabi_realloc`.
const RESULTS: u32 = 1024;

/// What the package `wrpc:errors` of this repository holds.
pub(crate) fn published() -> Resolve {
    let mut resolve = Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");
    resolve.push_dir(wit).unwrap();
    resolve
}

/// The binary of a component whose exports call the imports of the same name.
///
/// `wit` is a package with a world `guest`. A function at the root is paired with one of an
/// interface by `pairs`: export, interface, function. `[resource-drop]thing` drops its argument.
pub(crate) fn relay(mut resolve: Resolve, wit: &str, pairs: &[(&str, &str, &str)]) -> Vec<u8> {
    let package = resolve.push_str("guest.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    let wat = module(&resolve, world, pairs);
    let mut module = wat::parse_str(&wat).unwrap_or_else(|error| panic!("{error}\n{wat}"));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .validate(true)
        .encode()
        .unwrap_or_else(|error| panic!("{error:?}\n{wat}"))
}

fn module(resolve: &Resolve, world: wit_parser::WorldId, pairs: &[(&str, &str, &str)]) -> String {
    let world = &resolve.worlds[world];
    let mut imports = String::new();
    let mut bodies = String::new();
    let mut drops = Vec::new();
    let mut relay = |export: (Option<&WorldKey>, &Function),
                     import: (Option<&WorldKey>, &Function)| {
        relay_function(resolve, &mut imports, &mut bodies, export, import);
    };
    for (key, item) in &world.exports {
        match item {
            WorldItem::Interface { id, .. } => {
                for func in resolve.interfaces[*id].functions.values() {
                    relay((Some(key), func), (Some(key), func));
                }
            }
            WorldItem::Function(func) => {
                let pair = pairs.iter().find(|(export, ..)| *export == func.name);
                if let Some((_, interface, name)) = pair {
                    let (key, id) = world
                        .imports
                        .iter()
                        .find_map(|(key, item)| match item {
                            WorldItem::Interface { id, .. }
                                if resolve.name_world_key(key) == *interface =>
                            {
                                Some((key, *id))
                            }
                            _ => None,
                        })
                        .unwrap_or_else(|| panic!("no import {interface}"));
                    if name.starts_with("[resource-drop]") {
                        drops.push((func.name.clone(), *interface, *name));
                        continue;
                    }
                    relay(
                        (None, func),
                        (Some(key), &resolve.interfaces[id].functions[*name]),
                    );
                } else {
                    let WorldItem::Function(import) =
                        &world.imports[&WorldKey::Name(func.name.clone())]
                    else {
                        panic!("no import {}", func.name);
                    };
                    relay((None, func), (None, import));
                }
            }
            WorldItem::Type { .. } => {}
        }
    }
    for (export, interface, name) in drops {
        writeln!(
            imports,
            "(import {interface:?} {name:?} (func $drop-{export} (param i32)))"
        )
        .unwrap();
        writeln!(
            bodies,
            "(func (export {export:?}) (param i32) (call $drop-{export} (local.get 0)))"
        )
        .unwrap();
    }
    let heap = RESULTS * 4;
    format!(
        r#"(module
{imports}
(memory (export "memory") 64)
(global $next (mut i32) (i32.const {heap}))
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (local $at i32)
  (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
  (global.set $next (i32.add (local.get $at) (local.get 3)))
  (local.get $at))
{bodies})"#
    )
}

fn relay_function(
    resolve: &Resolve,
    imports: &mut String,
    bodies: &mut String,
    (export_key, export): (Option<&WorldKey>, &Function),
    (import_key, import): (Option<&WorldKey>, &Function),
) {
    let index = bodies.matches("(func (export").count();
    let called = resolve.wasm_signature(AbiVariant::GuestImport, import);
    let (module, name) = resolve.wasm_import_name(
        ABI,
        WasmImport::Func {
            interface: import_key,
            func: import,
        },
    );
    writeln!(
        imports,
        "(import {module:?} {name:?} (func $import{index} {} {}))",
        types("param", &called.params),
        types("result", &called.results)
    )
    .unwrap();

    let sig = resolve.wasm_signature(AbiVariant::GuestExport, export);
    let name = resolve.wasm_export_name(
        ABI,
        WasmExport::Func {
            interface: export_key,
            func: export,
            kind: WasmExportKind::Normal,
        },
    );
    let mut params = String::new();
    for i in 0..sig.params.len() {
        write!(params, "(local.get {i})").unwrap();
    }
    let results = if called.retptr {
        format!("(i32.const {RESULTS})")
    } else {
        String::new()
    };
    let mut drop = String::new();
    // A borrowed handle has to be given back before the export returns.
    if let Some(param) = export.params.first()
        && let Type::Id(id) = param.ty
        && let TypeDefKind::Handle(Handle::Borrow(resource)) = resolve.types[id].kind
    {
        let mut resource = resource;
        while let TypeDefKind::Type(Type::Id(id)) = resolve.types[resource].kind {
            resource = id;
        }
        let wit_parser::TypeOwner::Interface(owner) = resolve.types[resource].owner else {
            panic!("a resource of no interface");
        };
        let key = WorldKey::Interface(owner);
        let (module, name) = resolve.wasm_import_name(
            ABI,
            WasmImport::ResourceIntrinsic {
                interface: Some(&key),
                resource,
                intrinsic: ResourceIntrinsic::ImportedDrop,
            },
        );
        writeln!(
            imports,
            "(import {module:?} {name:?} (func $drop{index} (param i32)))"
        )
        .unwrap();
        drop = format!("(call $drop{index} (local.get 0))");
    }
    writeln!(
        bodies,
        "(func (export {name:?}) {} {} (call $import{index} {params} {results}) {drop} {})",
        types("param", &sig.params),
        types("result", &sig.results),
        if called.retptr { &results } else { "" },
    )
    .unwrap();
}

fn types(kind: &str, types: &[WasmType]) -> String {
    let types: Vec<&str> = types
        .iter()
        .map(|ty| match ty {
            WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
            WasmType::I64 | WasmType::PointerOrI64 => "i64",
            WasmType::F32 => "f32",
            WasmType::F64 => "f64",
        })
        .collect();
    if types.is_empty() {
        String::new()
    } else {
        format!("({kind} {})", types.join(" "))
    }
}
