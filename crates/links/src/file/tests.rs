use std::path::Path;

use super::*;
use crate::{Bare, InvalidEntry};

fn parse(text: &str) -> Result<Links, LinksError> {
    Links::parse(Path::new("links.toml"), text)
}

/// An error and its causes, each text once.
fn report(error: &dyn core::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        if !text.contains(&error.to_string()) {
            text = format!("{text}\n  caused by: {error}");
        }
        cause = error.source();
    }
    text
}

const GOOD: &str = r#"
[[link]]
source = "client"              # component id of the caller
target = "greeter"
interface = "test:app/greeter"

[[link]]
source = "client"
target = "other"
interface = "test:app/greeter@1.0.0"
name = "backup"
functions = ["greet", "counter.next", "counter"]
bare = ["greet"]

[[link]]
source = "greeter"
target = "client"
interface = "test:app/greeter"
bare = true
"#;

#[test]
fn every_key_is_read() {
    let links = parse(GOOD).unwrap();
    let [plain, full, bare] = links.entries() else {
        panic!("{links:?}");
    };
    assert_eq!(plain.source.as_str(), "client");
    assert_eq!(plain.target.as_str(), "greeter");
    assert_eq!(plain.name, "default");
    assert_eq!((&plain.functions, &plain.bare), (&None, &Bare::None));
    assert_eq!(full.name, "backup");
    assert_eq!(
        full.functions.as_deref().unwrap(),
        ["greet", "counter.next", "counter"]
    );
    assert_eq!(full.bare, Bare::Functions(vec!["greet".into()]));
    assert_eq!(bare.bare, Bare::All);
    assert_eq!(parse("").unwrap(), Links::default());
}

/// A link of lines 1 to 5, with line 5 as given.
fn with(line: &str) -> String {
    format!(
        "[[link]]\nsource = \"client\"\ntarget = \"greeter\"\ninterface = \"test:app/greeter\"\n{line}\n"
    )
}

/// What is wrong, the text, and how the message starts.
type Mistakes = [(&'static str, String, &'static str)];

fn assert_told(mistakes: &Mistakes) {
    for (what, text, expected) in mistakes {
        let error = parse(text).unwrap_err();
        let message = report(&error);
        assert!(
            message.starts_with(expected),
            "{what}:\n{message}\n{expected}"
        );
        assert_eq!(message.lines().count(), 1, "{what}: {message}");
    }
}

#[test]
fn a_wrong_structure_names_file_line_and_key() {
    assert_told(&[
        (
            "unknown key",
            with("tagret = \"x\""),
            "links.toml:5: unknown key `tagret`, expected `source`, `target`, `interface`, `name`, `functions` or `bare`",
        ),
        (
            "unknown top-level key",
            "\n[[links]]\n".into(),
            "links.toml:2: unknown key `links`, expected only `[[link]]`",
        ),
        (
            "missing key",
            "\n[[link]]\nsource = \"client\"\n".into(),
            "links.toml:2: missing key `target` in this `[[link]]`",
        ),
        (
            "wrong type",
            with("functions = \"greet\""),
            "links.toml:5: `functions` takes an array of strings, not a string",
        ),
        (
            "wrong type in an array",
            with("functions = [\n  \"greet\",\n  5]"),
            "links.toml:7: `functions` takes an array of strings, not an integer",
        ),
        (
            "wrong type of bare",
            with("bare = 1.5"),
            "links.toml:5: `bare` takes true, false or an array of strings, not a float",
        ),
        (
            "one link instead of a list",
            "[link]\nsource = \"client\"".into(),
            "links.toml:1: `link` takes tables: `[[link]]`, not a table",
        ),
        (
            "list of something else",
            "link = [1]".into(),
            "links.toml:1: `link` takes tables: `[[link]]`, not an integer",
        ),
        (
            "key twice",
            with("target = \"x\""),
            "links.toml:5: not valid TOML: duplicate key",
        ),
        (
            "bad TOML",
            "[[link]\n".into(),
            "links.toml:1: not valid TOML: ",
        ),
    ]);
}

