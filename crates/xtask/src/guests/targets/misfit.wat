;; A provider of another version of the interface: its `greet` returns a number.
(component
  (core module $code
    (memory (export "memory") 1)
    ;; No `result` starts with a 7.
    (func (export "greet") (param $name i32) (param $len i32) (result i32) (i32.const 7))
    (func (export "realloc") (param $old i32) (param $old_len i32) (param $align i32) (param $len i32) (result i32)
      (if (i32.gt_u (local.get $len) (i32.const 65000)) (then unreachable))
      (i32.const 0)))
  (core instance $it (instantiate $code))
  (func $greet (param "name" string) (result u8)
    (canon lift (core func $it "greet")
      (memory (core memory $it "memory")) (realloc (core func $it "realloc"))))
  (instance $greeter (export "greet" (func $greet)))
  (export "example:greetings/greeter@0.1.0" (instance $greeter)))
