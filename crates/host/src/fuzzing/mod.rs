//! What holds for whatever is written on a command line. See `docs/FUZZING.md`.

#![expect(
    clippy::expect_used,
    reason = "a property panics where it does not hold"
)]

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use wasmtime::component::Component;
use wasmtime::{Config, Engine};

use crate::links::LinksArg;
use crate::wave::{Export, Expression, print};

/// A text is a call whose arguments mean the same when they are printed, or a mistake that is told
/// in a line.
pub fn wave_call(data: &[u8]) {
    let _ = call(&mut Unstructured::new(data));
}

/// Functions whose arguments have types of all kinds.
const FUNCTIONS: [&str; 10] = [
    "none", "numbers", "floats", "texts", "lists", "options", "results", "records", "variants",
    "nested",
];

/// They are there, and do nothing.
static COMPONENT: LazyLock<Component> = LazyLock::new(|| {
    let engine = Engine::new(&Config::new()).expect("the defaults are possible");
    let text = include_bytes!("component.wat");
    crate::component::compile(&engine, "component.wat".as_ref(), text).expect("it is one")
});

fn call(u: &mut Unstructured<'_>) -> Result<()> {
    let function = *u.choose(&FUNCTIONS)?;
    let is_raw = u.int_in_range(0..=7)? == 0;
    let Ok(text) = str::from_utf8(u.bytes(u.len())?) else {
        return Ok(());
    };
    let text = if is_raw {
        text.to_owned()
    } else {
        format!("{function}({text})")
    };
    let expression = match text.parse::<Expression>() {
        Ok(expression) => expression,
        Err(error) => {
            let _ = error.to_string();
            return Ok(());
        }
    };
    let export = match Export::find(&COMPONENT, &expression) {
        Ok(export) => export,
        Err(error) => {
            assert!(is_raw, "{error}");
            return Ok(());
        }
    };
    match export.arguments(&expression) {
        Ok(arguments) => {
            let printed = print(&arguments);
            let printed = match arguments.as_slice() {
                // One by itself has no parentheses.
                [_] => format!("{}({printed})", expression_name(&text)),
                _ => format!("{}{printed}", expression_name(&text)),
            };
            let again = printed.parse::<Expression>().expect(&printed);
            let again = export.arguments(&again).expect(&printed);
            // The text, as a NaN is no other's equal.
            assert_eq!(print(&again), print(&arguments), "{printed}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    Ok(())
}

/// What is called in `text`.
fn expression_name(text: &str) -> &str {
    text.split('(').next().unwrap_or_default()
}

/// An argument of `--links` is a place that is written the same way, or none.
pub fn links_arg(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    if let Ok(links) = text.parse::<LinksArg>() {
        assert_eq!(links.to_string(), text);
        assert_eq!(links.to_string().parse(), Ok(links));
    }
}

#[cfg(test)]
mod tests {
    use wrpc_middleware_fuzzing::check;

    #[test]
    fn wave_call() {
        check("wave_call", super::wave_call);
    }

    #[test]
    fn links_arg() {
        check("links_arg", super::links_arg);
    }
}
