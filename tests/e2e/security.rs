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
        // As a test of its own, or of a macro that makes one for each transport.
        let defined = [format!("fn {function}("), format!("fn {function}<")];
        assert!(
            defined.iter().any(|defined| text.contains(defined)),
            "{file} has no {function}"
        );
        seen += 1;
    }
    assert!(seen > 40, "{seen}");
}
