//! From an [`RpcError`] to a value of the guest's own `rpc-error`.
//!
//! Guests are built against versions of `wrpc:errors` of their own, so nothing is matched by
//! position: a case is looked up by the name of the [kind](wrpc_middleware_errors::RpcErrorKind),
//! a field by its own. The lookups are done once, at link time, where a type that can't be filled
//! is refused; a failure only fills in what the plan says.

mod error;
mod payload;

pub use error::LowerError;

use wasmtime::component::{Type, Val};
use wrpc_middleware_errors::{RpcError, RpcErrorKind};

use self::payload::Payload;

/// The case for every kind that the guest's type does not know.
const OTHER: &str = "other";

/// How each kind of failure becomes a value of one guest's `rpc-error`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LowerPlan {
    known: Vec<(RpcErrorKind, Case)>,
    other: Case,
}

#[derive(Clone, Debug, PartialEq)]
struct Case {
    name: Box<str>,
    payload: Option<Payload>,
}

impl LowerPlan {
    /// The plan for a guest's `rpc-error`.
    ///
    /// # Errors
    ///
    /// Says what the type lacks.
    pub(crate) fn new(ty: &Type) -> Result<Self, LowerError> {
        let Type::Variant(ty) = ty else {
            return Err(LowerError::NotAVariant);
        };
        let find = |name: &str| {
            ty.cases()
                .find(|case| case.name == name)
                .map(|case| {
                    let payload = case.ty.map(|ty| Payload::new(&ty, case.name)).transpose()?;
                    Ok(Case {
                        name: case.name.into(),
                        payload,
                    })
                })
                .transpose()
        };
        let other = find(OTHER)?.ok_or(LowerError::NoOther)?;
        let mut known = Vec::new();
        for kind in RpcErrorKind::ALL {
            if let Some(case) = find(kind.as_str())? {
                known.push((kind, case));
            }
        }
        Ok(Self { known, other })
    }

    /// `error` as the guest knows it.
    pub(crate) fn lower(&self, error: &RpcError) -> Val {
        let case = self
            .known
            .iter()
            .find_map(|(kind, case)| (*kind == error.kind()).then_some(case))
            .unwrap_or(&self.other);
        let payload = case.payload.as_ref().map(|payload| {
            let message = if case.name.as_ref() == error.kind().as_str() {
                error.message().to_string()
            } else {
                // The case does not say what happened, so the message has to.
                error.to_string()
            };
            Box::new(payload.fill(error.delivery(), message))
        });
        Val::Variant(case.name.to_string(), payload)
    }
}
