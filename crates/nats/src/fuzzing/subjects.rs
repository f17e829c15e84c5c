//! Subjects of peers.

use arbitrary::{Result, Unstructured};

use crate::exchange::Part;
use crate::id::Id;
use crate::subject::{
    ALIVE, Inbox, InboxPrefixes, PARAMS, RESULTS, below, server, stream, token, untoken,
};

/// No peer makes this side publish where no inbox is, and every name has one meaning.
pub fn subjects(data: &[u8]) {
    let u = &mut Unstructured::new(data);
    let _ = replies(u).and_then(|()| names(u));
}

fn replies(u: &mut Unstructured<'_>) -> Result<()> {
    let permitted: Vec<&str> = u.choose(&[vec!["_INBOX"], vec!["_INBOX", "a.b"]])?.clone();
    let prefixes = InboxPrefixes::new(permitted.iter().copied());
    let reply = if u.arbitrary()? {
        format!("{}.{}", u.choose(&permitted)?, u.arbitrary::<&str>()?)
    } else {
        u.arbitrary()?
    };
    assert!(server(&reply).len() <= reply.len());
    assert!(reply.starts_with(server(&reply)));
    if prefixes.permit(&reply) {
        let below_one = |prefix: &&str| {
            let rest = reply.strip_prefix(prefix).and_then(|r| r.strip_prefix('.'));
            rest.is_some_and(|rest| !rest.is_empty())
        };
        assert!(permitted.iter().any(below_one), "{reply:?}");
        assert!(!reply.starts_with('$'), "{reply:?}");
        let bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '*' | '>');
        assert!(!reply.contains(bad), "{reply:?}");
        for token in reply.split('.') {
            let names = ["", "wrpc", "params", "results", "cancel", "alive"];
            assert!(!names.contains(&token), "{reply:?}");
        }
        assert!(prefixes.permit_alive(&below(&reply, ALIVE)), "{reply:?}");
    }
    if prefixes.permit_alive(&reply) {
        let inbox = reply.strip_suffix(".alive").expect("it says so");
        assert!(prefixes.permit(inbox), "{reply:?}");
    }
    Ok(())
}

fn names(u: &mut Unstructured<'_>) -> Result<()> {
    let rest: &str = u.arbitrary()?;
    let same = match Part::parse(rest) {
        Part::Params(path) => Some(stream("R", PARAMS, &path)),
        Part::Results(path) => Some(stream("R", RESULTS, &path)),
        _ => None,
    };
    if let Some(same) = same {
        assert_eq!(same.as_str(), format!("R.{rest}"), "another name of it");
    }
    let path: Vec<usize> = u.arbitrary()?;
    let subject = stream("R", RESULTS, &path);
    let rest = subject.strip_prefix("R.").expect("it is below");
    assert_eq!(Part::parse(rest), Part::Results(path));

    let base: &str = u.arbitrary()?;
    let (inbox, id) = (Inbox::new(base), Id::random());
    for own in [inbox.of(&id), inbox.unary(&id)] {
        assert!(inbox.split(&own) == Some((id, "")), "{own}");
        let below = below(&own, RESULTS);
        assert!(inbox.split(&below) == Some((id, RESULTS)), "{below}");
    }
    let _ = inbox.split(u.arbitrary()?);

    let (one, other): (&str, &str) = u.arbitrary()?;
    let tokens = [token(one), token(other)];
    assert_eq!(one == other, tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(untoken(&tokens[0]), one);
    let names = ["wrpc", "params", "results", "cancel", "alive"];
    assert!(!tokens[0].contains('.') && !names.contains(&&*tokens[0]));
    Ok(())
}
