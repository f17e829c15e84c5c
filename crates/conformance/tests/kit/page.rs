//! The table in `docs/CONFORMANCE.md` is what the testbeds declare, which the other tests assert.
//!
//! With `UPDATE_CONFORMANCE=1` in the environment it is written anew instead.

use wrpc_middleware_conformance::{Testbed, table};

use crate::transports::{OwnNats, Tcp, Unix, UpstreamNats};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/CONFORMANCE.md");

const BEGIN: &str = "<!-- generated: what the transports declare -->\n";
const END: &str = "<!-- end -->";

#[test]
fn the_table_of_the_page_is_what_is_declared() {
    let declared = table(&[
        (OwnNats::NAME, OwnNats::CANNOT_TELL),
        (UpstreamNats::NAME, UpstreamNats::CANNOT_TELL),
        (Tcp::NAME, Tcp::CANNOT_TELL),
        (Unix::NAME, Unix::CANNOT_TELL),
    ]);
    let page = std::fs::read_to_string(PAGE).expect("the page");
    let (before, rest) = page.split_once(BEGIN).expect("the beginning of the table");
    let (written, after) = rest.split_once(END).expect("the end of the table");
    if std::env::var_os("UPDATE_CONFORMANCE").is_some() {
        let page = format!("{before}{BEGIN}{declared}{END}{after}");
        return std::fs::write(PAGE, page).expect("write the page");
    }
    assert!(
        written == declared,
        "docs/CONFORMANCE.md is not what the testbeds declare; UPDATE_CONFORMANCE=1 writes it anew"
    );
}
