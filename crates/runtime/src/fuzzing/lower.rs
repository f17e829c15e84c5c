//! Failures in the types that guests have for them.

use arbitrary::{Result, Unstructured};
use wasm_encoder::{ComponentValType, PrimitiveValType};
use wasmtime::component::{Type, Val};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::types::{ENGINE, Types};
use crate::codec::host;
use crate::lower::{LowerError, LowerPlan};

/// A guest's type is refused, for a reason that is there, or every failure is a value of it, and
/// says as much as it has room for.
pub fn lower_error(data: &[u8]) {
    let _ = run(&mut Unstructured::new(data));
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let mut types = Types::new();
    let ty = if u.int_in_range(0..=15)? == 0 {
        types.any(u, 2)?
    } else {
        errors(&mut types, u)?
    };
    let ty = types.finish(ty).ty;
    let message = u.arbitrary::<String>()?;
    match LowerPlan::new(&ty) {
        Ok(plan) => {
            let store = &mut host::store(&ENGINE);
            for kind in RpcErrorKind::ALL {
                for delivery in Delivery::ALL {
                    let error = RpcError::new(kind, delivery, message.clone());
                    let value = plan.lower(&error);
                    host::encode(store, &value, &ty).expect("it is a value of the type");
                    says(&value, &error, &ty);
                }
            }
        }
        Err(LowerError::NotAVariant) => assert!(!matches!(ty, Type::Variant(_))),
        Err(LowerError::NoOther) => assert!(!has_case(&ty, "other")),
        Err(
            LowerError::Payload { case }
            | LowerError::FieldType { case, .. }
            | LowerError::UnknownField { case, .. }
            | LowerError::Delivery { case, .. },
        ) => assert!(has_case(&ty, &case), "{case}"),
    }
    Ok(())
}

fn has_case(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Variant(ty) if ty.cases().any(|case| case.name == name))
}

/// The value says what happened: by the name of its case, or else in its message.
fn says(value: &Val, error: &RpcError, ty: &Type) {
    let Val::Variant(case, payload) = value else {
        panic!("no variant: {value:?}");
    };
    let own = error.kind().as_str();
    assert_eq!(case, if has_case(ty, own) { own } else { "other" });
    let message = match payload.as_deref() {
        Some(Val::String(message)) => message,
        Some(Val::Record(fields)) => {
            for (name, value) in fields {
                if let ("delivery", Val::Enum(delivery)) = (name.as_str(), value) {
                    let is_own = delivery == error.delivery().as_str();
                    assert!(is_own || delivery == "unknown", "{delivery}");
                }
            }
            match fields.iter().find(|(name, _)| name == "message") {
                Some((_, Val::String(message))) => message,
                _ => return,
            }
        }
        _ => return,
    };
    assert!(message.ends_with(error.message()), "{message:?}");
    assert!(case == own || message.contains(own), "{message:?}");
}

/// A type that is more or less an `rpc-error`.
fn errors(types: &mut Types, u: &mut Unstructured<'_>) -> Result<ComponentValType> {
    let kinds = RpcErrorKind::ALL.map(RpcErrorKind::as_str);
    let mut names: Vec<&str> = Vec::new();
    for name in kinds.into_iter().chain(["quota", "future"]) {
        if u.arbitrary()? {
            names.push(name);
        }
    }
    if names.is_empty() {
        names.push("other");
    }
    let mut cases = Vec::new();
    for name in names {
        let payload = match u.int_in_range(0..=5)? {
            0 => None,
            1 => Some(PrimitiveValType::String.into()),
            2 => Some(types.any(u, 1)?),
            _ => Some(failure(types, u)?),
        };
        cases.push((name, payload));
    }
    Ok(types.variant(cases))
}

/// A type that is more or less a `failure`.
fn failure(types: &mut Types, u: &mut Unstructured<'_>) -> Result<ComponentValType> {
    let mut fields = Vec::new();
    for name in ["delivery", "message", "code"] {
        let ty = match u.int_in_range(0..=7)? {
            0 => continue,
            1 => types.any(u, 1)?,
            _ => match name {
                "delivery" => deliveries(types, u)?,
                "message" => PrimitiveValType::String.into(),
                _ => {
                    let code = types.any(u, 0)?;
                    types.option(code)
                }
            },
        };
        let is_optional = u.int_in_range(0..=3)? == 0;
        fields.push((name, if is_optional { types.option(ty) } else { ty }));
    }
    Ok(match fields.as_slice() {
        [] => PrimitiveValType::String.into(),
        _ => types.record(fields),
    })
}

fn deliveries(types: &mut Types, u: &mut Unstructured<'_>) -> Result<ComponentValType> {
    let mut names = Vec::new();
    for name in ["not-sent", "unknown", "accepted", "lost"] {
        if u.int_in_range(0..=7)? > 0 {
            names.push(name);
        }
    }
    if names.is_empty() {
        names.push("unknown");
    }
    Ok(types.enumeration(&names))
}
