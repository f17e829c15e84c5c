#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wrpc_middleware_fuzzing::bounded(data, wrpc_host::fuzzing::wave_call));
