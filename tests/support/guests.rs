//! The components of the tests, built when a test asks for them: no toolchain is needed.

use std::path::{Path, PathBuf};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Passes every call on to its import of the same name.
pub fn caller() -> Vec<u8> {
    component("caller.wat", &resolve(), "test:app/caller")
}

/// Answers by the name it is given.
pub fn target() -> Vec<u8> {
    component("target.wat", &resolve(), "test:app/target")
}

/// Calls a function with upstream's error resource and returns the typed view of it.
pub fn opaque_caller() -> Vec<u8> {
    component("opaque-caller.wat", &resolve(), "test:app/opaque-caller")
}

/// Reads a stream of the target's.
pub fn stream_reader() -> Vec<u8> {
    component("stream-reader.wat", &resolve(), "test:app/stream-reader")
}

/// Serves a resource.
pub fn counter_target() -> Vec<u8> {
    component("counter-target.wat", &resolve(), "test:app/counter-target")
}

/// Calls a function at the root of its world.
pub fn root_caller() -> Vec<u8> {
    component("root-caller.wat", &resolve(), "test:app/root-caller")
}

/// Calls `greet` only, and is built against another version of `wrpc:errors`: a file of
/// `tests/guests/versions`.
pub fn versioned_caller(version: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    for file in [format!("{version}.wit"), "greeter.wit".to_owned()] {
        resolve
            .push_file(guests().join("versions").join(file))
            .expect("the WIT of a version");
    }
    component("versioned-caller.wat", &resolve, "test:app/caller")
}

fn guests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests")
}

fn resolve() -> Resolve {
    let mut resolve = Resolve::default();
    resolve
        .push_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("wit"))
        .expect("the WIT of this project");
    resolve
        .push_dir(guests().join("wit"))
        .expect("the WIT of the guests");
    resolve
}

fn component(wat: &str, resolve: &Resolve, world: &str) -> Vec<u8> {
    let mut module = wat::parse_file(guests().join(wat)).expect("a module");
    let packages: Vec<_> = resolve.packages.iter().map(|(id, _)| id).collect();
    let world = resolve
        .select_world(&packages, Some(world))
        .expect("a world");
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8, false)
        .expect("the component's type");
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .expect("a module that fits the world")
        .encode()
        .expect("a component")
}
