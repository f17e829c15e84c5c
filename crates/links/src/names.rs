//! `wrpc:links/names`: a component selects among its links.
//!
//! The names belong to one instance of the component, so they are in its store. The host hands them
//! to each of its calls, by [`Context::with_link_names`].
//!
//! ```
//! use wasmtime::component::Linker;
//! use wrpc_middleware_links::names::{self, LinkNamesView};
//! use wrpc_middleware_transport::Context;
//! use wrpc_middleware_transport::link::LinkNames;
//!
//! /// What a store holds.
//! struct State {
//!     links: LinkNames,
//! }
//!
//! impl State {
//!     /// The context of the calls that the component makes.
//!     fn context(&self) -> Context<()> {
//!         Context::new(()).with_source("client").with_link_names(self.links.clone())
//!     }
//! }
//!
//! impl LinkNamesView for State {
//!     fn link_names(&mut self) -> &mut LinkNames {
//!         &mut self.links
//!     }
//! }
//!
//! # fn main() -> wasmtime::Result<()> {
//! let mut linker = Linker::<State>::new(&wasmtime::Engine::default());
//! names::add_to_linker(&mut linker)?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Context::with_link_names`]: wrpc_middleware_transport::Context::with_link_names

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};
use wrpc_middleware_transport::link::{Interface, LinkNames};

use crate::entry::name;

/// The interface that is defined.
pub const INTERFACE: &str = "wrpc:links/names@0.1.0";

/// For how many interfaces a component may set names. It bounds what a guest can make its host
/// keep.
pub const MAX_INTERFACES: usize = 1024;

/// The longest name of an interface, in bytes, for the same reason.
const MAX_INTERFACE: usize = 1024;

/// A store that holds the names of its component's links.
pub trait LinkNamesView {
    /// The names.
    fn link_names(&mut self) -> &mut LinkNames;
}

/// Why names were not set.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Error {
    /// The text names no interface.
    #[component(name = "invalid-interface")]
    InvalidInterface(String),
    /// The text can't be the name of a link.
    #[component(name = "invalid-name")]
    InvalidName(String),
    /// Names were set for too many interfaces.
    #[component(name = "too-many")]
    TooMany,
}

/// Defines `wrpc:links/names` in `linker`.
///
/// # Errors
///
/// The linker has it already.
pub fn add_to_linker<T: LinkNamesView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.instance(INTERFACE)?.func_wrap(
        "set-link-name",
        |mut store: StoreContextMut<'_, T>, (name, interfaces): (String, Vec<String>)| {
            Ok((set(store.data_mut().link_names(), name, interfaces),))
        },
    )
}

