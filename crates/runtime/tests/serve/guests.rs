//! The components of these tests, written by hand.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// What all worlds share.
const PACKAGES: &str = "
package root:root;

package wrpc:rpc@0.1.0 {
    interface error { resource error; }
}
package wasi:io@0.2.6 {
    interface streams { resource input-stream; resource output-stream; }
}
package test:serve {
    interface host {
        use wrpc:rpc/error@0.1.0.{error};
        pause: func();
        panic: func();
        fail: func() -> error;
    }
    interface peers { resource thing; }
    interface calc {
        add: func(a: u32, b: u32) -> u32;
        echo: func(s: string) -> string;
        sum: func(values: list<u8>) -> u32;
        count: func() -> u32;
        nothing: func();
        trap: func();
        pause: func() -> u32;
        spin: func();
    }
    interface counters {
        resource counter {
            constructor(start: u32);
            increment: func() -> u32;
            trap: func();
            panic: func();
            spin: func();
            pause: func();
            merge: static func(a: counter, b: counter) -> counter;
        }
        many: func(n: u32) -> list<counter>;
        many-later: func(n: u32) -> list<counter>;
        dropped: func() -> u32;
    }
    interface fallible {
        use wrpc:rpc/error@0.1.0.{error};
        checked: func(ok: bool) -> result<u32, error>;
    }
    interface passing {
        use wasi:io/streams@0.2.6.{input-stream};
        use peers.{thing};
        bytes: func(x: input-stream) -> input-stream;
        peer: func(x: thing) -> thing;
    }
    interface host-bound {
        use wasi:io/streams@0.2.6.{output-stream};
        write: func(x: output-stream);
        plain: func();
    }
}
";

/// A component of the given exports and imports of the packages above.
fn component(world: &str, module: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let wit = PACKAGES.replacen(
        "package root:root;",
        &format!("package root:root; world guest {{ {world} }}"),
        1,
    );
    let package = resolve.push_str("guest.wit", &wit).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    let mut module = wat::parse_str(module).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .validate(true)
        .encode()
        .unwrap_or_else(|error| panic!("{error:?}"))
}

const REALLOC: &str = r#"
  (memory (export "memory") 64)
  (global $next (mut i32) (i32.const 4096))
  (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
"#;

/// Functions only, in an interface and at the root.
pub(crate) fn calc() -> Vec<u8> {
    component(
        "import test:serve/host; export test:serve/calc; export double: func(x: u32) -> u32;",
        &format!(
            r#"(module
  (import "test:serve/host" "pause" (func $pause))
  {REALLOC}
  (global $count (mut i32) (i32.const 0))
  (func (export "double") (param i32) (result i32)
    (i32.mul (local.get 0) (i32.const 2)))
  (func (export "test:serve/calc#add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  (func (export "test:serve/calc#echo") (param i32 i32) (result i32)
    (i32.store (i32.const 16) (local.get 0))
    (i32.store (i32.const 20) (local.get 1))
    (i32.const 16))
  (func (export "test:serve/calc#sum") (param i32 i32) (result i32)
    (local $sum i32)
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get 1)))
      (local.set 1 (i32.sub (local.get 1) (i32.const 1)))
      (local.set $sum (i32.add (local.get $sum)
        (i32.load8_u (i32.add (local.get 0) (local.get 1)))))
      (br $next)))
    (local.get $sum))
  (func $count (export "test:serve/calc#count") (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (global.get $count))
  (func (export "test:serve/calc#nothing"))
  (func (export "test:serve/calc#trap") unreachable)
  (func (export "test:serve/calc#pause") (result i32) (call $pause) (call $count))
  (func (export "test:serve/calc#spin") (loop $l (br $l))))"#
        ),
    )
}

