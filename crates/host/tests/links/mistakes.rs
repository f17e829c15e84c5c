//! Whatever is wrong: what the person is told, and the exit code.

use crate::setup::{server, try_run, without_bucket};
use crate::support::setup::Setup;

#[track_caller]
fn assert_refused(setup: &Setup, args: &str, code: i32, expected: &[&str]) {
    try_run(setup, args).assert_refused(args, code, expected);
}

#[test]
fn arguments_that_mean_nothing() {
    let setup = without_bucket("");
    for (args, expected) in [
        ("links ls --links kv://a.b", "names no bucket: it takes"),
        ("links ls --links kv:links", "write `kv://BUCKET`"),
        ("links ls --links http://links", "write `kv://BUCKET`"),
        (
            "call --id a --links kv:// client.wasm f()",
            "names no bucket",
        ),
        (
            "serve --id a --links kv://a/b quick.wasm",
            "names no bucket",
        ),
        (
            "links ls --links none.toml",
            "none.toml: can't read the links file",
        ),
        (
            "links import none.toml",
            "none.toml: can't read the links file",
        ),
        ("links put a.b c test:app/x", "is not allowed in one token"),
        ("links put a c test", "names no interface"),
        (
            "links put a c test:app/x --functions a_b",
            "no name of a function",
        ),
        (
            "links put a c test:app/x --functions=",
            "no name of a function",
        ),
        ("links put a c test:app/x --name=", "no name of a link"),
        (
            "links put --links links.toml a c test:app/x",
            "`links put` changes and follows buckets only",
        ),
        (
            "links watch --links links.toml",
            "name one with `--links kv://BUCKET`",
        ),
        ("links init --replicas 0", "0 is not in 1..=5"),
        ("links permissions", "--id <ID>"),
        ("links permissions --id a --majors x", "invalid digit"),
        ("links", "Usage: wrpc-host links"),
        (
            "call --id a --links links.toml --links-max-age 1m client.wasm f()",
            "`--links-max-age` is for links that change",
        ),
        (
            "call --id a --links-max-age 0s client.wasm f()",
            "less than a second",
        ),
        ("links ls --nats http://host", "`--nats` takes URLs"),
    ] {
        assert_refused(&setup, args, 2, &[expected]);
    }
}

#[test]
fn buckets_that_are_not_there() {
    let plain = Setup::new();
    for command in [
        "ls",
        "init",
        "watch",
        "rm a test:app/x",
        "put a b test:app/x",
    ] {
        let args = format!("links {command}");
        assert_refused(
            &plain,
            &args,
            2,
            &["NATS has no JetStream here", "nats-server -js"],
        );
    }
    let setup = without_bucket("");
    for command in [
        "ls",
        "watch",
        "export",
        "import links.toml",
        "rm a test:app/x",
        "put a b test:app/x",
    ] {
        let args = format!("links {command} --links kv://other");
        let expected = ["there is no bucket `other`", "wrpc-host links init"];
        assert_refused(&setup, &args, 2, &expected);
    }
    // One server is not three.
    assert_refused(
        &setup,
        "links init --replicas 3",
        2,
        &["JetStream refused it: "],
    );
    let unreachable = "links ls --nats 127.0.0.1:1";
    assert_refused(
        &setup,
        unreachable,
        1,
        &["can't connect to NATS at 127.0.0.1:1"],
    );
}

#[test]
fn users_who_may_not() {
    let config = r#"authorization { users = [
        { user: reader, password: p, permissions: { publish: { deny: ["$KV.>"] } } }
        { user: admin, password: p }
    ] }"#;
    let setup = without_bucket(config);
    let made = try_run(&setup, "links init --user admin --password p");
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let user = "--user reader --password p";
    assert_eq!(try_run(&setup, &format!("links ls {user}")).code, Some(0));
    let put = format!("links put a b test:app/x {user}");
    let expected = [
        "NATS does not permit it: ",
        "$KV.links.a.default.test.app.x",
    ];
    assert_refused(&setup, &put, 2, &expected);
    let wrong = "links ls --user reader --password x";
    assert_refused(
        &setup,
        wrong,
        1,
        &["refused the connection: check the credentials"],
    );
}

#[test]
fn a_malformed_entry_is_told_wherever_links_are_read() {
    let setup = server();
    crate::support::setup::block_on(async {
        let nats = async_nats::connect(setup.nats.url()).await.unwrap();
        nats.publish("$KV.links.a.b", "nonsense".into())
            .await
            .unwrap();
        nats.flush().await.unwrap();
    });
    let listed = try_run(&setup, "links ls");
    assert_eq!(listed.code, Some(0));
    assert!(
        listed.stderr.contains("malformed entry"),
        "{}",
        listed.stderr
    );
    assert!(listed.stderr.contains("`a.b`"), "{}", listed.stderr);
}
