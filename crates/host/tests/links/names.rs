//! A component that selects among its links.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::setup::{BUCKET, run, server};
use crate::support::output;

/// A world that calls a greeter by a link of its choice.
const WORLD: &str = "
world selecting {
    use wrpc:errors/types@0.1.0.{rpc-error};

    import wrpc:links/names@0.1.0;
    import greeter;
    export greet: func(name: string) -> result<string, rpc-error>;
}

// The types of";

/// What it does before it calls: `set-link-name(\"backup\", [\"test:app/greeter\"])`.
const SELECT: &str = r#"
  (import "wrpc:links/names@0.1.0" "set-link-name" (func $set (param i32 i32 i32 i32 i32)))
  (data (i32.const 60000) "backup")
  (data (i32.const 60016) "test:app/greeter")
  (data (i32.const 60032) "\70\ea\00\00\10\00\00\00")
  (memory (export "memory") 1)"#;

const CALL: &str = "(param $len i32) (result i32)
    (call $set (i32.const 60000) (i32.const 6) (i32.const 60032) (i32.const 1) (i32.const 60064))
    ;; It has worked.
    (if (i32.load8_u (i32.const 60064)) (then unreachable))";

/// The client of the demonstration, which selects the link `backup` first.
fn selecting() -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let mut resolve = Resolve::default();
    let links = read("../../wit/deps/links/links.wit");
    resolve.push_str("links.wit", &links).unwrap();
    let greeter = read("src/demo/guests/greeter.wit").replacen("// The types of", WORLD, 1);
    let package = resolve.push_str("greeter.wit", &greeter).unwrap();
    let world = resolve.select_world(&[package], Some("selecting")).unwrap();
    let wat = read("src/demo/guests/client.wat")
        .replacen("(memory (export \"memory\") 1)", SELECT, 1)
        .replacen("(param $len i32) (result i32)", CALL, 1);
    let mut module = wat::parse_str(wat).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    let mut encoder = ComponentEncoder::default();
    let encoder = encoder.module(&module).unwrap();
    encoder.validate(true).encode().unwrap()
}

#[test]
fn a_component_selects_among_two_targets_of_one_interface() {
    let setup = server();
    setup.files.write("selecting.wasm", selecting());
    let _greeter = setup.serve("quick.wasm", &[]);
    // By default, calls go where nobody is.
    run(&setup, "links put client absent test:app/greeter");
    run(
        &setup,
        "links put client greeter test:app/greeter --name backup",
    );
    let default = output(&mut setup.call(&BUCKET, "client.wasm"));
    let start = "err(target-unavailable({delivery: not-sent, ";
    assert!(default.stdout.starts_with(start), "{}", default.stdout);
    let backup = output(&mut setup.call(&BUCKET, "selecting.wasm"));
    assert_eq!(backup.stdout, "ok(\"hello, bob\")\n");
    // A link that is not there can be selected, and permits nothing.
    run(&setup, "links rm client test:app/greeter --name backup");
    let gone = output(&mut setup.call(&BUCKET, "selecting.wasm"));
    let start = "err(link-denied({delivery: not-sent, ";
    assert!(gone.stdout.starts_with(start), "{}", gone.stdout);
    // The same by a file.
    let file = run(&setup, "links export").replace("absent", "greeter");
    setup.files.write("file.toml", file + "name = \"backup\"\n");
    let file = output(&mut setup.call(&["--links", "file.toml"], "selecting.wasm"));
    assert_eq!(file.stdout, "ok(\"hello, bob\")\n");
}
