//! How a function returns a failure, decided when it is linked.

use wasmtime::component::types::{ComponentFunc, ResultType};
use wasmtime::component::{Type, Val};
use wrpc_middleware_errors::RpcError;

use super::{LinkErrorCause, LinkOptions, OnFailure};
use crate::introspect::{FunctionName, same_type, uncarried_func};
use crate::lower::LowerPlan;

/// The names of a case that stands for anything, most specific first.
const CATCH_ALL: [&str; 5] = [
    "other",
    "unexpected",
    "unknown",
    "internal",
    "internal-error",
];

/// What travels back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// The results, as declared.
    Declared,
    /// The `ok` value of the one result.
    Ok,
}

/// How a failure becomes a result of the function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failure {
    /// `result<T, rpc-error>`.
    Typed(LowerPlan),
    /// `result<T, wrpc:rpc/error.error>`.
    Resource,
    /// `result<T, E>`, where a case of `E` carries `rpc-error`.
    Case(Box<str>, LowerPlan),
    /// `result<T, string>`.
    Text,
    /// `result<T, E>`, where a catch-all case of `E` carries `string`.
    TextCase(Box<str>),
    /// A trap.
    Trap,
}

/// Everything about a function that does not change between its calls.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FunctionPlan {
    pub(crate) wire: Wire,
    pub(crate) failure: Failure,
}

impl FunctionPlan {
    /// The plan for a function of type `ty`.
    ///
    /// # Errors
    ///
    /// Says why the function can't be called over wRPC.
    pub(crate) fn new(
        function: &FunctionName,
        ty: &ComponentFunc,
        options: &LinkOptions,
    ) -> Result<Self, LinkErrorCause> {
        if ty.async_() {
            return Err(LinkErrorCause::Async);
        }
        if let Some(ty) = uncarried_func(ty) {
            return Err(LinkErrorCause::Type { ty });
        }
        let mut results = ty.results();
        let result = match (results.next(), results.next()) {
            (Some(Type::Result(result)), None) => Some(result),
            _ => None,
        };
        let bare = options.bareness(function);
        if bare.function && result.is_none() {
            return Err(LinkErrorCause::NotAResult);
        }
        let failure = match result.as_ref().and_then(ResultType::err) {
            Some(err) => Failure::new(&err, options)?,
            None => Failure::Trap,
        };
        let unwrapped = failure == Failure::Resource || bare.function || bare.instance;
        let wire = if result.is_some() && unwrapped {
            Wire::Ok
        } else {
            Wire::Declared
        };
        Ok(Self { wire, failure })
    }

    /// The types of the values that travel back, given the declared ones.
    pub(crate) fn wire_types(&self, results: impl Iterator<Item = Type>) -> Vec<Type> {
        match self.wire {
            Wire::Declared => results.collect(),
            Wire::Ok => results
                .filter_map(|ty| match ty {
                    Type::Result(result) => result.ok(),
                    _ => None,
                })
                .collect(),
        }
    }

    /// The results of the function, given the values that travelled.
    pub(crate) fn results(&self, values: Vec<Val>) -> Vec<Val> {
        match self.wire {
            Wire::Declared => values,
            Wire::Ok => {
                let ok = values.into_iter().next().map(Box::new);
                vec![Val::Result(Ok(ok))]
            }
        }
    }
}

impl Failure {
    /// The first row of the table that fits the error type of a `result`.
    fn new(err: &Type, options: &LinkOptions) -> Result<Self, LinkErrorCause> {
        if options.is_rpc_error(err) {
            return Ok(Self::Typed(LowerPlan::new(err)?));
        }
        if options.is_error_resource(err) {
            return Ok(Self::Resource);
        }
        if let Type::Variant(variant) = err {
            let carrier = variant.cases().find_map(|case| {
                let ty = case.ty?;
                options.is_rpc_error(&ty).then(|| (case.name.into(), ty))
            });
            if let Some((case, ty)) = carrier {
                return Ok(Self::Case(case, LowerPlan::new(&ty)?));
            }
        }
        if options.string_errors {
            match err {
                Type::String => return Ok(Self::Text),
                Type::Variant(variant) => {
                    let carries_text = |name: &&str| {
                        variant.cases().any(|case| {
                            case.name == *name
                                && case.ty.is_some_and(|ty| same_type(&ty, &Type::String))
                        })
                    };
                    if let Some(case) = CATCH_ALL.into_iter().find(carries_text) {
                        return Ok(Self::TextCase(case.into()));
                    }
                }
                _ => {}
            }
        }
        Ok(Self::Trap)
    }

    /// The error value of the function's `result`; `None` where it takes more than a value.
    pub(crate) fn lower(&self, error: &RpcError) -> Option<Val> {
        match self {
            Self::Typed(plan) => Some(plan.lower(error)),
            Self::Case(case, plan) => Some(Val::Variant(
                case.to_string(),
                Some(Box::new(plan.lower(error))),
            )),
            Self::Text => Some(Val::String(error.to_string())),
            Self::TextCase(case) => Some(Val::Variant(
                case.to_string(),
                Some(Box::new(Val::String(error.to_string()))),
            )),
            Self::Resource | Self::Trap => None,
        }
    }

    /// The row of the table, for a person.
    pub(crate) fn kind(&self) -> OnFailure {
        match self {
            Self::Typed(_) => OnFailure::RpcError,
            Self::Resource => OnFailure::Resource,
            Self::Case(case, _) => OnFailure::Case(case.clone()),
            Self::Text => OnFailure::Message(None),
            Self::TextCase(case) => OnFailure::Message(Some(case.clone())),
            Self::Trap => OnFailure::Trap,
        }
    }
}