/// A resource that counts, and how many of it were dropped.
pub(crate) fn counters() -> Vec<u8> {
    component(
        "import test:serve/host; export test:serve/counters;",
        &format!(
            r#"(module
  (import "test:serve/host" "pause" (func $pause))
  (import "test:serve/host" "panic" (func $panic))
  (import "[export]test:serve/counters" "[resource-new]counter"
    (func $new (param i32) (result i32)))
  (import "[export]test:serve/counters" "[resource-rep]counter"
    (func $rep (param i32) (result i32)))
  (import "[export]test:serve/counters" "[resource-drop]counter" (func $drop (param i32)))
  {REALLOC}
  (global $dropped (mut i32) (i32.const 0))
  (func $make (param i32) (result i32)
    (local $at i32)
    (local.set $at (call $realloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 4)))
    (i32.store (local.get $at) (local.get 0))
    (call $new (local.get $at)))
  (func (export "test:serve/counters#[constructor]counter") (param i32) (result i32)
    (call $make (local.get 0)))
  (func (export "test:serve/counters#[dtor]counter") (param i32)
    (global.set $dropped (i32.add (global.get $dropped) (i32.const 1))))
  (func (export "test:serve/counters#[method]counter.increment") (param i32) (result i32)
    (i32.store (local.get 0) (i32.add (i32.load (local.get 0)) (i32.const 1)))
    (i32.load (local.get 0)))
  (func (export "test:serve/counters#[method]counter.trap") (param i32) unreachable)
  (func (export "test:serve/counters#[method]counter.panic") (param i32) (call $panic))
  (func (export "test:serve/counters#[method]counter.spin") (param i32) (loop $l (br $l)))
  (func (export "test:serve/counters#[method]counter.pause") (param i32) (call $pause))
  (func (export "test:serve/counters#[static]counter.merge") (param i32 i32) (result i32)
    (local $sum i32)
    (local.set $sum (i32.add
      (i32.load (call $rep (local.get 0)))
      (i32.load (call $rep (local.get 1)))))
    (call $drop (local.get 0))
    (call $drop (local.get 1))
    (call $make (local.get $sum)))
  (func (export "test:serve/counters#many-later") (param i32) (result i32)
    (call $pause)
    (call $many (local.get 0)))
  (func $many (export "test:serve/counters#many") (param i32) (result i32)
    (local $list i32) (local $i i32)
    (local.set $list (call $realloc (i32.const 0) (i32.const 0) (i32.const 4)
      (i32.mul (local.get 0) (i32.const 4))))
    (block $done (loop $next
      (br_if $done (i32.eq (local.get $i) (local.get 0)))
      (i32.store
        (i32.add (local.get $list) (i32.mul (local.get $i) (i32.const 4)))
        (call $make (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (i32.store (i32.const 16) (local.get $list))
    (i32.store (i32.const 20) (local.get 0))
    (i32.const 16))
  (func (export "test:serve/counters#dropped") (result i32) (global.get $dropped)))"#
        ),
    )
}

/// Returns an error of `wrpc:rpc/error` if it is asked to.
pub(crate) fn fallible() -> Vec<u8> {
    component(
        "import test:serve/host; export test:serve/fallible;",
        &format!(
            r#"(module
  (import "test:serve/host" "fail" (func $fail (result i32)))
  {REALLOC}
  (func (export "test:serve/fallible#checked") (param i32) (result i32)
    (if (local.get 0)
      (then (i32.store8 (i32.const 16) (i32.const 0))
        (i32.store (i32.const 20) (i32.const 42)))
      (else (i32.store8 (i32.const 16) (i32.const 1))
        (i32.store (i32.const 20) (call $fail))))
    (i32.const 16)))"#
        ),
    )
}

/// Returns the host resources that it gets.
pub(crate) fn passing() -> Vec<u8> {
    component(
        "export test:serve/passing;",
        &format!(
            r#"(module
  {REALLOC}
  (func (export "test:serve/passing#bytes") (param i32) (result i32) (local.get 0))
  (func (export "test:serve/passing#peer") (param i32) (result i32) (local.get 0)))"#
        ),
    )
}

/// One function that can be served and one that can't.
pub(crate) fn host_bound() -> Vec<u8> {
    component(
        "export test:serve/host-bound;",
        &format!(
            r#"(module
  {REALLOC}
  (func (export "test:serve/host-bound#write") (param i32))
  (func (export "test:serve/host-bound#plain")))"#
        ),
    )
}
