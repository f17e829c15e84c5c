//! What `docs/SECURITY.md` says is shown by a test is.

use std::path::Path;

use regex::Regex;

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/SECURITY.md")).expect("the page");
    let named = Regex::new(r"`([\w/.-]+\.rs)::(\w+)`").expect("a pattern");
    let mut seen = 0;
    for (_, [file, function]) in named.captures_iter(&page).map(|named| named.extract()) {
        let text = std::fs::read_to_string(root.join(file));
        let text = text.unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(is_test(&text, function), "{file} has no test {function}");
        seen += 1;
    }
    assert!(seen > 40, "{seen}");
}

/// Whether a file has a test of this name: with an attribute that makes it one, or generic, for a
/// macro that makes one for each transport.
fn is_test(text: &str, function: &str) -> bool {
    if text.contains(&format!("fn {function}<")) {
        return true;
    }
    let Some((before, _)) = text.split_once(&format!("fn {function}(")) else {
        return false;
    };
    // The attributes are between the last end of something and the function.
    let attributes = before.rsplit(['}', ';']).next().unwrap_or_default();
    let is_test = attributes.contains("#[test]") || attributes.contains("#[tokio::test");
    is_test && !attributes.contains("#[ignore")
}

#[test]
fn what_is_no_test_is_noticed() {
    let text =
        "#[test]\nfn a() {}\n\nfn b() {}\n\n#[test]\n#[ignore]\nfn c() {}\n\nasync fn d<N>() {}";
    assert!(is_test(text, "a") && is_test(text, "d"));
    assert!(!is_test(text, "b") && !is_test(text, "c") && !is_test(text, "e"));
}
