//! Names of functions and interfaces.

use core::fmt;
use std::sync::Arc;

/// The name under which a function travels: without the part that says what kind of function of a
/// resource it is.
pub(crate) fn rpc_func_name(name: &str) -> &str {
    ["[constructor]", "[method]", "[static]"]
        .into_iter()
        .find_map(|kind| name.strip_prefix(kind))
        .unwrap_or(name)
}

/// Whether `name` is the interface that `pattern` names; a pattern without a version names them
/// all.
pub(crate) fn same_interface(pattern: &str, name: &str) -> bool {
    pattern == name || (!pattern.contains('@') && name.split('@').next() == Some(pattern))
}

/// A function of an instance, or of the root of a world where the instance is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FunctionName {
    pub(crate) instance: Arc<str>,
    /// As Wasmtime knows it, `[method]thing.get`.
    pub(crate) name: Arc<str>,
}

impl FunctionName {
    pub(crate) fn new(instance: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            instance: instance.into(),
            name: name.into(),
        }
    }

    /// The name under which it travels.
    pub(crate) fn rpc(&self) -> &str {
        rpc_func_name(&self.name)
    }
}

/// `namespace:package/interface@version#function`, or the function alone.
impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.instance.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}#{}", self.instance, self.name)
        }
    }
}

/// Functions that a host names: one of an interface, or all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FunctionPattern {
    pub(crate) instance: Box<str>,
    /// Every function if `None`.
    pub(crate) func: Option<Box<str>>,
}

impl FunctionPattern {
    /// Every function of `instance`, of every version if it names none.
    pub(crate) fn all(instance: impl Into<Box<str>>) -> Self {
        Self {
            instance: instance.into(),
            func: None,
        }
    }

    /// The function `func` of `instance`, with or without what kind of function of a resource it
    /// is.
    pub(crate) fn one(instance: impl Into<Box<str>>, func: impl Into<Box<str>>) -> Self {
        Self {
            instance: instance.into(),
            func: Some(func.into()),
        }
    }

    pub(crate) fn matches(&self, function: &FunctionName) -> bool {
        same_interface(&self.instance, &function.instance)
            && self
                .func
                .as_deref()
                .is_none_or(|func| func == &*function.name || func == function.rpc())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_resources_travel_without_their_kind() {
        for (name, rpc) in [
            ("greet", "greet"),
            ("[constructor]thing", "thing"),
            ("[method]thing.get", "thing.get"),
            ("[static]thing.open", "thing.open"),
        ] {
            assert_eq!(rpc_func_name(name), rpc);
        }
    }

    #[test]
    fn a_pattern_without_a_version_names_every_version() {
        assert!(same_interface("a:b/c", "a:b/c@0.1.0"));
        assert!(same_interface("a:b/c", "a:b/c"));
        assert!(same_interface("a:b/c@0.1.0", "a:b/c@0.1.0"));
        assert!(!same_interface("a:b/c@0.1.0", "a:b/c@0.1.1"));
        assert!(!same_interface("a:b/c@0.1.0", "a:b/c"));
        assert!(!same_interface("a:b/c", "a:b/cd@0.1.0"));
        assert!(!same_interface("", "a:b/c"));
    }

    #[test]
    fn a_pattern_names_a_function_or_all_of_an_interface() {
        let function = FunctionName::new("a:b/c@0.1.0", "[method]thing.get");
        assert!(FunctionPattern::all("a:b/c").matches(&function));
        assert!(FunctionPattern::one("a:b/c", "thing.get").matches(&function));
        assert!(FunctionPattern::one("a:b/c@0.1.0", "[method]thing.get").matches(&function));
        assert!(!FunctionPattern::one("a:b/c", "thing.set").matches(&function));
        assert!(!FunctionPattern::all("").matches(&function));
    }

    #[test]
    fn a_function_of_the_root_has_no_instance_in_its_name() {
        assert_eq!(FunctionName::new("", "run").to_string(), "run");
        assert_eq!(
            FunctionName::new("a:b/c@0.1.0", "f").to_string(),
            "a:b/c@0.1.0#f"
        );
    }
}
