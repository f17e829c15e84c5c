//! One link, wherever it came from.

use wrpc_middleware_transport::link::{LinkPolicy as _, LinkRequest, LinkTable};

use crate::{Entry, Key};

/// A link that was parsed is one that can be written, stored under its key, and enforced.
pub(crate) fn is_sound(entry: &Entry) {
    assert_eq!(entry.check(), Ok(()));
    let json = serde_json::to_string(entry).expect("it was checked");
    let parsed = serde_json::from_str::<Entry>(&json).expect("it was printed");
    assert_eq!(&parsed, entry, "{json}");

    let key = entry.key();
    let key = key.as_str();
    assert!(key.len() <= Key::MAX_LEN);
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=' | '.');
    assert!(
        key.chars().all(is_legal) && !key.split('.').any(str::is_empty),
        "{key}"
    );

    let table: LinkTable = [entry.link()].into_iter().collect();
    let source = entry.source.to_shared();
    let target = |source, link_name, func| {
        let mut request = LinkRequest::new(source, entry.interface.as_str(), func);
        request.link_name = link_name;
        table.authorize(&request)
    };
    let of_another = "no-such-function";
    for func in entry.functions.iter().flatten() {
        assert_eq!(
            target(Some(&source), &entry.name, func),
            Some(entry.target.to_target())
        );
    }
    let is_listed = |func: &str| {
        let functions = entry.functions.as_ref();
        functions.is_none_or(|functions| functions.iter().any(|function| function == func))
    };
    let permitted = target(Some(&source), &entry.name, of_another).is_some();
    assert_eq!(permitted, is_listed(of_another));
    let (another, other_name) = (format!("{source}x"), format!("{}x", entry.name));
    for (source, name) in [
        (None, &entry.name),
        (Some(another.as_str()), &entry.name),
        (Some(&source), &other_name),
    ] {
        assert_eq!(target(source, name, of_another), None);
    }
}
