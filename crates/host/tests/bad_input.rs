//! Whatever is wrong with the input: what the person is told, and the exit code.
//!
//! Nothing in here needs NATS: all input is checked before anything connects.

mod support;

use support::{Files, output, program, run};

/// Runs `wrpc-host` with the words of `args`, where `'` encloses a word with blanks.
fn assert_refused(files: &Files, args: &str, code: i32, expected: &[&str]) {
    let words = args.split('\'').enumerate().flat_map(|(nth, part)| {
        if nth % 2 == 1 {
            vec![part]
        } else {
            part.split_whitespace().collect()
        }
    });
    run(files, words).assert_refused(args, code, expected);
}

#[test]
fn a_file_that_is_no_component() {
    let files = Files::new();
    let table: &[(&str, &[&str])] = &[
        (
            "core.wasm",
            &[
                "error: `core.wasm` is a core module, not a component",
                "wasm-tools component new core.wasm",
            ],
        ),
        (
            "cut.wasm",
            &[
                "error: `cut.wasm` is not a valid component: the file is truncated, damaged",
                "caused by: ",
            ],
        ),
        (
            "none.wasm",
            &[
                "error: can't read the component `none.wasm`",
                "caused by: No such file",
            ],
        ),
        (
            "text.txt",
            &["error: `text.txt` is not a WebAssembly component: it starts with neither"],
        ),
        (
            "empty.wasm",
            &["error: `empty.wasm` is not a WebAssembly component"],
        ),
        (
            "broken.wat",
            &[
                "error: `broken.wat` is not valid WebAssembly text",
                "broken.wat:2:",
            ],
        ),
        (".", &["error: can't read the component `.`"]),
    ];
    for (file, expected) in table {
        assert_refused(&files, &format!("call --id a {file} f()"), 2, expected);
        assert_refused(&files, &format!("serve --id a {file}"), 2, expected);
    }
}

#[test]
fn a_component_that_can_t_be_linked_or_served() {
    let files = Files::new();
    assert_refused(
        &files,
        "serve --id a module.wat",
        2,
        &["error: the component can't be linked", "caused by: ", "m"],
    );
}

#[test]
fn a_call_that_does_not_fit() {
    let files = Files::new();
    let signature = "greet: func(name: string) -> result<string, rpc-error>";
    let table: &[(&str, &[&str])] = &[
        (
            "greet(5)",
            &[
                "error: argument 1 `name` takes string: ",
                "at `5`; the function is `",
                signature,
            ],
        ),
        (
            "greet()",
            &["error: 0 arguments for `", signature, "which takes 1"],
        ),
        (
            "greet(\"a\", 2)",
            &["error: 2 arguments for `", signature, "which takes 1"],
        ),
        (
            "sing(\"a\")",
            &[
                "error: the component exports no function `sing`; it exports:\n  ",
                signature,
            ],
        ),
        (
            "test:app/greeter#greet(\"a\")",
            &["error: the component exports no function `test:app/greeter#greet`"],
        ),
        ("greet", &["`greet` is no call: write the arguments too"]),
        ("greet(\"a\"", &["the arguments `(\"a\"` are not WAVE: "]),
        ("(\"a\")", &["names no function: write `FUNC(ARGS)`"]),
    ];
    for (call, expected) in table {
        let args = format!("call --id a client.wasm '{call}'");
        assert_refused(&files, &args, 2, expected);
    }
    let deep = format!("call --id a client.wasm greet({}", "[".repeat(50_000));
    assert_refused(&files, &deep, 2, &["nested more than 128 levels deep"]);
}

#[test]
fn a_links_file_with_a_mistake() {
    let files = Files::new();
    let link = "[[link]]\nsource = \"a\"\ntarget = \"b\"\ninterface = \"test:app/greeter\"\n";
    let table = [
        (
            format!("{link}tagret = \"c\"\n"),
            "bad.toml:5: unknown key `tagret`",
        ),
        (
            link.replace("interface = \"test:app/greeter\"\n", ""),
            "bad.toml:1: missing key `interface`",
        ),
        (
            link.replace("\"b\"", "7"),
            "bad.toml:3: `target` takes a string, not an integer",
        ),
        (
            link.replace("test:app/greeter", "greeter"),
            "bad.toml:4: `interface` is malformed: ",
        ),
        (
            link.replace("\"b\"", "\"b.*\""),
            "bad.toml:3: `target` is no component id: `.` is not allowed",
        ),
        (
            link.replace("\"a\"", "\"a b\""),
            "bad.toml:2: `source` is no component id: ` ` is not allowed",
        ),
        (
            format!("{link}{link}"),
            "bad.toml:5: duplicate link: `source`, `name` and `interface` are those of the link in line 1",
        ),
        ("[[link".into(), "bad.toml:1: not valid TOML: "),
    ];
    for (text, expected) in table {
        files.write("bad.toml", text);
        let expected = format!("error: {expected}");
        for command in [
            "call --id a --links bad.toml client.wasm 'greet(\"b\")'",
            "serve --id a --links bad.toml client.wasm",
        ] {
            assert_refused(&files, command, 2, &[&expected]);
        }
    }
    assert_refused(
        &files,
        "serve --id a --links none.toml client.wasm",
        2,
        &[
            "error: none.toml: can't read the links file",
            "caused by: No such file",
        ],
    );
}

