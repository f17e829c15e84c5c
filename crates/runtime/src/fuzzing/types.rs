//! Types of a real component, made of a fuzzer's bytes.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use wasm_encoder::{
    ComponentBuilder, ComponentTypeRef, ComponentValType, PrimitiveValType as Primitive, TypeBounds,
};
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ResourceType, Type};

/// One for all inputs: it takes longer to make than anything else.
pub(crate) static ENGINE: LazyLock<Engine> = LazyLock::new(Engine::default);

/// As many types are in one.
const MOST: usize = 40;

const PRIMITIVES: [Primitive; 13] = [
    Primitive::Bool,
    Primitive::S8,
    Primitive::U8,
    Primitive::S16,
    Primitive::U16,
    Primitive::S32,
    Primitive::U32,
    Primitive::S64,
    Primitive::U64,
    Primitive::F32,
    Primitive::F64,
    Primitive::Char,
    Primitive::String,
];

/// The types of a component, while they are made.
pub(crate) struct Types {
    component: ComponentBuilder,
    resources: [u32; 3],
    names: usize,
    left: usize,
}

/// A type, and what its resources are that are not the peer's.
pub(crate) struct Declared {
    pub(crate) ty: Type,
    pub(crate) guest: ResourceType,
    pub(crate) stream: ResourceType,
}

impl Types {
    pub(crate) fn new() -> Self {
        let mut component = ComponentBuilder::default();
        let bounds = ComponentTypeRef::Type(TypeBounds::SubResource);
        let resources = ["remote", "guest", "stream"].map(|name| component.import(name, bounds));
        Self {
            component,
            resources,
            names: 0,
            left: MOST,
        }
    }

    /// The type, as Wasmtime has it.
    pub(crate) fn finish(mut self, ty: ComponentValType) -> Declared {
        let (func, mut encoder) = self.component.type_function(None);
        encoder.params([("x", ty)]).result(None);
        self.component.import("f", ComponentTypeRef::Func(func));
        let component = Component::new(&ENGINE, self.component.finish());
        let component = component.expect("the types are valid");
        let ty = component.component_type();
        let import = |name| ty.get_import(&ENGINE, name).expect("it is imported");
        let ComponentItem::ComponentFunc(func) = import("f") else {
            unreachable!("it is a function");
        };
        let resource = |name| match import(name) {
            ComponentItem::Resource(ty) => ty,
            _ => unreachable!("it is a resource"),
        };
        let (_, ty) = func.params().next().expect("it has one");
        Declared {
            ty,
            guest: resource("guest"),
            stream: resource("stream"),
        }
    }

    /// Any type.
    pub(crate) fn any(
        &mut self,
        u: &mut Unstructured<'_>,
        depth: usize,
    ) -> Result<ComponentValType> {
        self.left = self.left.saturating_sub(1);
        let simple = depth == 0 || self.left == 0;
        let depth = depth.saturating_sub(1);
        Ok(match u.int_in_range(0..=if simple { 6 } else { 15 })? {
            0..=3 => u.choose(&PRIMITIVES)?.to_owned().into(),
            4 => {
                let resource = *u.choose(&self.resources)?;
                self.defined(|ty| ty.own(resource))
            }
            5 => {
                let names = names("case", u.int_in_range(1..=300)?);
                self.named(|ty| ty.enum_type(names.iter().map(String::as_str)))
            }
            6 => {
                let names = names("flag", u.int_in_range(1..=32)?);
                self.named(|ty| ty.flags(names.iter().map(String::as_str)))
            }
            7..=8 => {
                let element = self.any(u, depth)?;
                self.defined(|ty| ty.list(element))
            }
            9 => {
                let some = self.any(u, depth)?;
                self.defined(|ty| ty.option(some))
            }
            10..=11 => {
                let (ok, err) = (self.maybe(u, depth)?, self.maybe(u, depth)?);
                self.defined(|ty| ty.result(ok, err))
            }
            12 => {
                let types = self.some(u, depth)?;
                self.defined(|ty| ty.tuple(types))
            }
            13 => {
                let types = self.some(u, depth)?;
                let names = names("field", types.len());
                self.record(names.iter().map(String::as_str).zip(types).collect())
            }
            _ => {
                let mut cases = Vec::new();
                for _ in 0..u.int_in_range(1..=5)? {
                    cases.push(self.maybe(u, depth)?);
                }
                let names = names("case", cases.len());
                self.variant(names.iter().map(String::as_str).zip(cases).collect())
            }
        })
    }

    fn maybe(
        &mut self,
        u: &mut Unstructured<'_>,
        depth: usize,
    ) -> Result<Option<ComponentValType>> {
        u.arbitrary::<bool>()?
            .then(|| self.any(u, depth))
            .transpose()
    }

    fn some(&mut self, u: &mut Unstructured<'_>, depth: usize) -> Result<Vec<ComponentValType>> {
        (0..u.int_in_range(1..=5)?)
            .map(|_| self.any(u, depth))
            .collect()
    }

    pub(crate) fn option(&mut self, some: ComponentValType) -> ComponentValType {
        self.defined(|ty| ty.option(some))
    }

    pub(crate) fn enumeration(&mut self, names: &[&str]) -> ComponentValType {
        self.named(|ty| ty.enum_type(names.iter().copied()))
    }

    pub(crate) fn record(&mut self, fields: Vec<(&str, ComponentValType)>) -> ComponentValType {
        self.named(|ty| ty.record(fields))
    }

    pub(crate) fn variant(
        &mut self,
        cases: Vec<(&str, Option<ComponentValType>)>,
    ) -> ComponentValType {
        self.named(|ty| ty.variant(cases))
    }

    fn defined(
        &mut self,
        define: impl FnOnce(wasm_encoder::ComponentDefinedTypeEncoder<'_>),
    ) -> ComponentValType {
        let (index, encoder) = self.component.type_defined(None);
        define(encoder);
        ComponentValType::Type(index)
    }

    /// The same for a type that has to have a name.
    fn named(
        &mut self,
        define: impl FnOnce(wasm_encoder::ComponentDefinedTypeEncoder<'_>),
    ) -> ComponentValType {
        let (index, encoder) = self.component.type_defined(None);
        define(encoder);
        self.names += 1;
        let bounds = ComponentTypeRef::Type(TypeBounds::Eq(index));
        ComponentValType::Type(self.component.import(&*format!("t{}", self.names), bounds))
    }
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n}")).collect()
}
