//! What one call puts on the wire, as text.

use core::fmt::Write as _;

use async_nats::Message;

/// The messages of the call of the function at `subject`, the same each time.
///
/// What the caller and the target chose becomes `R_c` and `R_s`, with the `~` behind it if there is
/// one; times become names; headers are sorted, as their order means nothing.
pub fn capture(messages: &[Message], subject: &str) -> String {
    let (mut caller, mut target) = (None, None);
    let mut text = String::new();
    for message in messages {
        let to = &*message.subject;
        let reply = message.reply.as_deref();
        let inbox = reply.map(|reply| reply.trim_end_matches('~'));
        let who = if to == subject {
            caller = inbox;
            "caller"
        } else if is_below(to, caller) {
            if Some(to.trim_end_matches('~')) == caller {
                target = inbox;
            }
            "target"
        } else if is_below(to, target) {
            "caller"
        } else {
            // Of the harness, or of the clients themselves.
            continue;
        };
        let named = |name: &str| named(name, [(caller, "R_c"), (target, "R_s")]);
        let command = if message.headers.is_some() {
            "HPUB"
        } else {
            "PUB"
        };
        let _ = write!(text, "{who} {command} {}", named(to));
        if let Some(reply) = reply {
            let _ = write!(text, " {}", named(reply));
        }
        text.push('\n');
        text.push_str(&headers(message));
        if !message.payload.is_empty() {
            let _ = writeln!(text, "    \"{}\"", message.payload.escape_ascii());
        }
    }
    text
}

fn is_below(subject: &str, base: Option<&str>) -> bool {
    let rest = base.and_then(|base| subject.strip_prefix(base));
    let rest = rest.map(|rest| rest.strip_prefix('~').unwrap_or(rest));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn named(subject: &str, names: [(Option<&str>, &str); 2]) -> String {
    for (base, name) in names {
        if is_below(subject, base) {
            let rest = &subject[base.map_or(0, str::len)..];
            return format!("{name}{rest}");
        }
    }
    subject.to_owned()
}

fn headers(message: &Message) -> String {
    let Some(headers) = &message.headers else {
        return String::new();
    };
    let lines = headers.iter().flat_map(|(name, values)| {
        values.iter().map(move |value| {
            let value = match name.to_string().as_str() {
                "Wrpc-Timeout-Ms" => "<milliseconds>",
                "Wrpc-Expires" => "<Unix time in milliseconds>",
                _ => value.as_str(),
            };
            format!("    {name}: {value}\n")
        })
    });
    let mut lines: Vec<_> = lines.collect();
    lines.sort_by(|one, two| one.split(':').next().cmp(&two.split(':').next()));
    lines.insert(0, "    NATS/1.0\n".to_owned());
    lines.concat()
}
