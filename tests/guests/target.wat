;; Answers by the name it is given: "trap" traps, "fail" returns the interface's error, anything
;; else is a success that repeats the name.
(module
  (memory (export "memory") 1)
  (data (i32.const 16) "hello, ")
  (data (i32.const 32) "the target says so")
  (global $area i32 (i32.const 64))
  ;; The area of list elements.
  (global $items i32 (i32.const 128))
  (global $free (mut i32) (i32.const 1024))

  (func $alloc (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
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

  ;; Is the name these four bytes?
  (func $is (param $ptr i32) (param $len i32) (param $word i32) (result i32)
    (if (i32.ne (local.get $len) (i32.const 4)) (then (return (i32.const 0))))
    (i32.eq (i32.load align=1 (local.get $ptr)) (local.get $word)))

  ;; Traps for "trap"; 1 for "fail", else 0, which is also the discriminant of the result.
  (func $fails (param $ptr i32) (param $len i32) (result i32)
    (if (call $is (local.get $ptr) (local.get $len) (i32.const 0x70617274)) (then unreachable))
    (call $is (local.get $ptr) (local.get $len) (i32.const 0x6c696166)))

  ;; Writes "hello, NAME" and stores its place at `$to`.
  (func $hello (param $ptr i32) (param $len i32) (param $to i32)
    (local $text i32)
    (local.set $text
      (call $alloc (i32.const 0) (i32.const 0) (i32.const 1) (i32.add (local.get $len) (i32.const 7))))
    (memory.copy (local.get $text) (i32.const 16) (i32.const 7))
    (memory.copy (i32.add (local.get $text) (i32.const 7)) (local.get $ptr) (local.get $len))
    (i32.store (local.get $to) (local.get $text))
    (i32.store offset=4 (local.get $to) (i32.add (local.get $len) (i32.const 7))))

  ;; Stores "the target says so" at `$to`.
  (func $reason (param $to i32)
    (i32.store (local.get $to) (i32.const 32))
    (i32.store offset=4 (local.get $to) (i32.const 18)))

  ;; Stores `overloaded({ delivery: not-sent, message: … })` at `$to`.
  (func $rpc-error (param $to i32)
    (i32.store8 (local.get $to) (i32.const 4))
    (i32.store8 offset=4 (local.get $to) (i32.const 0))
    (call $reason (i32.add (local.get $to) (i32.const 8))))

  ;; Writes the discriminant of a `result<_, rpc-error>` and, if it is one, the error.
  (func $begin (param $ptr i32) (param $len i32) (result i32)
    (local $fails i32)
    (local.set $fails (call $fails (local.get $ptr) (local.get $len)))
    (i32.store8 (global.get $area) (local.get $fails))
    (if (local.get $fails) (then (call $rpc-error (i32.add (global.get $area) (i32.const 4)))))
    (local.get $fails))

  (func (export "test:app/greeter@0.1.0#greet") (param i32 i32) (result i32)
    (if (i32.eqz (call $begin (local.get 0) (local.get 1)))
      (then (call $hello (local.get 0) (local.get 1) (i32.add (global.get $area) (i32.const 4)))))
    (global.get $area))
  ;; The length of the name.
  (func (export "test:app/greeter@0.1.0#count") (param i32 i32) (result i32)
    (if (i32.eqz (call $begin (local.get 0) (local.get 1)))
      (then (i32.store8 offset=4 (global.get $area) (local.get 1))))
    (global.get $area))
  (func (export "test:app/greeter@0.1.0#touch") (param i32 i32) (result i32)
    (drop (call $begin (local.get 0) (local.get 1)))
    (global.get $area))
  ;; { name: "hello, NAME", age: 42, tags: [NAME] }
  (func (export "test:app/greeter@0.1.0#describe") (param i32 i32) (result i32)
    (if (i32.eqz (call $begin (local.get 0) (local.get 1)))
      (then
        (call $hello (local.get 0) (local.get 1) (i32.add (global.get $area) (i32.const 4)))
        (i32.store offset=12 (global.get $area) (i32.const 42))
        (i32.store offset=16 (global.get $area) (global.get $items))
        (i32.store offset=20 (global.get $area) (i32.const 1))
        (i32.store (global.get $items) (local.get 0))
        (i32.store offset=4 (global.get $items) (local.get 1))))
    (global.get $area))
  ;; [NAME, "hello, NAME"]
  (func (export "test:app/greeter@0.1.0#tags") (param i32 i32) (result i32)
    (if (i32.eqz (call $begin (local.get 0) (local.get 1)))
      (then
        (i32.store offset=4 (global.get $area) (global.get $items))
        (i32.store offset=8 (global.get $area) (i32.const 2))
        (i32.store (global.get $items) (local.get 0))
        (i32.store offset=4 (global.get $items) (local.get 1))
        (call $hello (local.get 0) (local.get 1) (i32.add (global.get $items) (i32.const 8)))))
    (global.get $area))

  (func (export "test:app/plain@0.1.0#hello") (param i32 i32) (result i32)
    (drop (call $fails (local.get 0) (local.get 1)))
    (call $hello (local.get 0) (local.get 1) (global.get $area))
    (global.get $area))
  (func (export "test:app/plain@0.1.0#notify") (param i32 i32)
    (drop (call $fails (local.get 0) (local.get 1))))

  (func (export "test:app/texts@0.1.0#greet") (param i32 i32) (result i32)
    (local $fails i32)
    (local.set $fails (call $fails (local.get 0) (local.get 1)))
    (i32.store8 (global.get $area) (local.get $fails))
    (if (local.get $fails)
      (then (call $reason (i32.add (global.get $area) (i32.const 4))))
      (else (call $hello (local.get 0) (local.get 1) (i32.add (global.get $area) (i32.const 4)))))
    (global.get $area))
  ;; The error is `not-found`.
  (func (export "test:app/texts@0.1.0#find") (param i32 i32) (result i32)
    (local $fails i32)
    (local.set $fails (call $fails (local.get 0) (local.get 1)))
    (i32.store8 (global.get $area) (local.get $fails))
    (if (local.get $fails)
      (then (i32.store8 offset=4 (global.get $area) (i32.const 0)))
      (else (call $hello (local.get 0) (local.get 1) (i32.add (global.get $area) (i32.const 4)))))
    (global.get $area))
  ;; The error is `not-found("the target says so")`.
  (func (export "test:app/nested@0.1.0#greet") (param i32 i32) (result i32)
    (local $fails i32)
    (local.set $fails (call $fails (local.get 0) (local.get 1)))
    (i32.store8 (global.get $area) (local.get $fails))
    (if (local.get $fails)
      (then
        (i32.store8 offset=4 (global.get $area) (i32.const 0))
        (call $reason (i32.add (global.get $area) (i32.const 8))))
      (else (call $hello (local.get 0) (local.get 1) (i32.add (global.get $area) (i32.const 4)))))
    (global.get $area))
)
