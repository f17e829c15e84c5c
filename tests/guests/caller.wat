;; Passes every call on to the import of the same name. Parameters are one string; a result that
;; doesn't fit in one value is written by the import to the area that the caller passes, which is
;; what the export returns.
(module
  (import "test:app/greeter@0.1.0" "greet" (func $greeter.greet (param i32 i32 i32)))
  (import "test:app/greeter@0.1.0" "count" (func $greeter.count (param i32 i32 i32)))
  (import "test:app/greeter@0.1.0" "touch" (func $greeter.touch (param i32 i32 i32)))
  (import "test:app/greeter@0.1.0" "describe" (func $greeter.describe (param i32 i32 i32)))
  (import "test:app/greeter@0.1.0" "tags" (func $greeter.tags (param i32 i32 i32)))
  (import "test:app/plain@0.1.0" "hello" (func $plain.hello (param i32 i32 i32)))
  (import "test:app/plain@0.1.0" "notify" (func $plain.notify (param i32 i32)))
  (import "test:app/texts@0.1.0" "greet" (func $texts.greet (param i32 i32 i32)))
  (import "test:app/texts@0.1.0" "find" (func $texts.find (param i32 i32 i32)))
  (import "test:app/nested@0.1.0" "greet" (func $nested.greet (param i32 i32 i32)))

  (memory (export "memory") 1)
  ;; Result areas live below 1024, one per instance: calls don't overlap in a guest.
  (global $area i32 (i32.const 64))
  (global $free (mut i32) (i32.const 1024))

  (func (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and
        (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (block $enough
      (loop $grow
        (br_if $enough
          (i32.le_u (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
        (br $grow)))
    (local.get $at))

  (func (export "test:app/greeter@0.1.0#greet") (param i32 i32) (result i32)
    (call $greeter.greet (local.get 0) (local.get 1) (global.get $area))
    (global.get $area))
  (func (export "test:app/greeter@0.1.0#count") (param i32 i32) (result i32)
    (call $greeter.count (local.get 0) (local.get 1) (global.get $area))
    (global.get $area))
  (func (export "test:app/greeter@0.1.0#touch") (param i32 i32) (result i32)
    (call $greeter.touch (local.get 0) (local.get 1) (global.get $area))
    (global.get $area))
  (func (export "test:app/greeter@0.1.0#describe") (param i32 i32) (result i32)
    (call $greeter.describe (local.get 0) (local.get 1) (global.get $area))
    (global.get $area))
  (func (export "test:app/greeter@0.1.0#tags") (param i32 i32) (result i32)
    (call $greeter.tags (local.get 0) (local.get 1) (global.get $area))
    (global.get $area))
  (func (export "test:app/plain@0.1.0#hello") (param i32 i32) (result i32)
    (call $plain.hello (local.get 0) (local.get 1) (global.get $area))
    (global.get $area))
  (func (export "test:app/plain@0.1.0#notify") (param i32 i32)
    (call $plain.notify (local.get 0) (local.get 1)))
  (func (export "test:app/texts@0.1.0#greet") (param i32 i32) (result i32)
    (call $texts.greet (local.get 0) (local.get 1) (global.get $area))
    (global.get $area))
  (func (export "test:app/texts@0.1.0#find") (param i32 i32) (result i32)
    (call $texts.find (local.get 0) (local.get 1) (global.get $area))
    (global.get $area))
  (func (export "test:app/nested@0.1.0#greet") (param i32 i32) (result i32)
    (call $nested.greet (local.get 0) (local.get 1) (global.get $area))
    (global.get $area))
)
