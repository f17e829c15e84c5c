;; Answers HTTP requests, by the first part of their path; what each does is at the end.
(module
  (import "test:app/greeter" "greet" (func $greet (param i32 i32 i32)))
  (import "wasi:cli/stderr@0.2.0" "get-stderr" (func $stderr (result i32)))
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration"
    (func $subscribe-duration (param i64) (result i32)))
  (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
    (func $write-and-flush (param i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-splice"
    (func $splice (param i32 i32 i64 i32)))
  (import "wasi:io/streams@0.2.0" "[resource-drop]output-stream" (func $drop-stream (param i32)))
  (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.0" "[method]fields.append"
    (func $append (param i32 i32 i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.0" "[method]incoming-request.path-with-query"
    (func $path (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[method]incoming-request.authority"
    (func $authority (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[method]incoming-request.consume"
    (func $consume (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[method]incoming-body.stream" (func $stream (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[constructor]outgoing-request"
    (func $request (param i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-path-with-query"
    (func $set-path (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-authority"
    (func $set-authority (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[constructor]outgoing-response"
    (func $response (param i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[method]outgoing-response.set-status-code"
    (func $set-status (param i32 i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[method]outgoing-response.body"
    (func $body (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[method]outgoing-body.write" (func $body-write (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[static]outgoing-body.finish"
    (func $body-finish (param i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.0" "[resource-drop]outgoing-body" (func $drop-body (param i32)))
  (import "wasi:http/types@0.2.0" "[static]response-outparam.set"
    (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
  (import "wasi:http/outgoing-handler@0.2.0" "handle"
    (func $send (param i32 i32 i32 i32)))

  ;; 0 to 63: what functions return. 64: names, and zeros up to 1023. From 4096 on what the host
  ;; writes; `large` sends the page from there.
  (memory (export "memory") 1)
  (global $ret i32 (i32.const 0))
  (global $free (mut i32) (i32.const 4096))
  ;; The request, where its answer goes, and the answer once it has begun.
  (global $in (mut i32) (i32.const 0))
  (global $out (mut i32) (i32.const 0))
  (global $outgoing-body (mut i32) (i32.const 0))
  (global $outgoing-stream (mut i32) (i32.const 0))

  ;; The cases of rpc-error in their order, 32 bytes each.
  (data (i32.const 64) "timeout")
  (data (i32.const 96) "link-denied")
  (data (i32.const 128) "target-unavailable")
  (data (i32.const 160) "target-failed")
  (data (i32.const 192) "overloaded")
  (data (i32.const 224) "transport")
  (data (i32.const 256) "protocol")
  (data (i32.const 288) "other")
  ;; The parts of paths.
  (data (i32.const 320) "/greet")
  (data (i32.const 336) "/trap")
  (data (i32.const 352) "/spin")
  (data (i32.const 368) "/silent")
  (data (i32.const 384) "/wait")
  (data (i32.const 400) "/large")
  (data (i32.const 416) "/echo")
  (data (i32.const 432) "/half-trap")
  (data (i32.const 448) "/half-spin")
  (data (i32.const 464) "/half-wait")
  (data (i32.const 480) "/half-drop")
  (data (i32.const 496) "/code")
  (data (i32.const 512) "/out")
  (data (i32.const 528) "/grow")
  (data (i32.const 544) "/switch")
  (data (i32.const 560) "/linger")
  (data (i32.const 576) "/host")
  (data (i32.const 592) "/short")
  (data (i32.const 608) "/exact")
  (data (i32.const 624) "/rest-spin")
  (data (i32.const 640) "/hoard")
  (data (i32.const 656) "/append")
  ;; Others.
  (data (i32.const 704) "bob")
  (data (i32.const 720) "example.com")
  (data (i32.const 736) "/")
  (data (i32.const 752) "denied")
  (data (i32.const 768) "content-length")
  (data (i32.const 784) "12")
  (data (i32.const 800) "half")
  (data (i32.const 832) "the guest runs\n")

  (func (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and
        (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (block $fits
      (br_if $fits (i32.le_u (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
      (br_if $fits
        (i32.ne
          (memory.grow (i32.add (i32.div_u (local.get $size) (i32.const 65536)) (i32.const 1)))
          (i32.const -1)))
      unreachable)
    (local.get $at))

  ;; How many bytes of a name there are, up to a zero.
  (func $length (param $name i32) (result i32)
    (local $end i32)
    (local.set $end (local.get $name))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (i32.load8_u (local.get $end))))
        (local.set $end (i32.add (local.get $end) (i32.const 1)))
        (br $next)))
    (i32.sub (local.get $end) (local.get $name)))

  ;; Whether a string starts with a name.
  (func $starts (param $string i32) (param $len i32) (param $name i32) (result i32)
    (local $i i32)
    (if (i32.lt_u (local.get $len) (call $length (local.get $name))) (then (return (i32.const 0))))
    (loop $next
      (if (i32.eqz (i32.load8_u (i32.add (local.get $name) (local.get $i))))
        (then (return (i32.const 1))))
      (if (i32.ne
            (i32.load8_u (i32.add (local.get $name) (local.get $i)))
            (i32.load8_u (i32.add (local.get $string) (local.get $i))))
        (then (return (i32.const 0))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next))
    unreachable)

  ;; Traps unless the last function returned `ok`; its value.
  (func $ok (result i32)
    (if (i32.load8_u (global.get $ret)) (then unreachable))
    (i32.load (i32.add (global.get $ret) (i32.const 4))))

  ;; Begins an answer. With `$sized` it says that it will have 12 bytes.
  (func $begin (param $status i32) (param $sized i32)
    (local $headers i32)
    (local $response i32)
    (local.set $headers (call $fields))
    (if (local.get $sized)
      (then
        (call $append (local.get $headers) (i32.const 768) (i32.const 14)
          (i32.const 784) (i32.const 2) (global.get $ret))
        (drop (call $ok))))
    (local.set $response (call $response (local.get $headers)))
    (if (call $set-status (local.get $response) (local.get $status)) (then unreachable))
    (call $body (local.get $response) (global.get $ret))
    (global.set $outgoing-body (call $ok))
    (call $body-write (global.get $outgoing-body) (global.get $ret))
    (global.set $outgoing-stream (call $ok))
    (call $set (global.get $out) (i32.const 0) (local.get $response)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))

  (func $write (param $at i32) (param $len i32)
    (call $write-and-flush (global.get $outgoing-stream) (local.get $at) (local.get $len)
      (global.get $ret))
    (drop (call $ok)))

  (func $finish
    (call $drop-stream (global.get $outgoing-stream))
    (call $body-finish (global.get $outgoing-body) (i32.const 0) (i32.const 0) (global.get $ret)))

  ;; A whole answer.
  (func $answer (param $status i32) (param $at i32) (param $len i32)
    (call $begin (local.get $status) (i32.const 0))
    (call $write (local.get $at) (local.get $len))
    (call $finish))

  ;; Says on stderr that it runs.
  (func $tell
    (call $write-and-flush (call $stderr) (i32.const 832) (i32.const 15) (global.get $ret))
    (drop (call $ok)))

  ;; Part of an answer.
  (func $half
    (call $begin (i32.const 200) (i32.const 0))
    (call $write (i32.const 800) (i32.const 4)))

  (func $spin (call $tell) (loop $forever (br $forever)))

  ;; For an hour.
  (func $wait
    (call $tell)
    (call $block (call $subscribe-duration (i64.const 3_600_000_000_000))))

  ;; 200 with the greeting; or a status for the case that the call failed with, and its name.
  (func $greeting
    (local $case i32)
    (call $greet (i32.const 704) (i32.const 3) (global.get $ret))
    (if (i32.eqz (i32.load8_u (global.get $ret)))
      (then
        (call $answer (i32.const 200)
          (i32.load (i32.add (global.get $ret) (i32.const 4)))
          (i32.load (i32.add (global.get $ret) (i32.const 8))))
        (return)))
    (local.set $case (i32.load8_u (i32.add (global.get $ret) (i32.const 4))))
    (call $answer
      (if (result i32) (i32.eq (local.get $case) (i32.const 0)) (then (i32.const 504))
        (else (if (result i32) (i32.eq (local.get $case) (i32.const 1)) (then (i32.const 403))
          (else (if (result i32) (i32.eq (local.get $case) (i32.const 2)) (then (i32.const 503))
            (else (i32.const 500)))))))
      (i32.add (i32.const 64) (i32.mul (local.get $case) (i32.const 32)))
      (call $length (i32.add (i32.const 64) (i32.mul (local.get $case) (i32.const 32))))))

  ;; 16 MiB of zeros and whatever else is there.
  (func $large
    (local $left i32)
    (call $tell)
    (call $begin (i32.const 200) (i32.const 0))
    (local.set $left (i32.const 4096))
    (loop $next
      (call $write (i32.const 4096) (i32.const 4096))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left)))
    (call $finish))

  ;; The body of the request, as it comes.
  (func $echo
    (local $stream i32)
    (call $consume (global.get $in) (global.get $ret))
    (call $stream (call $ok) (global.get $ret))
    (local.set $stream (call $ok))
    (call $begin (i32.const 200) (i32.const 0))
    (loop $next
      (call $splice (global.get $outgoing-stream) (local.get $stream) (i64.const 65536)
        (global.get $ret))
      (br_if $next (i32.eqz (i32.load8_u (global.get $ret)))))
    ;; Only `closed` is an end.
    (if (i32.ne (i32.load8_u (i32.add (global.get $ret) (i32.const 8))) (i32.const 1))
      (then unreachable))
    (call $finish))

  ;; 403 if it may not ask others.
  (func $ask-others
    (local $request i32)
    (local.set $request (call $request (call $fields)))
    (if (call $set-authority (local.get $request) (i32.const 1) (i32.const 720) (i32.const 11))
      (then unreachable))
    (if (call $set-path (local.get $request) (i32.const 1) (i32.const 736) (i32.const 1))
      (then unreachable))
    (call $send (local.get $request) (i32.const 0) (i32.const 0) (global.get $ret))
    ;; `err(HTTP-request-denied)`, the case number 15.
    (if (i32.or
          (i32.eqz (i32.load8_u (global.get $ret)))
          (i32.ne (i32.load8_u (i32.add (global.get $ret) (i32.const 8))) (i32.const 15)))
      (then unreachable))
    (call $answer (i32.const 403) (i32.const 752) (i32.const 6)))

  (func $append-on
    (local $headers i32)
    (local.set $headers (call $fields))
    (loop $more
      (call $append (local.get $headers) (i32.const 704) (i32.const 3)
        (i32.const 704) (i32.const 3) (global.get $ret))
      (drop (call $ok))
      (br $more)))

  (func (export "wasi:http/incoming-handler@0.2.0#handle") (param $request i32) (param $outparam i32)
    (local $path i32)
    (local $len i32)
    (global.set $in (local.get $request))
    (global.set $out (local.get $outparam))
    (call $path (local.get $request) (global.get $ret))
    (local.set $path (i32.load (i32.add (global.get $ret) (i32.const 4))))
    (local.set $len (i32.load (i32.add (global.get $ret) (i32.const 8))))

    ;; Calls the greeter.
    (if (call $starts (local.get $path) (local.get $len) (i32.const 320))
      (then (call $greeting) (return)))
    (if (call $starts (local.get $path) (local.get $len) (i32.const 336)) (then unreachable))
    (if (call $starts (local.get $path) (local.get $len) (i32.const 352))
      (then (call $spin) (return)))
    ;; Ends without an answer.
    (if (call $starts (local.get $path) (local.get $len) (i32.const 368)) (then (return)))
    (if (call $starts (local.get $path) (local.get $len) (i32.const 384))
      (then (call $wait) (return)))
    (if (call $starts (local.get $path) (local.get $len) (i32.const 400))
      (then (call $large) (return)))
    (if (call $starts (local.get $path) (local.get $len) (i32.const 416))
      (then (call $echo) (return)))
    ;; Something in the middle of an answer.
    (if (call $starts (local.get $path) (local.get $len) (i32.const 432))
      (then (call $half) unreachable))
    (if (call $starts (local.get $path) (local.get $len) (i32.const 448))
      (then (call $half) (call $spin) (return)))
    (if (call $starts (local.get $path) (local.get $len) (i32.const 464))
      (then (call $half) (call $wait) (return)))
    (if (call $starts (local.get $path) (local.get $len) (i32.const 480))
      (then
        (call $half)
        (call $drop-stream (global.get $outgoing-stream))
        (call $drop-body (global.get $outgoing-body))
        (return)))
    ;; An error code: connection-timeout.
    (if (call $starts (local.get $path) (local.get $len) (i32.const 496))
      (then
        (call $set (global.get $out) (i32.const 1) (i32.const 8)
          (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
        (return)))
    (if (call $starts (local.get $path) (local.get $len) (i32.const 512))
      (then (call $ask-others) (return)))
    ;; Takes memory until there is none; 200 if that came before 1 GiB.
    (if (call $starts (local.get $path) (local.get $len) (i32.const 528))
      (then
        (loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
        (if (i32.ge_u (memory.size) (i32.const 16384)) (then unreachable))
        (call $answer (i32.const 200) (i32.const 704) (i32.const 3))
        (return)))
    ;; A status that is none of a response.
    (if (call $starts (local.get $path) (local.get $len) (i32.const 544))
      (then (call $answer (i32.const 101) (i32.const 704) (i32.const 3)) (return)))
    ;; Goes on after its answer: calls the greeter.
    (if (call $starts (local.get $path) (local.get $len) (i32.const 560))
      (then
        (call $answer (i32.const 200) (i32.const 704) (i32.const 3))
        (call $greet (i32.const 704) (i32.const 3) (global.get $ret))
        (return)))
    ;; The authority of the request.
    (if (call $starts (local.get $path) (local.get $len) (i32.const 576))
      (then
        (call $authority (local.get $request) (global.get $ret))
        (call $answer (i32.const 200)
          (i32.load (i32.add (global.get $ret) (i32.const 4)))
          (i32.load (i32.add (global.get $ret) (i32.const 8))))
        (return)))
    ;; Says 12 bytes and sends 4, or 12.
    (if (call $starts (local.get $path) (local.get $len) (i32.const 592))
      (then
        (call $begin (i32.const 200) (i32.const 1))
        (call $write (i32.const 800) (i32.const 4))
        (call $finish)
        (return)))
    (if (call $starts (local.get $path) (local.get $len) (i32.const 608))
      (then
        (call $begin (i32.const 200) (i32.const 1))
        (call $write (i32.const 800) (i32.const 12))
        (call $finish)
        (call $greet (i32.const 704) (i32.const 3) (global.get $ret))
        (return)))
    ;; Goes on for ever after its answer.
    (if (call $starts (local.get $path) (local.get $len) (i32.const 624))
      (then
        (call $answer (i32.const 200) (i32.const 704) (i32.const 3))
        (call $spin)
        (return)))
    ;; Makes resources, and keeps them, without end.
    (if (call $starts (local.get $path) (local.get $len) (i32.const 640))
      (then (loop $more (drop (call $fields)) (br $more)) (return)))
    ;; Makes one, and headers in it, without end.
    (if (call $starts (local.get $path) (local.get $len) (i32.const 656))
      (then (call $append-on) (return)))
    (call $answer (i32.const 404) (i32.const 288) (i32.const 5))))
