//! What can be known about a component from its type, before it runs.

mod name;
mod probe;
mod shape;

pub(crate) use name::{FunctionName, FunctionPattern, same_interface};
pub(crate) use probe::Definitions;
pub(crate) use shape::{all_resources, is_published_rpc_error, same_type, uncarried_func};
