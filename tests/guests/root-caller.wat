;; Passes the call on to a function at the root of its world.
(module
  (import "$root" "greet" (func $greet (param i32 i32 i32)))

  (memory (export "memory") 1)
  (global $area i32 (i32.const 64))
  (global $free (mut i32) (i32.const 1024))

  (func (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and
        (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (local.get $at))

  (func (export "call-greet") (param i32 i32) (result i32)
    (call $greet (local.get 0) (local.get 1) (global.get $area))
    (global.get $area))
)
