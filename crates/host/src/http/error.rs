//! Why a component can't be served over HTTP.

use std::path::PathBuf;

/// No requests can come.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The component answers no requests.
    #[error(
        "`{}` does not export `wasi:http/incoming-handler` of version 0.2, so it can't answer HTTP \
         requests; build it for the world `wasi:http/proxy`", .path.display()
    )]
    NoHandler {
        /// The component's file.
        path: PathBuf,
        /// What Wasmtime misses.
        source: anyhow::Error,
    },
    /// No instance of it could ever be made.
    #[error(
        "a memory of `{}` has {needed} bytes from its start, and `--max-memory` allows {allowed}; \
         allow as many at least", .path.display()
    )]
    Memory {
        /// The component's file.
        path: PathBuf,
        /// What the largest memory of an instance has.
        needed: u64,
        /// What it may have.
        allowed: usize,
    },
}
