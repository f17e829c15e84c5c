#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wrpc_middleware_fuzzing::bounded(data, wrpc_middleware_runtime::fuzzing::lower_error));
