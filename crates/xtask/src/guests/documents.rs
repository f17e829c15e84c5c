//! The documentation shows what is there, and examples stand alone without differing from what they
//! were copied from.

use std::fs;
use std::path::{Path, PathBuf};

/// Precedes an extract, and names the file that it is a part of.
const MARK: &str = "<!-- examples/guests/";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .into()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The file that each extract of `document` names, and the extract.
fn extracts(document: &str) -> Vec<(&str, &str)> {
    document
        .split(MARK)
        .skip(1)
        .map(|rest| {
            let (file, rest) = rest.split_once(" -->\n```").unwrap();
            let (_language, rest) = rest.split_once('\n').unwrap();
            let (extract, _) = rest.split_once("```\n").unwrap();
            (file, extract)
        })
        .collect()
}

#[test]
fn extracts_are_found() {
    let document =
        "text\n<!-- examples/guests/a.py -->\n```python\none\ntwo\n```\ntext\n```\nthree\n```\n";
    assert_eq!(extracts(document), [("a.py", "one\ntwo\n")]);
}

#[test]
fn extracts_in_the_documentation_are_parts_of_the_examples() {
    let root = root();
    let document = read(&root.join("docs/COMPONENTS.md"));
    let extracts = extracts(&document);
    for language in ["wit/", "rust/", "javascript/", "python/"] {
        let shown = extracts.iter().any(|(file, _)| file.starts_with(language));
        assert!(shown, "no extract of {language}");
    }
    for (file, extract) in extracts {
        let source = read(&root.join("examples/guests").join(file));
        assert!(source.contains(extract), "no part of {file}:\n{extract}");
    }
}

#[test]
fn the_examples_have_the_wit_of_the_project() {
    let root = root();
    let deps = root.join("examples/guests/wit/deps");
    let copies = [
        ("wit/errors.wit", "wrpc-errors/errors.wit"),
        ("wit/deps/rpc/rpc.wit", "wrpc-rpc/rpc.wit"),
        ("wit/deps/io/error.wit", "wasi-io-0.2.0/error.wit"),
        ("wit/deps/io/poll.wit", "wasi-io-0.2.0/poll.wit"),
        ("wit/deps/io/streams.wit", "wasi-io-0.2.0/streams.wit"),
        ("wit/deps/io/world.wit", "wasi-io-0.2.0/world.wit"),
    ];
    for (original, copy) in copies {
        let same = read(&root.join(original)) == read(&deps.join(copy));
        assert!(same, "copy {original} to examples/guests/wit/deps/{copy}");
    }
}

#[test]
fn what_npm_installs_comes_from_the_public_registry() {
    let lock = read(&root().join("examples/guests/javascript/package-lock.json"));
    let elsewhere: Vec<_> = lock
        .lines()
        .filter(|line| line.contains("\"resolved\""))
        .filter(|line| !line.contains("\"https://registry.npmjs.org/"))
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}
