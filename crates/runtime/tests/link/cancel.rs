//! A call that is given up leaves nothing behind.

use core::time::Duration;
use std::collections::HashMap;

use tokio::time::timeout;
use wasmtime::component::Val;

use crate::guest::{published, relay};
use crate::host::{Guest, entries, upstream};
use crate::mock::{Script, Step};

const WIT: &str = "
    package test:app;

    interface streams {
        use wasi:io/streams@0.2.0.{input-stream};
        fetch: func() -> tuple<input-stream, string>;
    }

    world guest {
        use wasi:io/streams@0.2.0.{input-stream};
        import streams;
        export fetch: func() -> tuple<input-stream, string>;
    }
";

#[tokio::test(start_paused = true)]
async fn a_drop_at_every_await_leaves_no_entry_no_task_and_no_stream() {
    let pairs = [("fetch", "test:app/streams", "fetch")];
    let binary = relay(published(), WIT, &pairs);
    let guest = Guest::with_linker(&binary, upstream, |linker| linker).unwrap();
    let second = || Step::Sleep(Duration::from_secs(1));
    let script = Script {
        invoke: vec![second()],
        flush: vec![second()],
        results: vec![
            second(),
            // The stream is there, the text is not.
            Step::Sleep(Duration::from_secs(2)),
            Step::Bytes(vec![5]),
            second(),
            Step::Bytes(b"he".to_vec()),
            second(),
            Step::Bytes(b"llo".to_vec()),
        ],
        children: HashMap::from([(vec![0, 0], vec![Step::Bytes(b"\x02ab\0".to_vec())])]),
        ..Script::default()
    };
    let metrics = tokio::runtime::Handle::current().metrics();
    let mut given_up = 0;
    for tenths in 0..100 {
        let mut running = guest.start(script.clone()).await;
        let before = metrics.num_alive_tasks();
        let limit = Duration::from_millis(tenths * 100 + 50);
        let call = running.call("", "fetch", &[]);
        if let Ok(result) = timeout(limit, call).await {
            let Some(Val::Tuple(values)) = result.unwrap() else {
                panic!("another type");
            };
            assert_eq!(values[1], Val::String("hello".into()));
            assert_eq!(entries(&mut running.store.data_mut().table), 1);
            continue;
        }
        given_up += 1;
        assert_eq!(entries(&mut running.store.data_mut().table), 0, "{limit:?}");
        assert_eq!(running.mock().alive(), 0, "{limit:?}");
        assert_eq!(metrics.num_alive_tasks(), before, "{limit:?}");
    }
    assert!((50..100).contains(&given_up), "{given_up}");
}
