//! Function types as a person writes them in WIT.

use core::fmt::Write as _;

use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Type};

/// Levels of nesting that are spelled out. A deep type would fill the screen.
const DEPTH: usize = 3;

/// The names that a component's interfaces have for its types: a type itself has none.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Vec<(String, Type)>);

impl Names {
    /// The names of the records, variants, enums and flags in the interfaces of `component`.
    pub(super) fn of(component: &Component) -> Self {
        let engine = component.engine();
        let ty = component.component_type();
        let mut names = Vec::new();
        for (name, item) in ty.imports(engine).chain(ty.exports(engine)) {
            match item {
                ComponentItem::ComponentInstance(instance) => {
                    for (name, item) in instance.exports(engine) {
                        note(&mut names, name, item);
                    }
                }
                item => note(&mut names, name, item),
            }
        }
        Self(names)
    }

    fn get(&self, ty: &Type) -> Option<&str> {
        let (name, _) = self.0.iter().find(|(_, named)| named == ty)?;
        Some(name)
    }
}

/// Other types than these are short, and names of theirs are mere aliases.
fn note(names: &mut Vec<(String, Type)>, name: &str, item: ComponentItem) {
    if let ComponentItem::Type(
        ty @ (Type::Record(_) | Type::Variant(_) | Type::Enum(_) | Type::Flags(_)),
    ) = item
    {
        names.push((name.to_owned(), ty));
    }
}

/// `greet: func(name: string) -> result<string, rpc-error>`
pub(super) fn signature(name: &str, ty: &ComponentFunc, names: &Names) -> String {
    let mut text = format!("{name}: func(");
    for (nth, (name, ty)) in ty.params().enumerate() {
        let _ = write!(text, "{}{name}: ", if nth == 0 { "" } else { ", " });
        push(&mut text, &ty, names, DEPTH);
    }
    text.push(')');
    for ty in ty.results() {
        text.push_str(" -> ");
        push(&mut text, &ty, names, DEPTH);
    }
    text
}

/// A type as it has to be written, that is with its outermost name resolved.
pub(super) fn structure(ty: &Type, names: &Names) -> String {
    let mut text = String::new();
    push_structure(&mut text, ty, names, DEPTH);
    text
}

fn push(text: &mut String, ty: &Type, names: &Names, depth: usize) {
    match names.get(ty) {
        Some(name) => text.push_str(name),
        None => push_structure(text, ty, names, depth),
    }
}

fn push_structure(text: &mut String, ty: &Type, names: &Names, depth: usize) {
    let name = match ty {
        Type::Bool => "bool",
        Type::S8 => "s8",
        Type::U8 => "u8",
        Type::S16 => "s16",
        Type::U16 => "u16",
        Type::S32 => "s32",
        Type::U32 => "u32",
        Type::S64 => "s64",
        Type::U64 => "u64",
        Type::Float32 => "f32",
        Type::Float64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::Own(_) => "own<..>",
        Type::Borrow(_) => "borrow<..>",
        Type::Future(_) => "future<..>",
        Type::Stream(_) => "stream<..>",
        Type::ErrorContext => "error-context",
        Type::Map(_) => "map<..>",
        Type::List(ty) => return generic(text, "list", [Some(ty.ty())], names, depth),
        Type::Option(ty) => return generic(text, "option", [Some(ty.ty())], names, depth),
        Type::Tuple(ty) => return generic(text, "tuple", ty.types().map(Some), names, depth),
        Type::Result(ty) => return result(text, ty.ok(), ty.err(), names, depth),
        Type::Record(ty) => {
            let fields = ty.fields().map(|field| (field.name, ": ", Some(field.ty)));
            return braces(text, "record", fields, names, depth);
        }
        Type::Variant(ty) => {
            let cases = ty.cases().map(|case| (case.name, "(", case.ty));
            return braces(text, "variant", cases, names, depth);
        }
        Type::Enum(ty) => {
            let cases = ty.names().map(|name| (name, "", None));
            return braces(text, "enum", cases, names, depth);
        }
        Type::Flags(ty) => {
            let flags = ty.names().map(|name| (name, "", None));
            return braces(text, "flags", flags, names, depth);
        }
    };
    text.push_str(name);
}

fn result(text: &mut String, ok: Option<Type>, err: Option<Type>, names: &Names, depth: usize) {
    match (ok, err) {
        (None, None) => text.push_str("result"),
        (ok, None) => generic(text, "result", [ok], names, depth),
        (ok, err) => generic(text, "result", [ok, err], names, depth),
    }
}

fn generic(
    text: &mut String,
    name: &str,
    types: impl IntoIterator<Item = Option<Type>>,
    names: &Names,
    depth: usize,
) {
    text.push_str(name);
    let Some(depth) = depth.checked_sub(1) else {
        return text.push_str("<..>");
    };
    text.push('<');
    for (nth, ty) in types.into_iter().enumerate() {
        text.push_str(if nth == 0 { "" } else { ", " });
        match ty {
            Some(ty) => push(text, &ty, names, depth),
            None => text.push('_'),
        }
    }
    text.push('>');
}

fn braces<'a>(
    text: &mut String,
    keyword: &str,
    parts: impl Iterator<Item = (&'a str, &'static str, Option<Type>)>,
    names: &Names,
    depth: usize,
) {
    text.push_str(keyword);
    let Some(depth) = depth.checked_sub(1) else {
        return text.push_str(" { .. }");
    };
    text.push_str(" { ");
    for (nth, (name, separator, ty)) in parts.enumerate() {
        text.push_str(if nth == 0 { "" } else { ", " });
        text.push_str(name);
        if let Some(ty) = ty {
            text.push_str(separator);
            push(text, &ty, names, depth);
            text.push_str(if separator == "(" { ")" } else { "" });
        }
    }
    text.push_str(" }");
}
