//! Types of a real component, made at random but the same in each run, and values of them.

use core::fmt::Write as _;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Type, Val};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

/// How many types there are besides [`FIXED`].
const RANDOM: usize = 120;

/// Types whose encoding has a size that random ones seldom reach.
const FIXED: [&str; 8] = [
    "enum-200",
    "enum-300",
    "variant-200",
    "variant-300",
    "flags-8",
    "flags-9",
    "flags-16",
    "flags-32",
];

#[derive(Clone, Debug)]
enum Shape {
    Plain(&'static str),
    List(Box<Shape>),
    Option(Box<Shape>),
    Result(Option<Box<Shape>>, Option<Box<Shape>>),
    Tuple(Vec<Shape>),
    Record(Vec<Shape>),
    Variant(Vec<Option<Shape>>),
    Enum(usize),
    Flags(usize),
}

fn shape() -> impl Strategy<Value = Shape> {
    let plain = prop::sample::select(vec![
        "bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char",
        "string",
    ]);
    let leaf = prop_oneof![
        6 => plain.prop_map(Shape::Plain),
        1 => (1..20usize).prop_map(Shape::Enum),
        1 => (1..33usize).prop_map(Shape::Flags),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let optional = prop::option::of(boxed.clone());
        prop_oneof![
            boxed.clone().prop_map(Shape::List),
            boxed.prop_map(Shape::Option),
            (optional.clone(), optional).prop_map(|(ok, err)| Shape::Result(ok, err)),
            vec(inner.clone(), 1..5).prop_map(Shape::Tuple),
            vec(inner.clone(), 1..5).prop_map(Shape::Record),
            vec(prop::option::of(inner), 1..5).prop_map(Shape::Variant),
        ]
    })
}

/// Writes the declarations that `shape` needs, and returns its name.
fn render(shape: &Shape, declarations: &mut String, count: &mut usize) -> String {
    let mut name = |declarations: &mut String, kind: &str, body: &str| {
        *count += 1;
        let name = format!("t{count}");
        writeln!(declarations, "{kind} {name} {{ {body} }}").unwrap();
        name
    };
    let numbered = |prefix: &str, n: usize| {
        let names: Vec<_> = (0..n).map(|i| format!("{prefix}{i}")).collect();
        names.join(", ")
    };
    match shape {
        Shape::Plain(name) => (*name).to_owned(),
        Shape::Enum(n) => name(declarations, "enum", &numbered("case-a", *n)),
        Shape::Flags(n) => name(declarations, "flags", &numbered("flag-a", *n)),
        Shape::List(ty) => format!("list<{}>", render(ty, declarations, count)),
        Shape::Option(ty) => format!("option<{}>", render(ty, declarations, count)),
        Shape::Result(ok, err) => {
            let mut part =
                |ty: &Option<Box<Shape>>| ty.as_ref().map(|ty| render(ty, declarations, count));
            match (part(ok), part(err)) {
                (None, None) => "result".to_owned(),
                (Some(ok), None) => format!("result<{ok}>"),
                (ok, Some(err)) => format!("result<{}, {err}>", ok.as_deref().unwrap_or("_")),
            }
        }
        Shape::Tuple(types) => {
            let types: Vec<_> = types
                .iter()
                .map(|ty| render(ty, declarations, count))
                .collect();
            format!("tuple<{}>", types.join(", "))
        }
        Shape::Record(types) => {
            let mut body = String::new();
            for (i, ty) in types.iter().enumerate() {
                let ty = render(ty, declarations, count);
                write!(body, "field-a{i}: {ty}, ").unwrap();
            }
            *count += 1;
            writeln!(declarations, "record t{count} {{ {body} }}").unwrap();
            format!("t{count}")
        }
        Shape::Variant(cases) => {
            let mut body = String::new();
            for (i, ty) in cases.iter().enumerate() {
                match ty {
                    Some(ty) => {
                        let ty = render(ty, declarations, count);
                        write!(body, "case-a{i}({ty}), ").unwrap();
                    }
                    None => write!(body, "case-a{i}, ").unwrap(),
                }
            }
            *count += 1;
            writeln!(declarations, "variant t{count} {{ {body} }}").unwrap();
            format!("t{count}")
        }
    }
}

/// The types of the one parameter of each function in an interface with these items.
pub(super) fn parameters(engine: &Engine, items: &str) -> Vec<Type> {
    let wit = format!("package test:types;\nworld w {{ export i; }}\ninterface i {{ {items} }}");
    let component = component(engine, &wit);
    let ty = component.component_type();
    let Some(ComponentItem::ComponentInstance(instance)) = ty.get_export(engine, "test:types/i")
    else {
        panic!("no instance");
    };
    instance
        .exports(engine)
        .filter_map(|(_, item)| match item {
            ComponentItem::ComponentFunc(ty) => ty.params().next().map(|(_, ty)| ty),
            _ => None,
        })
        .collect()
}