#[test]
fn bad_usage() {
    let files = Files::new();
    let serve = "serve client.wasm";
    let table: &[(String, &str)] = &[
        (String::new(), "Usage: wrpc-host <COMMAND>"),
        (serve.into(), "--id <ID>"),
        (
            format!("{serve} --id a.b"),
            "`.` is not allowed in one token",
        ),
        (
            format!("{serve} --id '*'"),
            "`*` is not allowed in one token",
        ),
        (
            format!("{serve} --id 'a b'"),
            "` ` is not allowed in one token",
        ),
        (format!("{serve} --id ''"), "it is empty"),
        (
            format!("{serve} --id a --lattice '>'"),
            "`>` is not allowed",
        ),
        (
            format!("{serve} --id a --lattice $SYS"),
            "reserved for the NATS server",
        ),
        (
            format!("{serve} --id a --timeout 5"),
            "write a number and a unit",
        ),
        (
            format!("{serve} --id a --timeout 0s"),
            "nothing can be done in no time",
        ),
        (format!("{serve} --id a --grace 9999y"), "more than a year"),
        (
            format!("{serve} --id a --nats http://x"),
            "`--nats` takes URLs such as nats://host:4222",
        ),
        (
            format!("{serve} --id a --inbox-prefix '*'"),
            "expected tokens joined by `.`",
        ),
        (format!("{serve} --id a --password x"), "--user"),
        (format!("{serve} --id a --tlscert x"), "--tlskey"),
        (
            format!("{serve} --id a --creds x --user y"),
            "cannot be used with",
        ),
        ("call --id a client.wasm f() --repeat 0".into(), "--repeat"),
        ("call --id a client.wasm".into(), "<FUNC(ARGS)>"),
    ];
    for (args, expected) in table {
        assert_refused(&files, args, 2, &[expected]);
    }
}

#[test]
fn a_secret_in_a_bad_url_is_not_repeated() {
    let files = Files::new();
    let directory = files.path("");
    let mut serve = program(&directory);
    serve.args(["serve", "--id", "a", "client.wasm"]);
    let output = output(serve.env("NATS_URL", "nats://host,http://user:s3cret@host"));
    assert_eq!(output.code, Some(2));
    assert!(
        output.stderr.contains("the 2. is none"),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("s3cret"), "{}", output.stderr);
}

#[test]
fn files_of_nats_options() {
    let files = Files::new();
    files.write("no.creds", "nothing in here");
    let call = "serve --id a client.wasm";
    let table: &[(&str, &[&str])] = &[
        (
            "--creds none.creds",
            &[
                "can't use the file of `--creds`, `none.creds`",
                "No such file",
            ],
        ),
        (
            "--creds no.creds",
            &["can't use the file of `--creds`, `no.creds`"],
        ),
        (
            "--nkey no.creds",
            &[
                "can't use the file of `--nkey`, `no.creds`",
                "no line is the seed",
            ],
        ),
        (
            "--tlsca none.pem",
            &[
                "can't use the file of `--tlsca`, `none.pem`",
                "No such file",
            ],
        ),
        (
            "--tlscert none.pem --tlskey none.key",
            &[
                "can't use the file of `--tlscert`, `none.pem`",
                "No such file",
            ],
        ),
    ];
    for (options, expected) in table {
        assert_refused(&files, &format!("{call} {options}"), 2, expected);
    }
}

#[test]
fn an_unreachable_nats_is_said_to_be_so() {
    let files = Files::new();
    // A port that was free a moment ago, and that nobody is told of.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let expected = format!(
        "error: can't connect to NATS at {address}: start a server there, or name another with `--nats URL`"
    );
    let nats = format!("--nats nats://user:s3cret@{address}");
    for command in [
        format!("call --id a {nats} client.wasm 'greet(\"bob\")'"),
        format!("serve --id a {nats} client.wasm"),
    ] {
        assert_refused(&files, &command, 1, &[&expected, "Connection refused"]);
    }
    let output = run(
        &files,
        [
            "serve",
            "--id",
            "a",
            "client.wasm",
            "--nats",
            &format!("nats://user:s3cret@{address}"),
        ],
    );
    assert!(!output.stderr.contains("s3cret"), "{}", output.stderr);
}

#[test]
fn a_demo_without_a_nats_server() {
    let files = Files::new();
    let path = files.path("");
    let output_of = |program_: &str, args: &[&str]| {
        output(
            program(&path)
                .env("PATH", program_)
                .args(["demo"])
                .args(args),
        )
    };
    let none = output_of("", &[]);
    assert!(
        none.stderr
            .starts_with("error: no nats-server in PATH: install it"),
        "{}",
        none.stderr
    );
    assert!(none.stderr.contains("cargo xtask demo"));
    assert_eq!((none.code, none.stdout.as_str()), (Some(1), ""));

    let missing = output_of("", &["--nats-server", "./none"]);
    assert!(
        missing
            .stderr
            .starts_with("error: can't start the NATS server (`./none`)"),
        "{}",
        missing.stderr
    );
    assert_eq!((missing.code, missing.stdout.as_str()), (Some(1), ""));

    let other = output_of("", &["--nats-server", "/bin/false"]);
    assert!(
        other
            .stderr
            .starts_with("error: the NATS server ended too early"),
        "{}",
        other.stderr
    );
    assert_eq!((other.code, other.stdout.as_str()), (Some(1), ""));
}
