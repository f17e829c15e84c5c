//! Structure of types. Wasmtime's types have no names, so a type is known by its structure.

use wasmtime::component::Type;
use wasmtime::component::types::{ComponentFunc, Variant};
use wrpc_middleware_errors::{Delivery, RpcErrorKind};

/// Whether two types have the same structure.
///
/// `Type`'s own equality panics on resources of a component that is not instantiated yet; this
/// compares the resource types themselves.
pub(crate) fn same_type(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::List(a), Type::List(b)) => same_type(&a.ty(), &b.ty()),
        (Type::Map(a), Type::Map(b)) => {
            same_type(&a.key(), &b.key()) && same_type(&a.value(), &b.value())
        }
        (Type::Option(a), Type::Option(b)) => same_type(&a.ty(), &b.ty()),
        (Type::Result(a), Type::Result(b)) => {
            same_optional(a.ok(), b.ok()) && same_optional(a.err(), b.err())
        }
        (Type::Record(a), Type::Record(b)) => same_all(a.fields(), b.fields(), |a, b| {
            a.name == b.name && same_type(&a.ty, &b.ty)
        }),
        (Type::Tuple(a), Type::Tuple(b)) => {
            same_all(a.types(), b.types(), |a, b| same_type(&a, &b))
        }
        (Type::Variant(a), Type::Variant(b)) => same_all(a.cases(), b.cases(), |a, b| {
            a.name == b.name && same_optional(a.ty, b.ty)
        }),
        (Type::Enum(a), Type::Enum(b)) => a.names().eq(b.names()),
        (Type::Flags(a), Type::Flags(b)) => a.names().eq(b.names()),
        (Type::Own(a), Type::Own(b)) | (Type::Borrow(a), Type::Borrow(b)) => a == b,
        (Type::Future(a), Type::Future(b)) => same_optional(a.ty(), b.ty()),
        (Type::Stream(a), Type::Stream(b)) => same_optional(a.ty(), b.ty()),
        _ => is_plain(a) && core::mem::discriminant(a) == core::mem::discriminant(b),
    }
}

/// A type that is known by its kind alone.
fn is_plain(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Bool
            | Type::S8
            | Type::U8
            | Type::S16
            | Type::U16
            | Type::S32
            | Type::U32
            | Type::S64
            | Type::U64
            | Type::Float32
            | Type::Float64
            | Type::Char
            | Type::String
            | Type::ErrorContext
    )
}

fn same_optional(a: Option<Type>, b: Option<Type>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same_type(&a, &b),
        (None, None) => true,
        _ => false,
    }
}

fn same_all<T>(
    a: impl ExactSizeIterator<Item = T>,
    b: impl ExactSizeIterator<Item = T>,
    same: impl Fn(T, T) -> bool,
) -> bool {
    a.len() == b.len() && a.zip(b).all(|(a, b)| same(a, b))
}

/// Whether `ty` has exactly the structure of `wrpc:errors/types@0.1.0.rpc-error`.
pub(crate) fn is_published_rpc_error(ty: &Type) -> bool {
    let Type::Variant(ty) = ty else {
        return false;
    };
    ty.cases().len() == RpcErrorKind::ALL.len()
        && ty
            .cases()
            .zip(RpcErrorKind::ALL)
            .all(|(case, kind)| case.name == kind.as_str())
        && carries_failures(ty)
}

fn carries_failures(ty: &Variant) -> bool {
    ty.cases().all(|case| {
        let Some(Type::Record(failure)) = case.ty else {
            return false;
        };
        let mut fields = failure.fields();
        let (Some(delivery), Some(message), None) = (fields.next(), fields.next(), fields.next())
        else {
            return false;
        };
        let Type::Enum(deliveries) = delivery.ty else {
            return false;
        };
        delivery.name == "delivery"
            && deliveries.names().eq(Delivery::ALL.map(Delivery::as_str))
            && message.name == "message"
            && message.ty == Type::String
    })
}

/// The first type within a function's that can't travel, if any.
pub(crate) fn uncarried_func(ty: &ComponentFunc) -> Option<&'static str> {
    ty.params()
        .find_map(|(_, ty)| uncarried(&ty))
        .or_else(|| ty.results().find_map(|ty| uncarried(&ty)))
}

/// The first type within `ty` that Wasmtime's dynamic values can't carry, by its WIT name.
fn uncarried(ty: &Type) -> Option<&'static str> {
    match ty {
        Type::Stream(_) => Some("stream"),
        Type::Future(_) => Some("future"),
        Type::ErrorContext => Some("error-context"),
        Type::Map(_) => Some("map"),
        Type::List(ty) => uncarried(&ty.ty()),
        Type::Option(ty) => uncarried(&ty.ty()),
        Type::Result(ty) => [ty.ok(), ty.err()]
            .into_iter()
            .flatten()
            .find_map(|ty| uncarried(&ty)),
        Type::Record(ty) => ty.fields().find_map(|field| uncarried(&field.ty)),
        Type::Tuple(ty) => ty.types().find_map(|ty| uncarried(&ty)),
        Type::Variant(ty) => ty
            .cases()
            .filter_map(|case| case.ty)
            .find_map(|ty| uncarried(&ty)),
        _ => None,
    }
}

/// Whether each resource within `ty` is one that `known` knows.
pub(crate) fn all_resources(ty: &Type, known: &impl Fn(&Type) -> bool) -> bool {
    match ty {
        Type::Own(_) | Type::Borrow(_) => known(ty),
        Type::List(ty) => all_resources(&ty.ty(), known),
        Type::Option(ty) => all_resources(&ty.ty(), known),
        Type::Result(ty) => [ty.ok(), ty.err()]
            .into_iter()
            .flatten()
            .all(|ty| all_resources(&ty, known)),
        Type::Record(ty) => ty.fields().all(|field| all_resources(&field.ty, known)),
        Type::Tuple(ty) => ty.types().all(|ty| all_resources(&ty, known)),
        Type::Variant(ty) => ty
            .cases()
            .filter_map(|case| case.ty)
            .all(|ty| all_resources(&ty, known)),
        _ => true,
    }
}
