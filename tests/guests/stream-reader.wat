;; Opens a stream of the target's and reads it to its end, whichever way that comes.
(module
  (import "test:app/streams@0.1.0" "open" (func $open (param i32 i32 i32)))
  (import "wasi:io/streams@0.2.0" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
  (import "wasi:io/streams@0.2.0" "[resource-drop]input-stream" (func $drop-stream (param i32)))
  (import "wasi:io/error@0.2.0" "[resource-drop]error" (func $drop-error (param i32)))

  (memory (export "memory") 1)
  ;; The areas of `result<_, rpc-error>` and of `result<list<u8>, stream-error>`.
  (global $area i32 (i32.const 64))
  (global $chunk i32 (i32.const 128))
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

  (func (export "test:app/reader@0.1.0#read") (param i32 i32) (result i32)
    (local $stream i32)
    (local $start i32)
    (local $whole i32)
    (call $open (local.get 0) (local.get 1) (global.get $area))
    (if (i32.load8_u (global.get $area))
      ;; The failure is where this function's own would be.
      (then (return (global.get $area))))
    (local.set $stream (i32.load offset=4 (global.get $area)))
    ;; Nothing else is allocated from here on, so the chunks follow each other.
    (local.set $start (global.get $free))
    (loop $next
      (call $read (local.get $stream) (i64.const 65536) (global.get $chunk))
      (br_if $next (i32.eqz (i32.load8_u (global.get $chunk)))))
    ;; `closed` is 1, `last-operation-failed` is 0 and has an error to drop.
    (local.set $whole (i32.load8_u offset=4 (global.get $chunk)))
    (if (i32.eqz (local.get $whole))
      (then (call $drop-error (i32.load offset=8 (global.get $chunk)))))
    (call $drop-stream (local.get $stream))
    (i32.store offset=4 (global.get $area) (local.get $start))
    (i32.store offset=8 (global.get $area) (i32.sub (global.get $free) (local.get $start)))
    (i32.store8 offset=12 (global.get $area) (local.get $whole))
    (global.get $area))
)
