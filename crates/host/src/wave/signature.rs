//! Function types as a person writes them in WIT.

use core::fmt::Write as _;

use wasmtime::component::Type;
use wasmtime::component::types::ComponentFunc;

/// Levels of nesting that are spelled out in a parameter. Types have no names at run time, so a
/// deep one would fill the screen.
const PARAM_DEPTH: usize = 4;
const RESULT_DEPTH: usize = 2;

/// `greet: func(name: string) -> result<string, variant { timeout(record { .. }), .. }>`
pub(super) fn signature(name: &str, ty: &ComponentFunc) -> String {
    let mut text = format!("{name}: func(");
    for (nth, (name, ty)) in ty.params().enumerate() {
        let _ = write!(text, "{}{name}: ", if nth == 0 { "" } else { ", " });
        push(&mut text, &ty, PARAM_DEPTH);
    }
    text.push(')');
    for ty in ty.results() {
        text.push_str(" -> ");
        push(&mut text, &ty, RESULT_DEPTH);
    }
    text
}

/// A type, spelled out to `depth` levels.
pub(super) fn push(text: &mut String, ty: &Type, depth: usize) {
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
        Type::List(ty) => return generic(text, "list", [Some(ty.ty())], depth),
        Type::Option(ty) => return generic(text, "option", [Some(ty.ty())], depth),
        Type::Tuple(ty) => return generic(text, "tuple", ty.types().map(Some), depth),
        Type::Result(ty) => return result(text, ty.ok(), ty.err(), depth),
        Type::Record(ty) => {
            let fields = ty.fields().map(|field| (field.name, ": ", Some(field.ty)));
            return braces(text, "record", fields, depth);
        }
        Type::Variant(ty) => {
            let cases = ty.cases().map(|case| (case.name, "(", case.ty));
            return braces(text, "variant", cases, depth);
        }
        Type::Enum(ty) => {
            let names = ty.names().map(|name| (name, "", None));
            return braces(text, "enum", names, depth);
        }
        Type::Flags(ty) => {
            let names = ty.names().map(|name| (name, "", None));
            return braces(text, "flags", names, depth);
        }
    };
    text.push_str(name);
}

fn result(text: &mut String, ok: Option<Type>, err: Option<Type>, depth: usize) {
    match (ok, err) {
        (None, None) => text.push_str("result"),
        (ok, None) => generic(text, "result", [ok], depth),
        (ok, err) => generic(text, "result", [ok, err], depth),
    }
}

fn generic(
    text: &mut String,
    name: &str,
    types: impl IntoIterator<Item = Option<Type>>,
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
            Some(ty) => push(text, &ty, depth),
            None => text.push('_'),
        }
    }
    text.push('>');
}

fn braces<'a>(
    text: &mut String,
    keyword: &str,
    parts: impl Iterator<Item = (&'a str, &'static str, Option<Type>)>,
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
            push(text, &ty, depth);
            text.push_str(if separator == "(" { ")" } else { "" });
        }
    }
    text.push_str(" }");
}
