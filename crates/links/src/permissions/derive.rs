//! From links to subjects.

use wrpc_middleware_nats::{Options, PROTOCOL};

use super::{Allowed, PermissionOptions, Permissions};
use crate::bucket::BucketName;
use crate::{Entry, Id, Links};

pub(super) fn permissions(links: &Links, id: &Id, options: &PermissionOptions) -> Permissions {
    let (mut publish, mut subscribe) = (Allowed::default(), Allowed::default());
    let own_inbox = format!("{}.>", inbox(id));
    publish.insert(own_inbox.clone());
    subscribe.insert(own_inbox);
    // Of its own id it may serve what it likes: who may call it is up to those who call.
    subscribe.insert(format!("{}.> {id}", functions(id, options)));
    for entry in links.entries() {
        if entry.source == *id {
            call(&mut publish, entry, options);
        }
        if entry.target == *id {
            answer(&mut publish, &entry.source);
        }
    }
    if let Some(bucket) = &options.bucket {
        follow(&mut publish, &mut subscribe, bucket);
    }
    Permissions { publish, subscribe }
}

impl Allowed {
    fn insert(&mut self, subject: String) {
        self.allow.insert(subject);
    }
}

/// Calls by a link, and what else its caller has to say to the target.
fn call(publish: &mut Allowed, entry: &Entry, options: &PermissionOptions) {
    let functions = functions(&entry.target, options);
    for instance in instances(entry, options) {
        match (&entry.functions, instance) {
            (None, Instance::Root) => publish.insert(format!("{functions}.*")),
            (None, Instance::Plain(name) | Instance::Major(name)) => {
                publish.insert(format!("{functions}.{name}.>"));
            }
            (Some(names), instance) => {
                for function in names {
                    publish.insert(match &instance {
                        Instance::Root => format!("{functions}.{function}"),
                        Instance::Plain(name) => format!("{functions}.{name}.{function}"),
                        Instance::Major(name) => format!("{functions}.{name}.*.*.{function}"),
                    });
                }
            }
        }
    }
    let call = call_of(&entry.target);
    for name in ["params", "params.>", "cancel", "alive"] {
        publish.insert(format!("{call}.{name}"));
    }
}

/// What a target has to say to one who calls it.
fn answer(publish: &mut Allowed, caller: &Id) {
    let call = call_of(caller);
    for name in ["", ".results", ".results.>", ".alive"] {
        publish.insert(format!("{call}{name}"));
    }
}

/// Reading a bucket: its state, revisions one by one, and many at once.
fn follow(publish: &mut Allowed, subscribe: &mut Allowed, bucket: &BucketName) {
    let stream = bucket.stream();
    for question in ["STREAM.INFO", "STREAM.MSG.GET", "DIRECT.GET"] {
        publish.insert(format!("$JS.API.{question}.{stream}"));
    }
    subscribe.insert(bucket.subjects());
}

/// An interface as it stands in subjects.
enum Instance {
    Root,
    Plain(String),
    /// With `@` and the major version: the tokens that follow are the rest of the version.
    Major(String),
}

fn instances(entry: &Entry, options: &PermissionOptions) -> Vec<Instance> {
    let name = entry.interface.as_str();
    if name.is_empty() {
        return vec![Instance::Root];
    }
    let majors = options.majors.iter();
    let versions = majors.map(|major| Instance::Major(format!("{name}@{major}")));
    core::iter::once(Instance::Plain(name.to_owned()))
        .chain(versions)
        .collect()
}

/// Where the functions of a component are called.
fn functions(id: &Id, options: &PermissionOptions) -> String {
    match &options.lattice {
        Some(lattice) => format!("{lattice}.{id}.{PROTOCOL}"),
        None => format!("{id}.{PROTOCOL}"),
    }
}

/// The reply subjects of a component, of any connection and any call.
fn call_of(id: &Id) -> String {
    format!("{}.*.*", inbox(id))
}

