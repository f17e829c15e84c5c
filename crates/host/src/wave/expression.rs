//! The text of a call, not yet checked against a component.

use core::str::FromStr;

use wasmtime::component::wasm_wave::lex::{Lexer, Token};
use wasmtime::component::wasm_wave::parser::ParserError;
use wasmtime::component::wasm_wave::untyped::UntypedFuncCall;

/// `greet("bob")` or `ns:pkg/iface@1.0.0#greet("bob")`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    pub(super) interface: Option<String>,
    pub(super) function: String,
    /// The arguments as a WAVE call of a function `f`: names of exports may have a form that
    /// WAVE's grammar of calls has no room for.
    pub(super) call: String,
}

/// The text is no call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExpression {
    /// There is no `(`.
    #[error("`{0}` is no call: write the arguments too, as in `{0}()` or `{0}(\"bob\", 5)`")]
    NoArguments(String),
    /// There is nothing before the `(`.
    #[error("`{0}` names no function: write `FUNC(ARGS)`, as in `greet(\"bob\")`")]
    NoFunction(String),
    /// The arguments are not WAVE.
    #[error("the arguments `{arguments}` are not WAVE: {reason}")]
    Syntax {
        /// The arguments as written.
        arguments: String,
        /// What the parser says, and where.
        reason: String,
    },
    /// Brackets in brackets in brackets.
    #[error("the arguments are nested more than {max} levels deep", max = MAX_DEPTH)]
    TooDeep,
}

/// WAVE's parser recurses; the types of a component are never nested as deep as this.
const MAX_DEPTH: usize = 128;

impl FromStr for Expression {
    type Err = InvalidExpression;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let Some(open) = text.find('(') else {
            return Err(InvalidExpression::NoArguments(text.into()));
        };
        let (path, arguments) = text.split_at(open);
        let (interface, function) = match path.trim().rsplit_once('#') {
            Some((interface, function)) => (Some(interface.trim()), function.trim()),
            None => (None, path.trim()),
        };
        if function.is_empty() || interface.is_some_and(str::is_empty) {
            return Err(InvalidExpression::NoFunction(text.into()));
        }
        if is_too_deep(arguments) {
            return Err(InvalidExpression::TooDeep);
        }
        let expression = Self {
            interface: interface.map(str::to_owned),
            function: function.to_owned(),
            call: format!("f{arguments}"),
        };
        match UntypedFuncCall::parse(&expression.call) {
            Ok(_) => Ok(expression),
            Err(error) => Err(InvalidExpression::Syntax {
                arguments: arguments.to_owned(),
                reason: reason(&error, &expression.call),
            }),
        }
    }
}

fn is_too_deep(arguments: &str) -> bool {
    let mut depth = 0_usize;
    Lexer::new(arguments).any(|token| {
        match token {
            Ok(Token::ParenOpen | Token::BracketOpen | Token::BraceOpen) => depth += 1,
            Ok(Token::ParenClose | Token::BracketClose | Token::BraceClose) => {
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
        depth > MAX_DEPTH
    })
}

/// What WAVE's parser found wrong and the text it found it at.
pub(super) fn reason(error: &ParserError, call: &str) -> String {
    let what = error.to_string();
    // Its own text ends in byte offsets, which help nobody.
    let what = what.split(" at ").next().unwrap_or_default();
    match call.get(error.span()).map(str::trim) {
        Some(place) if !place.is_empty() => format!("{what} at `{place}`"),
        _ => format!("{what} at the end"),
    }
}
