;; Calls `echo` with the first bytes of a page-aligned area; traps if the call fails.
(module
  (import "bench:app/echo@0.1.0" "echo" (func $echo (param i32 i32 i32)))

  (memory (export "memory") 1)
  ;; The result: the discriminant, then the list's address and length.
  (global $result i32 (i32.const 16))
  (global $params i32 (i32.const 1024))
  ;; Where the next allocation goes. Every call starts anew behind its parameters.
  (global $free (mut i32) (i32.const 1024))

  (func $reserve (param $end i32)
    (local $missing i32)
    (global.set $free (local.get $end))
    (local.set $missing
      (i32.sub
        (i32.shr_u (i32.add (local.get $end) (i32.const 65535)) (i32.const 16))
        (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then
        (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1))
          (then unreachable)))))

  (func (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and
        (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (call $reserve (i32.add (local.get $at) (local.get $size)))
    (local.get $at))

  (func (export "call") (param $size i32) (result i32)
    (call $reserve (i32.add (global.get $params) (local.get $size)))
    (call $echo (global.get $params) (local.get $size) (global.get $result))
    (if (i32.load8_u (global.get $result)) (then unreachable))
    (i32.load offset=8 (global.get $result)))
)
