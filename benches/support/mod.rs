//! The layers over an `Invoke` that answers at once, so that what a call costs is what the layers
//! cost.

pub mod backtraces;
pub mod immediate;
pub mod links;
pub mod path;
pub mod paths;
