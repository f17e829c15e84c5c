//! Loading a component from a file.

use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

/// A file that can't be used as a component.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// The file can't be read.
    #[error("can't read the component `{}`", .0.display())]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// It is neither WebAssembly nor its text form.
    #[error(
        "`{}` is not a WebAssembly component: it starts with neither `\\0asm` nor `(component`",
        .0.display()
    )]
    NotWasm(PathBuf),
    /// It is a core module.
    #[error(
        "`{path}` is a core module, not a component; make one of it with \
         `wasm-tools component new {path} -o component.wasm` (or build for the target `wasm32-wasip2`)",
        path = .0.display()
    )]
    CoreModule(PathBuf),
    /// Text that is no component.
    #[error("`{}` is not valid WebAssembly text", .0.display())]
    Text(PathBuf, #[source] wat::Error),
    /// It starts like a component and does not go on like one.
    #[error(
        "`{}` is not a valid component: the file is truncated, damaged, or uses features \
         that this host does not have",
        .0.display()
    )]
    Invalid(PathBuf, #[source] wasmtime::Error),
}

const MAGIC: &[u8] = b"\0asm";
const CORE_LAYER: &[u8] = &[0, 0];

/// Reads and compiles a component, binary or text.
///
/// # Errors
///
/// The file can't be read, or is no component; the error says what it is instead.
pub fn load(engine: &Engine, path: &Path) -> Result<Component, ComponentError> {
    compile(engine, path, &read(path)?)
}

/// Reads the file of a component.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ComponentError> {
    std::fs::read(path).map_err(|error| ComponentError::Unreadable(path.to_owned(), error))
}

/// Compiles a component, binary or text; `path` is for messages.
///
/// # Errors
///
/// As [`load`].
pub fn compile(engine: &Engine, path: &Path, bytes: &[u8]) -> Result<Component, ComponentError> {
    let binary = if bytes.starts_with(MAGIC) {
        bytes.into()
    } else if text_of(bytes).is_some_and(|text| text.starts_with(['(', ';'])) {
        wat::parse_bytes(bytes).map_err(|mut error| {
            error.set_path(path);
            ComponentError::Text(path.to_owned(), error)
        })?
    } else {
        return Err(ComponentError::NotWasm(path.to_owned()));
    };
    if binary.get(6..8) == Some(CORE_LAYER) {
        return Err(ComponentError::CoreModule(path.to_owned()));
    }
    Component::from_binary(engine, &binary)
        .map_err(|error| ComponentError::Invalid(path.to_owned(), error))
}

fn text_of(bytes: &[u8]) -> Option<&str> {
    core::str::from_utf8(bytes).ok().map(str::trim_start)
}