fn inbox(id: &Id) -> String {
    Options::new().id(id.as_str()).inbox()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn derive(links: &str, id: &str, options: PermissionOptions) -> Permissions {
        let links = Links::parse(Path::new("links.toml"), links).unwrap();
        let options = options.lattice("l".parse().unwrap());
        permissions(&links, &id.parse().unwrap(), &options)
    }

    fn link(source: &str, target: &str, interface: &str, rest: &str) -> String {
        format!(
            "[[link]]\nsource = \"{source}\"\ntarget = \"{target}\"\ninterface = \"{interface}\"\n{rest}\n"
        )
    }

    #[test]
    fn only_its_own_links_count() {
        let links = [
            link("a", "b", "x:y/z", ""),
            link("b", "c", "x:y/z", "functions = ['f']"),
            link("c", "a", "x:y/z", "name = 'other'"),
        ];
        let b = derive(&links.concat(), "b", PermissionOptions::new().majors([]));
        let publish: Vec<_> = b.publish().collect();
        assert_eq!(
            publish,
            [
                "_INBOX.a.*.*",
                "_INBOX.a.*.*.alive",
                "_INBOX.a.*.*.results",
                "_INBOX.a.*.*.results.>",
                "_INBOX.b.>",
                "_INBOX.c.*.*.alive",
                "_INBOX.c.*.*.cancel",
                "_INBOX.c.*.*.params",
                "_INBOX.c.*.*.params.>",
                "l.c.wrpc.0.0.1.x:y/z.f",
            ]
        );
        let subscribe: Vec<_> = b.subscribe().collect();
        assert_eq!(subscribe, ["_INBOX.b.>", "l.b.wrpc.0.0.1.> b"]);
        let nobody = derive(&links.concat(), "nobody", PermissionOptions::new());
        assert_eq!(nobody.publish().collect::<Vec<_>>(), ["_INBOX.nobody.>"]);
    }

    #[test]
    fn interfaces_have_versions_and_roots_have_none() {
        let whole = derive(
            &link("a", "b", "x:y/z@1.2.3", ""),
            "a",
            PermissionOptions::new(),
        );
        let calls = |permissions: &Permissions| {
            let subjects = permissions
                .publish()
                .filter(|subject| subject.starts_with('l'));
            subjects.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            calls(&whole),
            [
                "l.b.wrpc.0.0.1.x:y/z.>",
                "l.b.wrpc.0.0.1.x:y/z@0.>",
                "l.b.wrpc.0.0.1.x:y/z@1.>",
            ]
        );
        let root = derive(&link("a", "b", "$root", ""), "a", PermissionOptions::new());
        assert_eq!(calls(&root), ["l.b.wrpc.0.0.1.*"]);
        let some = link("a", "b", "$root", "functions = ['f', 'r.m']");
        let some = derive(&some, "a", PermissionOptions::new());
        assert_eq!(calls(&some), ["l.b.wrpc.0.0.1.f", "l.b.wrpc.0.0.1.r.m"]);
    }

    #[test]
    fn ids_are_tokens_of_inboxes() {
        let own = derive("", "alive", PermissionOptions::new());
        assert_eq!(own.publish().collect::<Vec<_>>(), ["_INBOX.%61live.>"]);
    }

    #[test]
    fn a_bucket_can_be_read_and_not_written() {
        let options = PermissionOptions::new().bucket("links".parse().unwrap());
        let reader = derive("", "a", options);
        let publish: Vec<_> = reader.publish().collect();
        assert_eq!(
            publish,
            [
                "$JS.API.DIRECT.GET.KV_links",
                "$JS.API.STREAM.INFO.KV_links",
                "$JS.API.STREAM.MSG.GET.KV_links",
                "_INBOX.a.>",
            ]
        );
        assert!(reader.subscribe().any(|subject| subject == "$KV.links.>"));
    }
}
