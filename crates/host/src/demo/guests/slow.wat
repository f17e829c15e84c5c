;; Greets, an hour later.
(module
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration"
    (func $subscribe_duration (param i64) (result i32)))
  (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.0" "[resource-drop]pollable" (func $drop (param i32)))
  (memory (export "memory") 1)

  ;; 0 to 19 hold the result, 32 and up the name.
  (func (export "test:app/greeter#greet") (param $name i32) (param $len i32) (result i32)
    (local $alarm i32)
    (local.set $alarm (call $subscribe_duration (i64.const 3_600_000_000_000)))
    (call $block (local.get $alarm))
    (call $drop (local.get $alarm))
    (i32.store8 (i32.const 0) (i32.const 0)) ;; ok
    (i32.store (i32.const 4) (local.get $name))
    (i32.store (i32.const 8) (local.get $len))
    (i32.const 0))

  ;; The demonstration's names are short; a longer one than there is room for traps.
  (func (export "cabi_realloc") (param $old i32) (param $old_len i32) (param $align i32) (param $len i32) (result i32)
    (if (i32.gt_u (local.get $len) (i32.const 65000)) (then unreachable))
    (i32.const 32)))