/// Sets the name of all of them, or of none.
fn set(names: &mut LinkNames, name: String, interfaces: Vec<String>) -> Result<(), Error> {
    if !name::is_link(&name) {
        return Err(Error::InvalidName(name));
    }
    let parse = |text: String| match text.parse::<Interface>() {
        Ok(interface) if text.len() <= MAX_INTERFACE => Ok(interface),
        _ => Err(Error::InvalidInterface(text)),
    };
    let interfaces: Vec<_> = interfaces
        .into_iter()
        .map(parse)
        .collect::<Result<_, _>>()?;
    let is_new = |interface: &&Interface| names.get(interface.as_str()).is_none();
    let new = interfaces.iter().filter(is_new).count();
    if names.len().saturating_add(new) > MAX_INTERFACES {
        return Err(Error::TooMany);
    }
    let name = std::sync::Arc::<str>::from(name);
    for interface in interfaces {
        names.set(interface, std::sync::Arc::clone(&name));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use wasmtime::component::Component;
    use wasmtime::{Engine, Store};

    use super::*;

    impl LinkNamesView for LinkNames {
        fn link_names(&mut self) -> &mut LinkNames {
            self
        }
    }

    /// Passes what it is given on to its host.
    const GUEST: &str = r#"(component
        (import "wrpc:links/names@0.1.0" (instance $names
            (type $error' (variant
                (case "invalid-interface" string) (case "invalid-name" string) (case "too-many")))
            (export "error" (type $error (eq $error')))
            (export "set-link-name" (func
                (param "name" string) (param "interfaces" (list string))
                (result (result (error $error)))))))
        (alias export $names "set-link-name" (func $set))
        (core module $memory
            (memory (export "memory") 1)
            (global $next (mut i32) (i32.const 1024))
            (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                (global.get $next)
                (global.set $next (i32.and
                    (i32.add (i32.add (global.get $next) (local.get 3)) (i32.const 7))
                    (i32.const -8)))))
        (core instance $memory (instantiate $memory))
        (alias core export $memory "memory" (core memory $mem))
        (alias core export $memory "realloc" (core func $realloc))
        (core func $set (canon lower (func $set) (memory $mem) (realloc $realloc)))
        (core module $main
            (import "" "set" (func $set (param i32 i32 i32 i32 i32)))
            (func (export "set") (param i32 i32 i32 i32) (result i32)
                (call $set (local.get 0) (local.get 1) (local.get 2) (local.get 3) (i32.const 0))
                (i32.const 0)))
        (core instance $main (instantiate $main
            (with "" (instance (export "set" (func $set))))))
        (alias export $names "error" (type $error))
        (func (export "set") (param "name" string) (param "interfaces" (list string))
            (result (result (error $error)))
            (canon lift (core func $main "set") (memory $mem) (realloc $realloc))))"#;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_component_sets_the_names_of_its_own_store() {
        let engine = Engine::default();
        let mut linker = Linker::new(&engine);
        add_to_linker(&mut linker).unwrap();
        let component = Component::new(&engine, wat::parse_str(GUEST).unwrap()).unwrap();
        let pre = linker.instantiate_pre(&component).unwrap();
        let mut stores = [(), ()].map(|()| Store::new(&engine, LinkNames::new()));
        let [one, other] = &mut stores;
        let instance = pre.instantiate(&mut *one).unwrap();
        let set = instance
            .get_typed_func::<(String, Vec<String>), (Result<(), Error>,)>(&mut *one, "set")
            .unwrap();
        let mut call = |name: &str, interfaces: &[&str]| {
            let (result,) = set
                .call(&mut *one, (name.to_owned(), names(interfaces)))
                .unwrap();
            (result, one.data().clone())
        };
        let (result, now) = call("cache", &["a:b/c@1.0.0", "$root"]);
        assert_eq!(result, Ok(()));
        for interface in ["a:b/c", ""] {
            assert_eq!(now.get(interface).map(AsRef::as_ref), Some("cache"));
        }
        let (result, same) = call("other", &["a:b/c", "nonsense"]);
        assert_eq!(result, Err(Error::InvalidInterface("nonsense".into())));
        assert_eq!(same, now, "none of them is set");
        let (result, same) = call("", &["a:b/c"]);
        assert_eq!(result, Err(Error::InvalidName(String::new())));
        assert_eq!(same, now);
        assert!(other.data().is_empty());
    }

    #[test]
    fn a_component_can_not_fill_its_host() {
        let mut all = LinkNames::new();
        let many = |n: usize| (0..n).map(|n| format!("a:b/c{n}")).collect();
        assert_eq!(set(&mut all, "x".into(), many(MAX_INTERFACES)), Ok(()));
        assert_eq!(set(&mut all, "y".into(), many(MAX_INTERFACES)), Ok(()));
        let one_more = set(&mut all, "y".into(), names(&["a:b/d"]));
        assert_eq!(one_more, Err(Error::TooMany));
        let long = format!("a:b/{}", "c".repeat(MAX_INTERFACE));
        assert_eq!(
            set(&mut LinkNames::new(), "x".into(), vec![long.clone()]),
            Err(Error::InvalidInterface(long))
        );
        let name = "x".repeat(256);
        assert_eq!(
            set(&mut LinkNames::new(), name.clone(), names(&["a:b/c"])),
            Err(Error::InvalidName(name))
        );
    }
}
