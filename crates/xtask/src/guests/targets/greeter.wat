;; A greeter that does what the name it is given says:
;;
;;   !trap    traps
;;   !slow    answers in an hour
;;   !CD      returns the case number C of rpc-error with the delivery number D
;;   NAME     greets: "hello, NAME"
(component
  (import "wrpc:errors/types@0.1.0" (instance $errors
    (type $d (enum "not-sent" "unknown" "accepted"))
    (export "delivery" (type $delivery (eq $d)))
    (type $f (record (field "delivery" $delivery) (field "message" string)))
    (export "failure" (type $failure (eq $f)))
    (type $e (variant
      (case "timeout" $failure)
      (case "link-denied" $failure)
      (case "target-unavailable" $failure)
      (case "target-failed" $failure)
      (case "overloaded" $failure)
      (case "transport" $failure)
      (case "protocol" $failure)
      (case "other" $failure)))
    (export "rpc-error" (type (eq $e)))))
  (alias export $errors "rpc-error" (type $rpc-error))

  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $outer))
    (export "pollable" (type $pollable (eq $outer)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))

  (core func $subscribe-duration (canon lower (func $clock "subscribe-duration")))
  (core func $block (canon lower (func $poll "[method]pollable.block")))

  (core module $code
    (import "wasi" "subscribe-duration" (func $subscribe_duration (param i64) (result i32)))
    (import "wasi" "block" (func $block (param i32)))
    (memory (export "memory") 1)

    ;; 0 to 19 hold the result, 32 and up the message, 64 and up the greeting.
    (data (i32.const 32) "the target says so")
    (data (i32.const 64) "hello, ")

    ;; The host writes the name right behind "hello, ".
    (func (export "greet") (param $name i32) (param $len i32) (result i32)
      (if (i32.eq (i32.load8_u (local.get $name)) (i32.const 0x21)) ;; !
        (then
          (if (i32.eq (i32.load8_u offset=1 (local.get $name)) (i32.const 0x74)) ;; t
            (then unreachable))
          (if (i32.eq (i32.load8_u offset=1 (local.get $name)) (i32.const 0x73)) ;; s
            (then
              (call $block (call $subscribe_duration (i64.const 3_600_000_000_000)))
              unreachable))
          (i32.store8 (i32.const 0) (i32.const 1)) ;; err
          (i32.store8 (i32.const 4)
            (i32.sub (i32.load8_u offset=1 (local.get $name)) (i32.const 0x30)))
          (i32.store8 (i32.const 8)
            (i32.sub (i32.load8_u offset=2 (local.get $name)) (i32.const 0x30)))
          (i32.store (i32.const 12) (i32.const 32))
          (i32.store (i32.const 16) (i32.const 18))
          (return (i32.const 0))))
      (i32.store8 (i32.const 0) (i32.const 0)) ;; ok
      (i32.store (i32.const 4) (i32.const 64))
      (i32.store (i32.const 8) (i32.add (local.get $len) (i32.const 7)))
      (i32.const 0))

    ;; The name is the only thing that the host ever writes here; a longer one than there is room
    ;; for traps.
    (func (export "realloc") (param $old i32) (param $old_len i32) (param $align i32) (param $len i32) (result i32)
      (if (i32.gt_u (local.get $len) (i32.const 65000)) (then unreachable))
      (i32.const 71)))

  (core instance $wasi
    (export "subscribe-duration" (func $subscribe-duration))
    (export "block" (func $block)))
  (core instance $it (instantiate $code (with "wasi" (instance $wasi))))

  (func $greet (param "name" string) (result (result string (error $rpc-error)))
    (canon lift (core func $it "greet")
      (memory (core memory $it "memory")) (realloc (core func $it "realloc"))))
  (instance $greeter (export "greet" (func $greet)))
  (export "example:greetings/greeter@0.1.0" (instance $greeter)))
