//! Interfaces as links name them.

use core::fmt;
use core::str::FromStr;
use std::sync::Arc;

/// An interface without its version, `namespace:package/interface`, or the root of a world.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interface(pub(super) Arc<str>);

/// How the functions at the root of a world are named, as in core modules of components.
const ROOT: &str = "$root";

/// The text names no interface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` names no interface: write `namespace:package/interface`, in WIT's lower-case names, \
     or `$root` for the functions at the root of a world",
    .0.escape_debug()
)]
pub struct InvalidInterface(String);

impl Interface {
    /// The functions that sit at the root of a world, written `$root`.
    #[must_use]
    pub fn root() -> Self {
        Self(Arc::from(""))
    }

    /// The interface as instances are named on the wire, without a version: empty for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An instance name without its version.
    pub(super) fn of_instance(instance: &str) -> &str {
        // Asked for every call, and too short for a searcher to pay.
        let end = instance.bytes().position(|byte| byte == b'@');
        end.and_then(|end| instance.get(..end)).unwrap_or(instance)
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if self.0.is_empty() { ROOT } else { &self.0 })
    }
}

/// Takes `namespace:package/interface`, with or without an `@version`, which is ignored.
impl FromStr for Interface {
    type Err = InvalidInterface;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == ROOT {
            return Ok(Self::root());
        }
        let invalid = || InvalidInterface(text.to_owned());
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        let (namespace, rest) = name.split_once(':').ok_or_else(invalid)?;
        let (package, interface) = rest.split_once('/').ok_or_else(invalid)?;
        let names = [namespace, package, interface].into_iter().all(is_label);
        let version = version.is_none_or(|version| {
            !version.is_empty()
                && version
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'))
        });
        if names && version {
            Ok(Self(Arc::from(name)))
        } else {
            Err(invalid())
        }
    }
}

/// Whether `name` is a label of WIT: words joined by `-`, each in one case, the first of which
/// starts with a letter.
fn is_label(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.split('-').all(|word| {
            !word.is_empty()
                && (word
                    .chars()
                    .all(|c| c.is_ascii_digit() || c.is_ascii_lowercase())
                    || word
                        .chars()
                        .all(|c| c.is_ascii_digit() || c.is_ascii_uppercase()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ignored() {
        let plain: Interface = "wasi:key-value/store".parse().unwrap();
        assert_eq!(plain, "wasi:key-value/store@0.2.0-draft".parse().unwrap());
        assert_eq!(plain.to_string(), "wasi:key-value/store");
        assert_eq!(Interface::of_instance("a:b/c@1.0.0"), "a:b/c");
    }

    #[test]
    fn words_after_the_first_may_start_with_a_digit() {
        for good in ["a:b/http-2", "a1:b/c-3d", "a:b/HTTP-v2"] {
            assert_eq!(good.parse::<Interface>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn the_root_has_a_name() {
        let root: Interface = "$root".parse().unwrap();
        assert_eq!((root.as_str(), root.to_string()), ("", "$root".to_owned()));
    }

    #[test]
    fn what_wit_does_not_allow_is_no_interface() {
        for bad in [
            "",
            "a",
            "a:b",
            "a/b",
            "a:b/",
            ":b/c",
            "a:/c",
            "a:b/c/d",
            "a:b:c/d",
            "a:b/c@",
            "a b:c/d",
            "a:b/*",
            "a:b/c.d",
            "a:b/c@1 2",
            "a:b/-c",
            "a:b/c-",
            "a:b/1c",
            "a:b/cD",
            "a:b/c\n",
        ] {
            assert!(bad.parse::<Interface>().is_err(), "{bad:?}");
        }
    }
}
