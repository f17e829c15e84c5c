//! Calls written as text: `FUNC(ARGS)` in WAVE, the text form of component values.
//!
//! [`Expression`] is the text taken apart, [`Export`] the function of a component that it names,
//! [`Export::arguments`] the values, [`print`] the way back.

mod export;
mod expression;
mod signature;

pub use export::{Export, ExpressionError};
pub use expression::{Expression, InvalidExpression};
use wasmtime::component::{Val, wasm_wave};

/// The results of a call as WAVE, `()` for none.
///
/// Only for values of types that WAVE has a text for, which [`Export::find`] sees to; others are
/// named, not written.
#[must_use]
pub fn print(results: &[Val]) -> String {
    let one = |value: &Val| {
        if !is_printable(value) {
            return "<no WAVE text>".to_owned();
        }
        wasm_wave::to_string(value).unwrap_or_else(|error| format!("<{error}>"))
    };
    match results {
        [value] => one(value),
        values => format!(
            "({})",
            values.iter().map(one).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// The writer of WAVE panics on a value of another kind.
fn is_printable(value: &Val) -> bool {
    match value {
        Val::Resource(_) | Val::Stream(_) | Val::Future(_) | Val::ErrorContext(_) | Val::Map(_) => {
            false
        }
        Val::List(values) | Val::Tuple(values) => values.iter().all(is_printable),
        Val::Record(fields) => fields.iter().all(|(_, value)| is_printable(value)),
        Val::Variant(_, value) | Val::Option(value) | Val::Result(Ok(value) | Err(value)) => {
            value.as_deref().is_none_or(is_printable)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests;