/// A component of world `w` that does nothing.
pub(super) fn component(engine: &Engine, wit: &str) -> Component {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("types.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    let abi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);
    let mut module = wit_component::dummy_module(&resolve, world, abi);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    let binary = ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .encode()
        .unwrap();
    Component::new(engine, binary).unwrap()
}

/// An engine, and types of components that it has compiled.
pub(super) static TYPES: LazyLock<(Engine, Vec<Type>)> = LazyLock::new(|| {
    let engine = Engine::default();
    let mut runner = TestRunner::deterministic();
    let mut items = String::new();
    let mut count = 0;
    for name in FIXED {
        let (kind, n) = name.split_once('-').unwrap();
        let cases: String = (0..n.parse().unwrap())
            .map(|i: usize| match kind {
                "variant" if i.is_multiple_of(2) => format!("case-a{i}(u8), "),
                _ => format!("case-a{i}, "),
            })
            .collect();
        writeln!(items, "{kind} {name} {{ {cases} }}").unwrap();
        writeln!(items, "f-{name}: func(x: {name});").unwrap();
    }
    for i in 0..RANDOM {
        let shape = shape().new_tree(&mut runner).unwrap().current();
        let ty = render(&shape, &mut items, &mut count);
        writeln!(items, "take{i}: func(x: {ty});").unwrap();
    }
    let types = parameters(&engine, &items);
    assert_eq!(types.len(), FIXED.len() + RANDOM);
    (engine, types)
});

/// Values of `ty`.
pub(super) fn value(ty: &Type) -> BoxedStrategy<Val> {
    match ty {
        Type::Bool => any::<bool>().prop_map(Val::Bool).boxed(),
        Type::S8 => any::<i8>().prop_map(Val::S8).boxed(),
        Type::U8 => any::<u8>().prop_map(Val::U8).boxed(),
        Type::S16 => any::<i16>().prop_map(Val::S16).boxed(),
        Type::U16 => any::<u16>().prop_map(Val::U16).boxed(),
        Type::S32 => any::<i32>().prop_map(Val::S32).boxed(),
        Type::U32 => any::<u32>().prop_map(Val::U32).boxed(),
        Type::S64 => any::<i64>().prop_map(Val::S64).boxed(),
        Type::U64 => any::<u64>().prop_map(Val::U64).boxed(),
        Type::Float32 => any::<f32>().prop_map(Val::Float32).boxed(),
        Type::Float64 => any::<f64>().prop_map(Val::Float64).boxed(),
        Type::Char => any::<char>().prop_map(Val::Char).boxed(),
        Type::String => ".{0,12}".prop_map(Val::String).boxed(),
        Type::List(ty) => vec(value(&ty.ty()), 0..6).prop_map(Val::List).boxed(),
        Type::Record(ty) => {
            let (names, values): (Vec<_>, Vec<_>) = ty
                .fields()
                .map(|field| (field.name.to_owned(), value(&field.ty)))
                .unzip();
            values
                .prop_map(move |values| Val::Record(names.iter().cloned().zip(values).collect()))
                .boxed()
        }
        Type::Tuple(ty) => {
            let values: Vec<_> = ty.types().map(|ty| value(&ty)).collect();
            values.prop_map(Val::Tuple).boxed()
        }
        Type::Variant(ty) => {
            let cases: Vec<_> = ty
                .cases()
                .map(|case| {
                    let name = case.name.to_owned();
                    payload(case.ty)
                        .prop_map(move |value| Val::Variant(name.clone(), value))
                        .boxed()
                })
                .collect();
            prop::sample::select(cases)
                .prop_flat_map(|case| case)
                .boxed()
        }
        Type::Enum(ty) => {
            let names: Vec<_> = ty.names().map(str::to_owned).collect();
            prop::sample::select(names).prop_map(Val::Enum).boxed()
        }
        Type::Option(ty) => prop::option::of(value(&ty.ty()).prop_map(Box::new))
            .prop_map(Val::Option)
            .boxed(),
        Type::Result(ty) => prop_oneof![
            payload(ty.ok()).prop_map(|ok| Val::Result(Ok(ok))),
            payload(ty.err()).prop_map(|err| Val::Result(Err(err))),
        ]
        .boxed(),
        Type::Flags(ty) => {
            let names: Vec<_> = ty.names().map(str::to_owned).collect();
            let n = names.len();
            prop::sample::subsequence(names, 0..=n)
                .prop_map(Val::Flags)
                .boxed()
        }
        _ => panic!("no values of {ty:?}"),
    }
}

fn payload(ty: Option<Type>) -> BoxedStrategy<Option<Box<Val>>> {
    match ty {
        Some(ty) => value(&ty).prop_map(|value| Some(Box::new(value))).boxed(),
        None => Just(None).boxed(),
    }
}
