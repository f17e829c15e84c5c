//! Hosts that follow a bucket.

use std::process::Stdio;

use nix::sys::signal::Signal;

use crate::setup::{BUCKET, run, server, try_run, without_bucket};
use crate::support::output;
use crate::support::process::Process;
use crate::support::setup::block_on;

const DENIED: &str = "err(link-denied({delivery: not-sent, ";

#[test]
fn a_link_counts_and_does_not_while_a_host_runs() {
    let setup = server();
    let _greeter = setup.serve("quick.wasm", &BUCKET);
    let denied = output(&mut setup.call(&BUCKET, "client.wasm"));
    assert!(denied.stdout.starts_with(DENIED), "{}", denied.stdout);
    run(&setup, "links put client greeter test:app/greeter");
    let answered = output(&mut setup.call(&BUCKET, "client.wasm"));
    assert_eq!(answered.stdout, "ok(\"hello, bob\")\n");
    assert_eq!((answered.code, answered.stderr.as_str()), (Some(0), ""));

    // One process for all of what follows.
    let options = [&BUCKET[..], &["--repeat", "1000000", "--interval", "10ms"]].concat();
    let mut client = setup.call(&options, "client.wasm");
    let mut client = Process::start(client.stdout(Stdio::piped()));
    client.reads("ok(");
    run(&setup, "links rm client test:app/greeter");
    client.reads(DENIED);
    run(&setup, "links put client greeter test:app/greeter");
    client.reads("ok(");
    client.signal(Signal::SIGKILL);
}

#[test]
fn a_host_without_a_table_denies_every_call_until_there_is_one() {
    let setup = without_bucket("");
    let _greeter = setup.serve("quick.wasm", &[]);
    let options = [&BUCKET[..], &["--repeat", "1000000", "--interval", "10ms"]].concat();
    let mut client = setup.call(&options, "client.wasm");
    let mut client = Process::start(client.stdout(Stdio::piped()));
    client.says("every call is denied: there is no bucket `links`");
    client.reads(DENIED);
    run(&setup, "links init");
    run(&setup, "links put client greeter test:app/greeter");
    client.reads("ok(");
    client.signal(Signal::SIGKILL);
}

#[test]
fn a_host_that_is_cut_off_for_too_long_denies_every_call() {
    let setup = server();
    run(&setup, "links put client greeter test:app/greeter");
    let age = ["--links-max-age", "2s"];
    let repeated = ["--repeat", "1000000", "--interval", "10ms"];
    let options = [&BUCKET[..], &age, &repeated].concat();
    let mut client = setup.call(&options, "client.wasm");
    let mut client = Process::start(client.stdout(Stdio::piped()));
    // The link is there, and nobody else.
    client.reads("err(target-unavailable(");
    block_on(setup.nats.freeze());
    client.says("too old by now: every call is denied");
    client.reads(DENIED);
    setup.nats.thaw();
    client.reads("err(target-unavailable(");
    client.signal(Signal::SIGKILL);
}

/// Answers with what the caller gets as it is.
#[test]
fn what_a_bucket_says_is_bare_is() {
    let setup = server();
    let bare = r#"
(component
    (core module $main
        (memory (export "memory") 1)
        (data (i32.const 8) "\10\00\00\00\04\00\00\00bare")
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
        (func (export "greet") (param i32 i32) (result i32) (i32.const 8)))
    (core instance $main (instantiate $main))
    (func $greet (param "name" string) (result string)
        (canon lift (core func $main "greet")
            (memory (core memory $main "memory"))
            (realloc (core func $main "realloc"))))
    (instance $greeter (export "greet" (func $greet)))
    (export "test:app/greeter" (instance $greeter)))
"#;
    setup.files.write("bare.wat", bare);
    let _greeter = setup.serve("bare.wat", &[]);
    run(&setup, "links put client greeter test:app/greeter");
    // The control: what is not said to be bare does not fit.
    let misread = output(&mut setup.call(&BUCKET, "client.wasm"));
    assert!(
        misread.stdout.starts_with("err(protocol("),
        "{}",
        misread.stdout
    );
    run(&setup, "links put client greeter test:app/greeter --bare");
    let answered = output(&mut setup.call(&BUCKET, "client.wasm"));
    assert_eq!(answered.stdout, "ok(\"bare\")\n");
    // A change of it is for the next start.
    let options = [&BUCKET[..], &["--repeat", "1000000", "--interval", "10ms"]].concat();
    let mut client = setup.call(&options, "client.wasm");
    let mut client = Process::start(client.stdout(Stdio::piped()));
    client.reads("ok(");
    run(&setup, "links put client greeter test:app/greeter");
    client.says("what is `bare` in the links from client has changed");
    client.reads("ok(");
    client.signal(Signal::SIGKILL);
}

#[test]
fn a_broker_with_the_derived_permissions_lets_hosts_work() {
    let users = |permissions: [&str; 2]| {
        let [client, greeter] = permissions;
        format!(
            "authorization: {{ users: [\n\
             {{ user: client, password: p\n{client} }}\n\
             {{ user: greeter, password: p\n{greeter} }}\n\
             {{ user: admin, password: p }} ] }}"
        )
    };
    let drafts = without_bucket("");
    let of = |id: &str, links: &str| {
        drafts.files.write("draft.toml", links);
        let permissions = format!("links permissions --id {id} --links draft.toml");
        let text = run(&drafts, &permissions);
        let bucket = run(
            &drafts,
            &format!("links permissions --id {id} --links draft.toml"),
        );
        assert_eq!(text, bucket);
        text
    };
    let links = crate::support::setup::LINKS;
    let permissions = ["client", "greeter"].map(|id| of(id, links));
    let setup = without_bucket(&users([&permissions[0], &permissions[1]]));
    setup.files.write("links.toml", links);
    let user = |name: &'static str| ["--user", name, "--password", "p"];
    let file = ["--links", "links.toml"];
    let _greeter = setup.serve("quick.wasm", &user("greeter"));
    let answered = output(&mut setup.call(&[&file[..], &user("client")].concat(), "client.wasm"));
    assert_eq!(answered.stdout, "ok(\"hello, bob\")\n");
    assert_eq!((answered.code, answered.stderr.as_str()), (Some(0), ""));
    // This user may not follow a bucket, and is told so.
    let refused = try_run(
        &setup,
        "links ls --user client --password p --inbox-prefix _INBOX.client",
    );
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let expected = "NATS does not permit it: ";
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("STREAM.INFO.KV_links"),
        "{}",
        refused.stderr
    );
}
