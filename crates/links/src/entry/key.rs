//! The keys of a bucket.

use core::fmt::{self, Write as _};

use wrpc_middleware_transport::link::Interface;

use crate::Id;

/// The key of a link in a bucket: `<source>.<name>.<namespace>.<package>.<interface>`, or
/// `<source>.<name>.=24root` for the functions at the root of a world.
///
/// All that makes a link unique is in it, so a bucket has no two links that contradict each other.
/// What is no letter, digit, `-` or `_` is written as `=` and two hexadecimal digits for each byte
/// of UTF-8, so that no two links have one key, and wildcards of NATS select by source and name:
/// `client.>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// The longest one, in bytes. It becomes a part of subjects, for which NATS has 4 KiB.
    pub const MAX_LEN: usize = 2048;

    /// The key of the link from `source` by the name `name` for `interface`.
    #[must_use]
    pub fn new(source: &Id, name: &str, interface: &Interface) -> Self {
        let mut key = Self(String::new());
        key.push(source.as_str());
        key.push(name);
        let (interface, text) = (interface.as_str(), interface.to_string());
        if interface.is_empty() {
            key.push(&text);
        } else {
            // No part of an interface has one of them.
            for part in interface.split([':', '/']) {
                key.push(part);
            }
        }
        key
    }

    /// The key as the bucket has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn push(&mut self, part: &str) {
        if !self.0.is_empty() {
            self.0.push('.');
        }
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
                self.0.push(char::from(byte));
            } else {
                // Writing to a `String` does not fail.
                let _ = write!(self.0, "={byte:02X}");
            }
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(source: &str, name: &str, interface: &str) -> String {
        let (source, interface) = (source.parse().unwrap(), interface.parse().unwrap());
        Key::new(&source, name, &interface).0
    }

    #[test]
    fn keys_can_be_read() {
        assert_eq!(
            key("client", "default", "test:app/greeter@1.0.0"),
            "client.default.test.app.greeter"
        );
        assert_eq!(
            key("größe", "a b", "$root"),
            "gr=C3=B6=C3=9Fe.a=20b.=24root"
        );
        assert_eq!(key("a=24", "x.y", "a:b/c-d"), "a=3D24.x=2Ey.a.b.c-d");
    }

    proptest! {
        #[test]
        fn keys_are_legal_and_of_one_link_only(
            links in prop::collection::vec(("[a-c=%/:~é]{1,3}", "[a-c.= é]{1,3}", "(a|b):(a|c)/(a|d)"), 2)
        ) {
            let keys: Vec<_> = links.iter().map(|(source, name, interface)| key(source, name, interface)).collect();
            prop_assert_eq!(links[0] == links[1], keys[0] == keys[1]);
            for key in keys {
                // What NATS permits in keys.
                prop_assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || "-_=.".contains(c)));
                prop_assert!(key.split('.').all(|token| !token.is_empty()));
            }
        }
    }
}
