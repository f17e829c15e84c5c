//! The components of the demonstration: WIT and WAT, made into components here, so that no
//! toolchain has to be installed.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const WIT: &str = include_str!("greeter.wit");

/// A component of the demonstration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guest {
    /// Calls a greeter and returns what it got.
    Client,
    /// A greeter that answers at once.
    Quick,
    /// A greeter that answers in an hour.
    Slow,
}

impl Guest {
    /// The name of the world, and of the component's file.
    pub(super) const fn world(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Quick => "quick",
            Self::Slow => "slow",
        }
    }

    const fn wat(self) -> &'static str {
        match self {
            Self::Client => include_str!("client.wat"),
            Self::Quick => include_str!("quick.wat"),
            Self::Slow => include_str!("slow.wat"),
        }
    }

    /// The component, binary.
    ///
    /// # Errors
    ///
    /// Its sources are wrong, which a test rules out.
    pub(super) fn component(self) -> anyhow::Result<Vec<u8>> {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("greeter.wit", WIT)?;
        let world = resolve.select_world(&[package], Some(self.world()))?;
        let mut module = wat::parse_str(self.wat())?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)?;
        ComponentEncoder::default()
            .module(&module)?
            .validate(true)
            .encode()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guest_becomes_a_component() {
        for guest in [Guest::Client, Guest::Quick, Guest::Slow] {
            let component = guest.component().unwrap();
            assert_eq!(component.get(..4).unwrap(), b"\0asm", "{guest:?}");
        }
    }

    /// The types as they stand in a WIT file: from `interface types` to its end, without comments
    /// and white space.
    fn types(wit: &str) -> String {
        let (_, from) = wit.split_once("interface types {").unwrap();
        let mut depth = 1;
        from.lines()
            .map(|line| line.split("//").next().unwrap_or_default())
            .flat_map(str::chars)
            .take_while(|c| {
                depth += i32::from(*c == '{') - i32::from(*c == '}');
                depth > 0
            })
            .filter(|c| !c.is_whitespace())
            .collect()
    }

    #[test]
    fn the_types_are_those_of_the_published_package() {
        let published = types(include_str!("../../../../../wit/errors.wit"));
        assert!(published.contains("variantrpc-error{timeout(failure),"));
        assert_eq!(types(WIT), published);
    }
}
