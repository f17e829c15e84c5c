//! What each command prints.

use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::json;

use crate::setup::{json, run, server, try_run};
use crate::support::process::Process;

const FILE: &str = r#"
[[link]]
source = "client"
target = "greeter"
interface = "test:app/greeter"
functions = ["greet"]

[[link]]
source = "client"
target = "store"
interface = "test:app/store"
name = "backup"
bare = true
"#;

#[test]
fn links_are_put_listed_and_removed() {
    let setup = server();
    let again = run(&setup, "links init");
    assert_eq!(
        again,
        "there is a bucket `links` already, which stays as it is\n"
    );
    assert_eq!(
        run(&setup, "links ls"),
        "SOURCE  TARGET  INTERFACE  NAME  FUNCTIONS  BARE\n"
    );
    let put = "links put client greeter test:app/greeter@1.0.0 --functions greet,counter.next";
    assert_eq!(
        run(&setup, put),
        "put client -> greeter test:app/greeter only greet,counter.next (revision 1)\n"
    );
    run(
        &setup,
        "links put --name backup --bare -- client store $root",
    );
    run(&setup, "links put else store test:app/store --bare=get,set");
    assert_eq!(
        run(&setup, "links ls"),
        "SOURCE  TARGET   INTERFACE         NAME     FUNCTIONS           BARE\n\
         client  store    $root             backup   all                 all\n\
         client  greeter  test:app/greeter  default  greet,counter.next  -\n\
         else    store    test:app/store    default  all                 get,set\n"
    );
    assert_eq!(
        json(&setup, "links ls --target store --source else"),
        json!([{
            "source": "else", "target": "store", "interface": "test:app/store",
            "bare": ["get", "set"],
        }])
    );
    assert_eq!(
        run(&setup, "links rm client test:app/greeter"),
        "removed client.default.test.app.greeter\n"
    );
    let none = try_run(&setup, "links rm client test:app/greeter");
    assert_eq!((none.code, none.stdout.as_str()), (Some(2), ""));
    let expected = "there is no link from `client` for test:app/greeter by the name `default`";
    assert!(none.stderr.contains(expected), "{}", none.stderr);
    assert_eq!(json(&setup, "links ls").as_array().unwrap().len(), 2);
}

#[test]
fn a_file_is_imported_and_exported() {
    let setup = server();
    setup.files.write("new.toml", FILE);
    run(&setup, "links put client greeter test:app/greeter");
    run(&setup, "links put client store test:app/gone");
    let planned = run(&setup, "links import --dry-run new.toml");
    let lines = "- client.default.test.app.gone\n\
                 + client -> store test:app/store by `backup` bare\n\
                 ~ client -> greeter test:app/greeter only greet\n";
    assert!(
        planned.starts_with(lines.lines().next().unwrap()),
        "{planned}"
    );
    assert!(planned.ends_with("would be: 1 removed, 1 added, 1 replaced, 0 unchanged\n"));
    assert_eq!(json(&setup, "links ls").as_array().unwrap().len(), 2);
    let done = run(&setup, "links import new.toml");
    for line in lines.lines() {
        assert!(done.contains(line), "{line}: {done}");
    }
    assert!(
        done.ends_with("\n1 removed, 1 added, 1 replaced, 0 unchanged\n"),
        "{done}"
    );
    assert_eq!(
        json(&setup, "links import new.toml"),
        json!({ "removed": [], "added": [], "replaced": [], "unchanged": 2 })
    );
    // What is exported can be imported, and be a links file.
    let exported = run(&setup, "links export");
    setup.files.write("exported.toml", &exported);
    assert!(run(&setup, "links import exported.toml").ends_with("0 replaced, 2 unchanged\n"));
    let by_file = json(&setup, "links export --links exported.toml");
    assert_eq!(by_file, json(&setup, "links export"));
    assert_eq!(by_file[0]["name"], "backup");
}

#[test]
fn changes_are_seen_as_they_happen() {
    let setup = server();
    run(&setup, "links put client greeter test:app/greeter");
    let mut command = setup.command(&["links", "watch", "--output", "json"]);
    let mut watch = Process::start(command.stdout(Stdio::piped()));
    let seen = watch.reads("test:app/greeter");
    let event: serde_json::Value = serde_json::from_str(&seen).unwrap();
    assert_eq!(event["event"], "put");
    assert_eq!(event["link"]["source"], "client");
    run(&setup, "links put client store test:app/store");
    assert!(watch.reads("test:app/store").contains(r#""event":"put""#));
    run(&setup, "links rm client test:app/greeter");
    assert!(
        watch
            .reads("test:app/greeter")
            .contains(r#""event":"removed""#)
    );
    watch.signal(Signal::SIGTERM);
    let (status, stderr) = watch.ended();
    assert_eq!((status.code(), stderr.as_str()), (Some(0), ""));
}

#[test]
fn permissions_follow_from_a_bucket_or_a_file() {
    let setup = server();
    setup.files.write("new.toml", FILE);
    run(&setup, "links import new.toml");
    let permissions = json(&setup, "links permissions --id client --majors 0");
    let expected = json!({
        "pub": { "allow": [
            "$JS.API.DIRECT.GET.KV_links",
            "$JS.API.STREAM.INFO.KV_links",
            "$JS.API.STREAM.MSG.GET.KV_links",
            "_INBOX.client.>",
            "_INBOX.greeter.*.*.alive",
            "_INBOX.greeter.*.*.cancel",
            "_INBOX.greeter.*.*.params",
            "_INBOX.greeter.*.*.params.>",
            "_INBOX.store.*.*.alive",
            "_INBOX.store.*.*.cancel",
            "_INBOX.store.*.*.params",
            "_INBOX.store.*.*.params.>",
            "default.greeter.wrpc.0.0.1.test:app/greeter.greet",
            "default.greeter.wrpc.0.0.1.test:app/greeter@0.*.*.greet",
            "default.store.wrpc.0.0.1.test:app/store.>",
            "default.store.wrpc.0.0.1.test:app/store@0.>",
        ] },
        "sub": { "allow": [
            "$KV.links.>",
            "_INBOX.client.>",
            "default.client.wrpc.0.0.1.> client",
        ] },
    });
    assert_eq!(permissions, expected);
    let by_file = run(
        &setup,
        "links permissions --id greeter --lattice l --links new.toml",
    );
    assert_eq!(
        by_file,
        r#"permissions: {
  publish: { allow: [
    "_INBOX.client.*.*"
    "_INBOX.client.*.*.alive"
    "_INBOX.client.*.*.results"
    "_INBOX.client.*.*.results.>"
    "_INBOX.greeter.>"
  ] }
  subscribe: { allow: [
    "_INBOX.greeter.>"
    "l.greeter.wrpc.0.0.1.> greeter"
  ] }
}
"#
    );
    let unknown = try_run(&setup, "links permissions --id nobody");
    assert_eq!(unknown.code, Some(0));
    assert!(
        unknown.stderr.contains("no link is from or to `nobody`"),
        "{}",
        unknown.stderr
    );
}
