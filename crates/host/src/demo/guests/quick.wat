;; Greets: `ok("hello, " ++ name)`.
(module
  (memory (export "memory") 1)

  ;; 0 to 19 hold the result, 32 and up the greeting.
  (data (i32.const 32) "hello, ")

  ;; The host writes the name right behind "hello, ", so it only has to be pointed at.
  (func (export "test:app/greeter#greet") (param $name i32) (param $len i32) (result i32)
    (i32.store8 (i32.const 0) (i32.const 0)) ;; ok
    (i32.store (i32.const 4) (i32.const 32))
    (i32.store (i32.const 8) (i32.add (local.get $len) (i32.const 7)))
    (i32.const 0))

  ;; The name is the only thing that the host ever writes here.
  (func (export "cabi_realloc") (param $old i32) (param $old_len i32) (param $align i32) (param $len i32) (result i32)
    (block $fits
      (br_if $fits
        (i32.le_u
          (i32.add (local.get $len) (i32.const 39))
          (i32.mul (memory.size) (i32.const 65536))))
      (br_if $fits
        (i32.ne
          (memory.grow (i32.add (i32.div_u (local.get $len) (i32.const 65536)) (i32.const 1)))
          (i32.const -1)))
      unreachable)
    (i32.const 39)))
