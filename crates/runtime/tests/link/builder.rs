//! What is linked, what is left alone, and what is refused.

use wasmtime::Engine;
use wasmtime::component::{Component, Linker, Val};
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_runtime::{
    HostResources, ImportLinker, LinkError, LinkErrorCause, LinkOptions, link_item,
};

use crate::guest::{published, relay};
use crate::host::{Guest, Host, Running, err, ok, rpc_error, text, upstream};
use crate::mock::{Mock, Script, typed};

const WIT: &str = "
    package test:app@0.2.1;

    interface greeter {
        use wrpc:errors/types@0.1.0.{rpc-error};
        greet: func() -> result<string, rpc-error>;
        poke: func() -> result<_, rpc-error>;
        text: func() -> result<u8, string>;
        count: func() -> u8;
    }

    interface clock {
        now: func() -> u8;
    }

    world guest {
        import greeter;
        import clock;
        import ping: func() -> u8;
        export greeter;
        export clock;
        export ping: func() -> u8;
    }
";

const APP: &str = "test:app/greeter@0.2.1";
const CLOCK: &str = "test:app/clock@0.2.1";

fn binary() -> Vec<u8> {
    relay(published(), WIT, &[])
}

fn linked(guest: &Guest) -> Vec<String> {
    let functions = guest.linked.functions.iter();
    functions.map(ToString::to_string).collect()
}