#[test]
fn a_wrong_value_names_file_line_and_key() {
    let link = with("");
    assert_told(&[
        (
            "malformed interface",
            link.replace("test:app/greeter", "test/greeter"),
            "links.toml:4: `interface` ",
        ),
        (
            "wildcard in an id",
            link.replace("\"greeter\"", "\"*\""),
            "links.toml:3: `target` is no component id: `*` is not allowed in one token of a NATS subject (nor are blanks, control characters, `.`, `*`, `>`)",
        ),
        (
            "dotted id",
            link.replace("\"client\"", "\"a.b\""),
            "links.toml:2: `source` is no component id: `.` is not allowed in one token of a NATS subject (nor are blanks, control characters, `.`, `*`, `>`)",
        ),
        (
            "empty id",
            link.replace("\"client\"", "\"\""),
            "links.toml:2: `source` is no component id: it is empty",
        ),
        (
            "control character in an id",
            link.replace("\"client\"", "\"a\\r\\nb\""),
            "links.toml:2: `source` is no component id: `\\r` is not allowed in one token of a NATS subject (nor are blanks, control characters, `.`, `*`, `>`)",
        ),
        (
            "no functions",
            with("functions = []"),
            "links.toml:5: `functions` is an empty list; leave the key out to mean every function",
        ),
        (
            "impossible function",
            with("functions = [\"say hi\"]"),
            "links.toml:5: `functions` has `say hi`, which is no name of a function",
        ),
        (
            "empty link name",
            with("name = \"\""),
            "links.toml:5: `name` has ``, which is no name of a link",
        ),
        (
            "duplicate, by another version",
            format!("{link}{}", link.replace("app/greeter", "app/greeter@2.0.0")),
            "links.toml:6: duplicate link: `source`, `name` and `interface` are those of the link in line 1",
        ),
    ]);
}

#[test]
fn functions_have_the_names_that_components_give_them() {
    for good in [
        "greet", "http-2", "go-4you", "utf8", "GET", "to-JSON", "a-1.b-2",
    ] {
        let links = parse(&with(&format!("functions = [\"{good}\"]"))).unwrap();
        let functions = links.entries()[0].functions.as_deref().unwrap();
        assert_eq!(functions, [good]);
    }
    for bad in [
        "", "2-http", "a-", "-a", "a--b", "getName", "2", "a.b.c", "a.", "a_b", "é",
    ] {
        let error = parse(&with(&format!("functions = [\"{bad}\"]"))).unwrap_err();
        assert!(
            matches!(error.mistake(), Mistake::Entry(InvalidEntry::Name { .. })),
            "{bad}"
        );
    }
}

#[test]
fn the_first_mistake_of_the_file_is_told() {
    let text = "[[link]]\nzzz = 1\naaa = 1\n";
    assert_eq!(parse(text).unwrap_err().line(), Some(2));
}

#[test]
fn an_unreadable_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none.toml");
    let error = Links::read(&path).unwrap_err();
    let message = report(&error);
    assert!(
        message.contains("none.toml: can't read the links file"),
        "{message}"
    );
    assert!(message.contains("caused by: No such file"), "{message}");
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    let message = report(&Links::read(&path).unwrap_err());
    assert!(message.contains("UTF-8"), "{message}");
}

#[test]
fn what_is_printed_is_what_was_parsed() {
    let links = parse(GOOD).unwrap();
    assert_eq!(parse(&links.to_toml()).unwrap(), links);
    let odd =
        "[[link]]\nsource = 'a\"b\\'\ntarget = \"größe\"\ninterface = \"$root\"\nname = 'x\"\\y'\n";
    let links = parse(odd).unwrap();
    assert_eq!(
        parse(&links.to_toml()).unwrap(),
        links,
        "{}",
        links.to_toml()
    );
    assert_eq!(Links::default().to_toml(), "");
}

#[test]
fn collected_links_are_unique_and_in_order() {
    let links = parse(GOOD).unwrap();
    let twice = links.entries().iter().chain(links.entries()).rev().cloned();
    let collected: Links = twice.collect();
    let keys: Vec<_> = collected.entries().iter().map(Entry::key).collect();
    assert_eq!(keys.len(), 3);
    assert!(keys.is_sorted());
}
