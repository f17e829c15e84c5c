;; Calls a function that returns upstream's error resource and asks for the typed view of it.
(module
  (import "test:app/opaque@0.1.0" "greet" (func $greet (param i32 i32 i32)))
  (import "wrpc:errors/inspect@0.1.0" "rpc-error-of" (func $rpc-error-of (param i32 i32)))
  (import "wrpc:rpc/error@0.1.0" "[resource-drop]error" (func $drop (param i32)))

  (memory (export "memory") 1)
  (global $area i32 (i32.const 64))
  ;; The area of `option<rpc-error>`.
  (global $view i32 (i32.const 128))
  (global $free (mut i32) (i32.const 1024))

  (func (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and
        (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (local.get $at))

  (func (export "test:app/inspector@0.1.0#greet") (param i32 i32) (result i32)
    (local $error i32)
    (call $greet (local.get 0) (local.get 1) (global.get $area))
    (if (i32.load8_u (global.get $area))
      (then
        (local.set $error (i32.load offset=4 (global.get $area)))
        (call $rpc-error-of (local.get $error) (global.get $view))
        ;; `none`: nothing typed to return.
        (if (i32.eqz (i32.load8_u (global.get $view))) (then unreachable))
        (memory.copy
          (i32.add (global.get $area) (i32.const 4))
          (i32.add (global.get $view) (i32.const 4))
          (i32.const 16))
        (call $drop (local.get $error))))
    (global.get $area))
)
