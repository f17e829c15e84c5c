use std::path::Path;

use wasmtime::component::{Component, Val};
use wasmtime::{Config, Engine};

use super::*;

/// Exports with two interfaces in two versions, and one at the root.
const WAT: &str = r#"
(component
    (core module $m
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
        (func (export "f") (param i32 i32) (result i32) (local.get 1))
        (func (export "g") (param i32 i32 i32)))
    (core instance $i (instantiate $m))
    (alias core export $i "memory" (core memory $mem))
    (alias core export $i "realloc" (core func $realloc))
    (type $f (func (param "name" string) (result u32)))
    (func $f (type $f) (canon lift (core func $i "f") (memory $mem) (realloc $realloc)))
    (func $g (param "n" u8) (param "more" (option bool)) (canon lift (core func $i "g")))
    (instance $greeter (export "greet" (func $f)))
    (instance $both (export "greet" (func $f)) (export "set" (func $g)) (export "rooted" (func $f)))
    (export "test:app/greeter@1.0.0" (instance $greeter))
    (export "test:app/both@1.0.0" (instance $both))
    (export "test:app/both@2.0.0" (instance $both))
    (export "rooted" (func $f)))
"#;

fn component() -> Component {
    let engine = Engine::new(&Config::new()).unwrap();
    crate::component::compile(&engine, Path::new("test.wat"), WAT.as_bytes()).unwrap()
}

fn find(text: &str) -> Result<Export, ExpressionError> {
    Export::find(&component(), &text.parse()?)
}

fn arguments(text: &str) -> Result<Vec<Val>, ExpressionError> {
    let expression = text.parse()?;
    Export::find(&component(), &expression)?.arguments(&expression)
}

#[test]
fn functions_are_found_by_as_much_as_is_unambiguous() {
    for text in [
        "test:app/greeter@1.0.0#greet(\"bob\")",
        "test:app/greeter#greet(\"bob\")",
        "  test:app/greeter # greet (\"bob\")  ",
        "test:app/both@2.0.0#greet(\"bob\")",
        "rooted(\"bob\")",
    ] {
        let signature = find(text).unwrap().signature();
        assert!(
            signature.ends_with(": func(name: string) -> u32"),
            "{signature}"
        );
    }
}

#[test]
fn unknown_and_ambiguous_functions_list_the_candidates() {
    assert_eq!(
        find("sing()").unwrap_err().to_string(),
        "the component exports no function `sing`; it exports:
  test:app/greeter@1.0.0#greet: func(name: string) -> u32
  test:app/both@1.0.0#greet: func(name: string) -> u32
  test:app/both@1.0.0#set: func(n: u8, more: option<bool>)
  test:app/both@1.0.0#rooted: func(name: string) -> u32
  test:app/both@2.0.0#greet: func(name: string) -> u32
  test:app/both@2.0.0#set: func(n: u8, more: option<bool>)
  test:app/both@2.0.0#rooted: func(name: string) -> u32
  rooted: func(name: string) -> u32"
    );
    assert_eq!(
        find("test:app/both#set(1)").unwrap_err().to_string(),
        "`test:app/both#set` is exported more than once; write one of:
  test:app/both@1.0.0#set: func(n: u8, more: option<bool>)
  test:app/both@2.0.0#set: func(n: u8, more: option<bool>)"
    );
    assert!(matches!(
        find("test:app/greeter@9.0.0#greet()"),
        Err(ExpressionError::Unknown { .. })
    ));
}

#[test]
fn arguments_have_the_types_of_the_function() {
    assert_eq!(
        arguments("rooted(\"b\\\"ob\")").unwrap(),
        [Val::String("b\"ob".into())]
    );
    let set = "test:app/both@2.0.0#set";
    assert_eq!(
        arguments(&format!("{set}(7)")).unwrap(),
        [Val::U8(7), Val::Option(None)]
    );
    assert_eq!(
        arguments(&format!("{set}(7, some(true))")).unwrap(),
        [Val::U8(7), Val::Option(Some(Box::new(Val::Bool(true))))]
    );
}

#[test]
fn wrong_arguments_say_what_is_expected() {
    let set = "test:app/both@2.0.0#set";
    let table = [
        (
            "rooted(5)".to_owned(),
            "argument 1 `name` takes string: ",
            "the function is `rooted: func(name: string) -> u32`",
        ),
        (
            "rooted()".to_owned(),
            "0 arguments for `rooted: func(name: string) -> u32`, which takes 1",
            "",
        ),
        (
            "rooted(\"a\", \"b\")".to_owned(),
            "2 arguments for `rooted: func(name: string) -> u32`, which takes 1",
            "",
        ),
        (
            format!("{set}(300)"),
            "argument 1 `n` takes u8: ",
            "at `300`; the function is",
        ),
        (
            format!("{set}(1, maybe)"),
            "argument 2 `more` takes option<bool>: ",
            "at `maybe`; the function is",
        ),
    ];
    for (text, start, part) in table {
        let message = arguments(&text).unwrap_err().to_string();
        assert!(
            message.starts_with(start) && message.contains(part),
            "{message}"
        );
    }
}

#[test]
fn what_is_no_call_says_so() {
    let table = [
        ("greet", "`greet` is no call: write the arguments too"),
        ("(1)", "`(1)` names no function"),
        ("#greet(1)", "`#greet(1)` names no function"),
        ("greet(", "the arguments `(` are not WAVE: "),
        ("greet(1) 2", "the arguments `(1) 2` are not WAVE: "),
        ("greet(\"bob)", "the arguments `(\"bob)` are not WAVE: "),
        ("", "`` is no call"),
    ];
    for (text, start) in table {
        let message = text.parse::<Expression>().unwrap_err().to_string();
        assert!(message.starts_with(start), "{text}: {message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    let deep = format!("f({}", "[".repeat(100_000));
    assert_eq!(deep.parse::<Expression>(), Err(InvalidExpression::TooDeep));
    let string = format!("f(\"{}\")", "[".repeat(1000));
    assert!(string.parse::<Expression>().is_ok());
}

#[test]
fn results_are_printed_as_wave() {
    let ok = Val::Result(Ok(Some(Box::new(Val::String("hi".into())))));
    assert_eq!(print(&[ok]), "ok(\"hi\")");
    assert_eq!(print(&[]), "()");
    assert_eq!(print(&[Val::Result(Err(None))]), "err");
}