fn define_clock(linker: &mut Linker<Host>, name: &str) {
    let mut instance = linker.instance(name).unwrap();
    instance.func_wrap("now", |_, (): ()| Ok((9u8,))).unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_the_host_defines_is_left_alone_in_any_compatible_version() {
    let binary = binary();
    for version in ["0.2.0", "0.2.1", "0.2.7"] {
        let guest = Guest::with_linker(
            &binary,
            |linker| {
                define_clock(linker, &format!("test:app/clock@{version}"));
                linker
                    .root()
                    .func_wrap("ping", |_, (): ()| Ok((8u8,)))
                    .unwrap();
            },
            |linker| linker,
        )
        .unwrap();
        assert!(
            linked(&guest).iter().all(|name| name.starts_with(APP)),
            "{version}: {:?}",
            guest.linked
        );
        let mut running = guest.start(Script::default()).await;
        let now = running.call(CLOCK, "now", &[]).await;
        assert_eq!(now.unwrap(), Some(Val::U8(9)), "{version}");
        let pong = running.call("", "ping", &[]).await;
        assert_eq!(pong.unwrap(), Some(Val::U8(8)));
        assert!(running.mock().calls.lock().unwrap().is_empty());
    }
}

#[test]
fn another_version_of_the_host_does_not_stand_in() {
    let define = |linker: &mut Linker<Host>| define_clock(linker, "test:app/clock@0.3.0");
    let guest = Guest::with_linker(&binary(), define, |linker| linker).unwrap();
    assert!(linked(&guest).contains(&format!("{CLOCK}#now -> trap")));
    assert!(linked(&guest).contains(&"ping -> trap".into()));
}

#[test]
fn a_definition_of_another_type_is_reported_and_the_linker_stays_as_it_was() {
    let engine = Engine::default();
    let component = Component::new(&engine, binary()).unwrap();
    let mut linker = Linker::<Host>::new(&engine);
    linker.instance(CLOCK).unwrap();
    let error = ImportLinker::new(&component).link(&mut linker).unwrap_err();
    assert!(format!("{error:#}").contains(CLOCK), "{error:#}");
    // Nothing of it was defined.
    linker.instance(APP).unwrap();
}

#[tokio::test(start_paused = true)]
async fn of_a_bare_function_the_ok_value_alone_travels() {
    let binary = binary();
    for interface in [APP, "test:app/greeter"] {
        let guest = Guest::new(&binary, |linker| {
            linker.bare(interface, "greet").bare(interface, "poke")
        });
        let hello = guest
            .call(Script::answer(b"\x02hi"), APP, "greet", &[])
            .await;
        assert_eq!(hello.unwrap(), Some(ok(Some(text("hi")))));
        // Without a value, it is the close that counts.
        let poked = guest.call(Script::default(), APP, "poke", &[]).await;
        assert_eq!(poked.unwrap(), Some(ok(None)));
        // The others travel as declared.
        let count = guest
            .call(Script::answer(b"\0\x07"), APP, "text", &[])
            .await;
        assert_eq!(count.unwrap(), Some(ok(Some(Val::U8(7)))));

        let error = typed(RpcErrorKind::Timeout, Delivery::Unknown);
        for func in ["greet", "poke"] {
            let script = Script::refuse(error.clone());
            let failed = guest.call(script, APP, func, &[]).await;
            assert_eq!(failed.unwrap(), Some(err(rpc_error(&error))));
        }
        assert!(guest.linked.unused_bare.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_bare_instance_each_result_is_bare_and_the_rest_is_not() {
    let guest = Guest::new(&binary(), |linker| {
        linker
            .bare_instance("test:app/greeter")
            .bare("test:app/nobody", "greet")
    });
    let hello = guest
        .call(Script::answer(b"\x02hi"), APP, "greet", &[])
        .await;
    assert_eq!(hello.unwrap(), Some(ok(Some(text("hi")))));
    let number = guest.call(Script::answer(b"\x07"), APP, "text", &[]).await;
    assert_eq!(number.unwrap(), Some(ok(Some(Val::U8(7)))));
    let count = guest.call(Script::answer(b"\x07"), APP, "count", &[]).await;
    assert_eq!(count.unwrap(), Some(Val::U8(7)));
    assert_eq!(&*guest.linked.unused_bare, ["test:app/nobody#greet".into()]);
    assert_eq!(
        linked(&guest)[0],
        format!("{APP}#greet -> rpc-error (bare)")
    );
}

/// The error of linking a guest with one interface of these contents.
fn refused(interface: &str, configure: impl FnOnce(ImportLinker) -> ImportLinker) -> LinkError {
    let wit = format!(
        "package test:app;
        interface odd {{ {interface} }}
        world guest {{ import odd; import wasi:io/poll@0.2.0; export odd; }}"
    );
    let binary = relay(published(), &wit, &[]);
    let error = Guest::with_linker(&binary, upstream, configure)
        .err()
        .unwrap();
    error.downcast_ref::<LinkError>().unwrap().clone()
}

#[test]
fn what_can_not_be_called_is_refused_by_name() {
    let error = refused("f: func() -> u8;", |linker| {
        linker.bare("test:app/odd", "f")
    });
    assert_eq!(error.import(), "test:app/odd#f");
    assert_eq!(*error.cause(), LinkErrorCause::NotAResult);

    // A resource that this host defines.
    let wit = "
        package test:app;
        interface odd {
            use wasi:io/poll@0.2.0.{pollable};
            f: func() -> option<pollable>;
        }
        world guest {
            import odd;
            use wasi:io/poll@0.2.0.{pollable};
            export f: func() -> option<pollable>;
        }";
    let binary = relay(published(), wit, &[("f", "test:app/odd", "f")]);
    let error = Guest::with_linker(&binary, upstream, |linker| linker)
        .err()
        .unwrap();
    let error = error.downcast_ref::<LinkError>().unwrap();
    assert_eq!(error.import(), "test:app/odd#f");
    assert_eq!(*error.cause(), LinkErrorCause::LocalResource);

    // An interface that this host has to define.
    let error = Guest::with_linker(&binary, |_| {}, |linker| linker)
        .err()
        .unwrap();
    let error = error.downcast_ref::<LinkError>().unwrap();
    assert_eq!(error.import(), "wasi:io/poll@0.2.0");
    assert!(matches!(
        error.cause(),
        LinkErrorCause::HostInterface { .. }
    ));
}

/// A component of text, linked into an empty linker.
fn refused_text(component: &str) -> LinkError {
    let mut config = wasmtime::Config::new();
    config.wasm_component_model_map(true);
    let engine = Engine::new(&config).unwrap();
    let component = Component::new(&engine, wat::parse_str(component).unwrap()).unwrap();
    let mut linker = Linker::<Host>::new(&engine);
    let error = ImportLinker::new(&component).link(&mut linker).unwrap_err();
    error.downcast_ref::<LinkError>().unwrap().clone()
}

#[test]
fn what_is_no_function_is_refused_by_name() {
    for (import, item, what) in [
        ("(import \"m\" (core module))", "m", "core module"),
        (
            "(import \"a:b/c\" (instance (export \"m\" (core module))))",
            "a:b/c#m",
            "core module",
        ),
    ] {
        let error = refused_text(&format!("(component {import})"));
        assert_eq!(error.import(), item);
        let LinkErrorCause::NotCallable { what: found, .. } = error.cause() else {
            panic!("{error:?}");
        };
        assert_eq!(*found, what);
    }
    let error = refused_text(
        "(component (type $m (map string u8))
            (import \"f\" (func (param \"x\" (list (option $m))))))",
    );
    assert_eq!(error.import(), "f");
    assert_eq!(*error.cause(), LinkErrorCause::Type { ty: "map" });
}

#[test]
fn the_interfaces_of_wrpc_itself_are_added_on_request() {
    let wit = "
        package test:app;
        interface opener {
            use wrpc:rpc/error@0.1.0.{error};
            open: func() -> result<u8, error>;
        }
        world guest {
            import opener;
            use wrpc:rpc/error@0.1.0.{error};
            export open: func() -> result<u8, error>;
        }";
    let engine = Engine::default();
    let binary = relay(published(), wit, &[("open", "test:app/opener", "open")]);
    let component = Component::new(&engine, binary).unwrap();
    let mut linker = Linker::<Host>::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();

    let error = ImportLinker::new(&component).link(&mut linker).unwrap_err();
    let error = error.downcast_ref::<LinkError>().unwrap();
    assert_eq!(error.import(), "wrpc:rpc/error@0.1.0");
    assert!(error.cause().to_string().contains("link_with_rpc"));

    let report = ImportLinker::new(&component)
        .link_with_rpc(&mut linker)
        .unwrap();
    assert_eq!(&*report.host, ["wrpc:rpc/error@0.1.0".into()]);
    let functions: Vec<String> = report.functions.iter().map(ToString::to_string).collect();
    assert!(
        functions.contains(&"test:app/opener#open -> wrpc:rpc/error.error".into()),
        "{functions:?}"
    );
    linker.instantiate_pre(&component).unwrap();
}

/// Links as a host of upstream does, with one import changed.
fn link_as_upstream(component: &Component, options: impl Into<LinkOptions>) -> Linker<Host> {
    let engine = component.engine();
    let mut linker = Linker::new(engine);
    let options = options.into();
    for (name, item) in component.component_type().imports(engine) {
        link_item(
            engine,
            &mut linker.root(),
            Vec::new(),
            options.clone(),
            item,
            "",
            name,
        )
        .unwrap();
    }
    linker
}

#[tokio::test(start_paused = true)]
async fn a_host_of_upstream_changes_one_import() {
    let engine = Engine::default();
    let component = Component::new(&engine, binary()).unwrap();
    let resources = std::sync::Arc::new(HostResources::new());
    for options in [
        LinkOptions::from(HostResources::new()),
        LinkOptions::from(std::sync::Arc::clone(&resources)),
        LinkOptions::for_component(&engine, &component.component_type(), resources),
    ] {
        let linker = link_as_upstream(&component, options);
        let error = typed(RpcErrorKind::Transport, Delivery::NotSent);
        let mut store = wasmtime::Store::new(&engine, Host::new(Script::refuse(error.clone())));
        let instance = linker
            .instantiate_async(&mut store, &component)
            .await
            .unwrap();
        let mut running = Running { store, instance };
        let failed = running.call(APP, "greet", &[]).await;
        assert_eq!(failed.unwrap(), Some(err(rpc_error(&error))));

        running.store.data_mut().ctx.mock = Mock::new(Script::answer(b"\x08"));
        let pong = running.call("", "ping", &[]).await;
        assert_eq!(pong.unwrap(), Some(Val::U8(8)));
    }
}
