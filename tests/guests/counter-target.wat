;; Owns counters; adding 4294967295 traps.
(module
  (import "[export]test:app/counters@0.1.0" "[resource-new]counter" (func $new (param i32) (result i32)))

  (memory (export "memory") 1)
  ;; A counter's representation is the address of its value.
  (global $next (mut i32) (i32.const 64))

  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)

  (func (export "test:app/counters@0.1.0#[constructor]counter") (param $start i32) (result i32)
    (global.set $next (i32.add (global.get $next) (i32.const 4)))
    (i32.store (global.get $next) (local.get $start))
    (call $new (global.get $next)))
  (func (export "test:app/counters@0.1.0#[method]counter.add") (param $self i32) (param $n i32) (result i32)
    (if (i32.eq (local.get $n) (i32.const -1)) (then unreachable))
    (i32.store (local.get $self) (i32.add (i32.load (local.get $self)) (local.get $n)))
    (i32.load (local.get $self)))
)
