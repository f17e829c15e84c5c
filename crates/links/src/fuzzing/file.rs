//! Links files.

use std::collections::BTreeSet;
use std::path::Path;

use super::is_sound;
use crate::permissions::{PermissionOptions, Permissions};
use crate::{Entry, Id, Links};

/// A text is a links file that says the same when it is printed, of [sound](is_sound) links, or a
/// mistake that is told with its place.
pub fn file(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let links = match Links::parse(Path::new("links.toml"), text) {
        Ok(links) => links,
        Err(error) => {
            let line = error.line().expect("a text has places");
            assert!((1..=text.split('\n').count()).contains(&line), "{error}");
            let message = error.to_string();
            assert!(!message.contains(char::is_control), "{message:?}");
            return;
        }
    };
    let printed = links.to_toml();
    let parsed = Links::parse(Path::new("printed.toml"), &printed);
    assert_eq!(parsed.expect("it was printed"), links, "{printed}");
    links.entries().iter().for_each(is_sound);
    let keys: BTreeSet<_> = links.entries().iter().map(Entry::key).collect();
    assert_eq!(keys.len(), links.entries().len(), "two links have one key");
    assert_eq!(links.table().len(), keys.len());
    let ids = links
        .entries()
        .iter()
        .flat_map(|link| [&link.source, &link.target]);
    ids.collect::<BTreeSet<_>>()
        .into_iter()
        .for_each(|id| permits(&links, id));
}

/// Names permit nothing but what they name.
fn permits(links: &Links, id: &Id) {
    let options = PermissionOptions::new().lattice("lattice".parse().expect("it is an id"));
    let permissions = Permissions::of(links, id, &options);
    for subject in permissions.publish() {
        is_subject(subject);
        let first = subject.split('.').next().unwrap_or_default();
        assert!(matches!(first, "_INBOX" | "lattice"), "{subject}");
    }
    for subscription in permissions.subscribe() {
        let (subject, group) = subscription.split_once(' ').unwrap_or((subscription, "g"));
        is_subject(subject);
        is_subject(group);
        let own = [format!("_INBOX.{}.", escaped(id)), format!("lattice.{id}.")];
        assert!(own.iter().any(|own| subject.starts_with(own)), "{subject}");
    }
    let _ = permissions.to_config();
}

/// An id as its inbox has it.
fn escaped(id: &Id) -> String {
    let token = id.as_str().replace('%', "%25");
    match token.as_str() {
        "wrpc" | "params" | "results" | "cancel" | "alive" => {
            let (first, rest) = token.split_at(1);
            let byte = first.bytes().next().unwrap_or_default();
            format!("%{byte:02X}{rest}")
        }
        _ => token,
    }
}

fn is_subject(subject: &str) {
    for token in subject.split('.') {
        let is_wildcard = matches!(token, "*" | ">");
        let bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '*' | '>');
        assert!(!token.is_empty(), "{subject:?}");
        assert!(is_wildcard || !token.contains(bad), "{subject:?}");
    }
}
