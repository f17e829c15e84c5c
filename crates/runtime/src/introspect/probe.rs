//! What a linker defines already.

use wasm_encoder::{
    Component as Binary, ComponentImportSection, ComponentTypeRef, ComponentTypeSection,
    InstanceType,
};
use wasmtime::component::{Component, Linker};
use wasmtime::error::Context as _;

/// The export that tells an instance of ours from one that the host defined.
const MARK: &str = "wrpc-middleware-probe";

/// Answers what a [`Linker`] defines, by Wasmtime's own lookup.
///
/// A linker can't be asked directly. A second definition of a name tells whether it is taken
/// exactly; a component of one import, instantiated against a marked instance of the lowest
/// version, tells whether another version answers to it.
pub(crate) struct Definitions<'a, T: 'static>(&'a Linker<T>);

impl<'a, T: 'static> Definitions<'a, T> {
    pub(crate) fn of(linker: &'a Linker<T>) -> Self {
        Self(linker)
    }

    /// Whether the root defines an item `name`, whatever it is.
    pub(crate) fn has_item(&self, name: &str) -> bool {
        self.strict()
            .root()
            .func_new(name, |_, _, _, _| Ok(()))
            .is_err()
    }

    /// Whether the root defines an instance that an import of `name` resolves to, by its exact
    /// name or as a semver-compatible version of it.
    ///
    /// # Errors
    ///
    /// Fails if the engine can't compile a component.
    pub(crate) fn has_instance(&self, name: &str) -> wasmtime::Result<bool> {
        if self.strict().instance(name).is_err() {
            return Ok(true);
        }
        let Some(track) = Track::of(name) else {
            return Ok(false);
        };
        let mut linker = self.strict();
        let Ok(mut instance) = linker.instance(&track.lowest) else {
            return Ok(true);
        };
        instance.func_wrap(MARK, |_, (): ()| Ok(()))?;
        let probe = Component::new(self.0.engine(), probe(&track.highest))
            .context("failed to compile a probe for what the linker defines")?;
        Ok(linker.instantiate_pre(&probe).is_err())
    }

    /// A copy in which each name can be defined once.
    fn strict(&self) -> Linker<T> {
        let mut linker = self.0.clone();
        linker.allow_shadowing(false);
        linker
    }
}

/// A component that imports an instance `name` with a marked function.
fn probe(name: &str) -> Vec<u8> {
    let mut instance = InstanceType::new();
    instance
        .ty()
        .function()
        .params([("", wasm_encoder::PrimitiveValType::Bool); 0])
        .result(None);
    instance.export(MARK, ComponentTypeRef::Func(0));
    let mut types = ComponentTypeSection::new();
    types.instance(&instance);
    let mut imports = ComponentImportSection::new();
    imports.import(name, ComponentTypeRef::Instance(0));
    let mut component = Binary::new();
    component.section(&types).section(&imports);
    component.finish()
}

/// The versions of an interface that stand in for each other.
struct Track {
    /// The lowest version of the track: any other one is preferred to it.
    lowest: String,
    /// A version that nobody defines exactly.
    highest: String,
}

impl Track {
    /// `None` if only the exact version answers to `name`.
    fn of(name: &str) -> Option<Self> {
        let (interface, version) = name.split_once('@')?;
        let release = version.split('+').next()?;
        let mut parts = release.split('.').map(str::parse::<u64>);
        // A pre-release has a part that is no number.
        let (Some(Ok(major)), Some(Ok(minor)), Some(Ok(_)), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let (lowest, highest) = match (major, minor) {
            (0, 0) => return None,
            (0, minor) => (format!("0.{minor}.0"), format!("0.{minor}.{}", u64::MAX)),
            (major, _) => (
                format!("{major}.0.0"),
                format!("{major}.{}.{}", u64::MAX, u64::MAX),
            ),
        };
        Some(Self {
            lowest: format!("{interface}@{lowest}"),
            highest: format!("{interface}@{highest}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::Engine;

    use super::*;

    #[test]
    fn instances_answer_to_their_own_name_and_to_compatible_versions() {
        for (defined, imported, expected) in [
            (None, "a:b/c@0.2.1", false),
            (None, "a:b/c", false),
            (Some("a:b/c"), "a:b/c", true),
            (Some("a:b/c"), "a:b/c@0.2.1", false),
            (Some("a:b/d@0.2.1"), "a:b/c@0.2.1", false),
            (Some("a:b/c@0.2.1"), "a:b/c@0.2.1", true),
            (Some("a:b/c@0.2.0"), "a:b/c@0.2.1", true),
            (Some("a:b/c@0.2.2"), "a:b/c@0.2.0", true),
            (Some("a:b/c@0.2.2"), "a:b/c@0.2.1", true),
            (Some("a:b/c@0.2.2+build"), "a:b/c@0.2.1", true),
            (Some("a:b/c@0.3.0"), "a:b/c@0.2.0", false),
            (Some("a:b/c@1.4.2"), "a:b/c@1.0.0", true),
            (Some("a:b/c@1.0.0"), "a:b/c@1.4.2", true),
            (Some("a:b/c@2.0.0"), "a:b/c@1.4.2", false),
            (Some("a:b/c@0.0.1"), "a:b/c@0.0.1", true),
            (Some("a:b/c@0.0.1"), "a:b/c@0.0.2", false),
            (Some("a:b/c@0.2.0-rc1"), "a:b/c@0.2.0", false),
            (Some("a:b/c@0.2.0"), "a:b/c@0.2.0-rc1", false),
            (Some("a:b/c@0.2.0-rc1"), "a:b/c@0.2.0-rc1", true),
        ] {
            let engine = Engine::default();
            let mut linker = Linker::<()>::new(&engine);
            if let Some(defined) = defined {
                linker.instance(defined).unwrap();
            }
            let found = Definitions::of(&linker).has_instance(imported).unwrap();
            assert_eq!(found, expected, "{imported}, defined: {defined:?}");
        }
    }

    #[test]
    fn functions_of_the_root_are_found_and_the_linker_is_left_alone() {
        let mut linker = Linker::<()>::new(&Engine::default());
        linker.allow_shadowing(true);
        linker.root().func_wrap("run", |_, (): ()| Ok(())).unwrap();
        assert!(Definitions::of(&linker).has_item("run"));
        assert!(!Definitions::of(&linker).has_item("walk"));
        assert!(!Definitions::of(&linker).has_item("walk"));
    }
}
