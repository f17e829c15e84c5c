;; Calls the greeter it imports and returns the result as it came: a result has the same layout
;; in memory whether it was received or is to be returned.
(module
  (import "test:app/greeter" "greet" (func $greet (param i32 i32 i32)))
  (memory (export "memory") 1)

  ;; The next free byte. 0 to 19 hold the result, 32 and up what the host writes.
  (global $free (mut i32) (i32.const 32))

  (func (export "greet") (param $name i32) (param $len i32) (result i32)
    (call $greet (local.get $name) (local.get $len) (i32.const 0))
    (i32.const 0))

  ;; Nothing outlives a call.
  (func (export "cabi_post_greet") (param i32)
    (global.set $free (i32.const 32)))

  (func (export "cabi_realloc") (param $old i32) (param $old_len i32) (param $align i32) (param $len i32) (result i32)
    (local $new i32)
    ;; Rounded up to the alignment, a power of two.
    (local.set $new
      (i32.and
        (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $free (i32.add (local.get $new) (local.get $len)))
    (block $fits
      (br_if $fits
        (i32.le_u (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
      (br_if $fits
        (i32.ne
          (memory.grow (i32.add (i32.div_u (local.get $len) (i32.const 65536)) (i32.const 1)))
          (i32.const -1)))
      unreachable)
    (memory.copy (local.get $new) (local.get $old) (local.get $old_len))
    (local.get $new)))
