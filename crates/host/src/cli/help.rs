//! The long help texts.

pub(super) const PROGRAM: &str = "\
Exit codes: 0 a value or `ok`, or an orderly stop; 1 a trap, or the program could not run;
2 bad usage or bad input; 3 the function returned `err`.

Results go to stdout, everything else to stderr. RUST_LOG sets the log level, as in
RUST_LOG=wrpc_host=info,warn (default: warn).";

pub(super) const SERVE: &str = "\
Serve every function that a component exports

A function of an interface is served at LATTICE.ID.wrpc.0.0.1.INTERFACE.FUNCTION, in the queue
group ID, so that several processes with one id share the work. Calls run in parallel, each in an
instance of its own; a component that exports resources has one instance, and its calls take
turns. What the component imports and WASI does not provide is called over wRPC, as far as --links
permits it.

The line `serving ID: N functions` on stderr says that calls can come; `serving ID again: …`
that they can after a lost connection.

A call ends when its caller's deadline passes, and when its caller gives up. What the component
calls meanwhile has the same deadline, or --timeout if that is earlier. A trap, and any other end
without a result, reaches the caller as `target-failed`.

SIGINT, SIGTERM or SIGHUP stops taking calls, lets the running ones finish within --grace, and
exits 0. A call that NATS has passed on to this process by then is run as well. One that is cut off
in the end is `target-failed` to its caller. A second signal does not wait.";

pub(super) const HTTP: &str = "\
Serve a component that answers HTTP requests

The component exports wasi:http/incoming-handler (version 0.2), as in the world wasi:http/proxy.
Each request, over HTTP/1 or over HTTP/2 without TLS, runs in an instance of its own. What the
component imports and WASI does not provide is called over wRPC, as far as --links permits it, so
whatever fails behind it is a value to it, and the answer is the component's own.

Where it gives none, the host does: 500 if it trapped or ended without an answer, 504 if
--request-timeout passed, 503 with Retry-After past --max-requests, 400 for a request that names no
host. If any of that happens in the middle of an answer, the connection is cut, so that nobody takes
the part for the whole. A request ends with its client's connection. A call that the component makes
ends after --timeout, or a little before its request has to, so that there is time left to answer.

The line `serving ID at http://IP:PORT` on stderr says that requests can come. They can also while
NATS is away: calls then fail as `transport`. With RUST_LOG=wrpc_host=info each request is logged:
method, path, status, duration.

The component has no way out over HTTP: wasi:http/outgoing-handler fails with HTTP-request-denied.
There is no TLS and no authentication; put a reverse proxy in front where the address is public. The
headers of a request may take 64 KiB.

SIGINT, SIGTERM or SIGHUP stops taking connections, lets the running requests finish within --grace,
and exits 0. Those cut off in the end are answered 503 if they can be. A second signal does not
wait.";

pub(super) const CALL: &str = "\
Call one function of a component that runs in this process

FUNC(ARGS) is the name of an exported function and its arguments as WAVE: greet(\"bob\"), or
ns:pkg/iface#greet(\"bob\") where several interfaces export a `greet`. A version, as in
ns:pkg/iface@1.0.0#greet(\"bob\"), may be left out where it is unambiguous. The result is printed as
WAVE, `()` if there is none.

What the component imports and WASI does not provide is called over wRPC, by the links of --links
that start from ID and have the name `default`, or one that the component selects by
`wrpc:links/names`. Without one, a call is denied.

  [[link]]
  source = \"client\"               # component id of the caller
  target = \"greeter\"              # component id of the target
  interface = \"test:app/greeter\"  # a version is ignored
  # name = \"default\"
  # functions = [\"greet\"]         # the only ones it permits
  # bare = true                   # or [\"greet\"]: the target serves a plain T where the caller
                                  # declares result<T, rpc-error>";

pub(super) const DEMO: &str = "\
See every failure of a call happen, for real, in a few seconds

Starts a NATS server of its own and a target in a process of its own, runs a component here that
calls the target, and then breaks one thing after the other: the link, the target, its speed, the
NATS server. Prints what the component got each time, and how long that took. Needs the program
nats-server and nothing else; everything it starts is gone in the end. Exits 0 only if every line is
as expected.";

pub(super) const LINKS: &str = "\
Manage who may call whom

A link permits one component to call one interface on another. Hosts that are started with
--links kv://BUCKET follow a bucket of the JetStream of NATS: what is put there counts within
milliseconds on each of them, without a restart, and what is removed is denied.

  wrpc-host links init                                  # once; --replicas 3 on a cluster
  wrpc-host links put client greeter test:app/greeter
  wrpc-host serve --id client --links kv://links client.wasm
  wrpc-host links rm client test:app/greeter            # the next call is denied

All commands take --links kv://BUCKET; ls, export and permissions take a links file, too.";

pub(super) const PERMISSIONS: &str = "\
Print what the NATS user of a component has to be permitted, by its links

A host that was taken over asks no links. With these permissions it can't call what its component
is not linked to either, nor listen to others. They are what follows from the links as they are now:
print them again after a change.

For the user's block in the configuration of a NATS server, or, with --output json, as a user's JWT
has them. They include what is needed to follow the bucket, if --links names one, and the inbox
`_INBOX.ID.>` of the component and of no other.

Subjects have the versions of interfaces, and links ignore them: what is permitted is an interface
without a version, and with each of --majors.";

pub(super) const TOP: &str = "\
Watch what hosts measure: calls, latencies, errors by case, targets

Asks the hosts that were started with --metrics, once per --interval, and shows a line for each
function: where its calls go and what is known of that target (closed: calls go to it; open: it was
silent and is left alone; half-open: one call probes it), calls per second, how long half of them
and 99 of 100 took (of this interval, or, if there was none, of all so far), how many run, how many
there were, and how many failed, by case. Hosts are added up; one that can't be reached is shown as
that.

On a terminal the table is live: q quits, arrows scroll. Elsewhere, and with --output, it is printed
once, after one --interval.

  wrpc-host top 127.0.0.1:9464 127.0.0.1:9465
  wrpc-host top --output json 127.0.0.1:9464 | jq '.functions[] | {function, errors}'";

pub(super) const COMPLETIONS: &str = "\
Print what a shell needs to complete arguments

  wrpc-host completions bash > ~/.local/share/bash-completion/completions/wrpc-host
  wrpc-host completions zsh > \"${fpath[1]}/_wrpc-host\"
  wrpc-host completions fish > ~/.config/fish/completions/wrpc-host.fish";

pub(super) const MAN: &str = "\
Print a manual page

  wrpc-host man | man -l -
  wrpc-host man links put | man -l -
  wrpc-host man --out ~/.local/share/man/man1";
