//! From TOML with positions to entries.
//!
//! By hand over the spanned document rather than by `serde`: that keeps the key and the line of
//! each mistake, and the type of it.

use std::borrow::Cow;
use std::collections::HashMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use wrpc_middleware_transport::link::{DEFAULT_LINK_NAME, Interface};

use super::error::Mistake;
use crate::entry::{check_functions, check_link_name};
use crate::{Bare, Entry, Id};

/// A mistake and the byte it starts at.
pub(super) struct Found {
    pub(super) offset: Option<usize>,
    pub(super) mistake: Mistake,
}

type Result<T, E = Found> = core::result::Result<T, E>;

const LINK_KEYS: &str = "`source`, `target`, `interface`, `name`, `functions` or `bare`";

/// The line of a byte, counted from 1.
pub(super) fn line(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    1 + before.filter(|&&byte| byte == b'\n').count()
}

pub(super) fn parse(text: &str) -> Result<Vec<Entry>> {
    let document = DeTable::parse(text).map_err(|error| Found {
        offset: error.span().map(|span| span.start),
        mistake: Mistake::Syntax(error.message().replace('\n', ", ")),
    })?;
    let mut entries = Vec::new();
    let mut seen = HashMap::new();
    for (key, value) in in_order(document.get_ref()) {
        if key.get_ref() != "link" {
            return Err(unknown_key(key, "only `[[link]]`"));
        }
        for table in tables(value)? {
            let entry = entry(table)?;
            let identity = (
                entry.source.clone(),
                entry.name.clone(),
                entry.interface.clone(),
            );
            let offset = table.span().start;
            if let Some(first) = seen.insert(identity, offset) {
                let first = line(text, first);
                return Err(at(table, Mistake::Duplicate { first }));
            }
            entries.push(entry);
        }
    }
    Ok(entries)
}

fn entry(table: &Spanned<DeValue<'_>>) -> Result<Entry> {
    let DeValue::Table(fields) = table.get_ref() else {
        return Err(wrong_type(table, "link", "tables: `[[link]]`"));
    };
    let (mut source, mut target, mut interface) = (None, None, None);
    let (mut name, mut functions, mut bare) = (None, None, Bare::None);
    for (key, value) in in_order(fields) {
        match key.get_ref().as_ref() {
            "source" => source = Some(id(value, "source")?),
            "target" => target = Some(id(value, "target")?),
            "interface" => interface = Some(interface_of(value)?),
            "name" => name = Some(link_name(value)?),
            "functions" => functions = Some(function_names(value, "functions")?),
            "bare" => bare = bare_of(value)?,
            _ => return Err(unknown_key(key, LINK_KEYS)),
        }
    }
    let missing = |key| at(table, Mistake::MissingKey { key });
    let entry = Entry {
        source: source.ok_or_else(|| missing("source"))?,
        target: target.ok_or_else(|| missing("target"))?,
        interface: interface.ok_or_else(|| missing("interface"))?,
        name: name.unwrap_or_else(|| DEFAULT_LINK_NAME.into()),
        functions,
        bare,
    };
    match entry.check() {
        Ok(()) => Ok(entry),
        Err(mistake) => Err(at(table, mistake.into())),
    }
}

fn id(value: &Spanned<DeValue<'_>>, key: &'static str) -> Result<Id> {
    string(value, key, "a string")?
        .parse()
        .map_err(|reason| at(value, Mistake::Id { key, reason }))
}

fn interface_of(value: &Spanned<DeValue<'_>>) -> Result<Interface> {
    string(value, "interface", "a string")?
        .parse()
        .map_err(|reason| at(value, Mistake::Interface { reason }))
}

fn link_name(value: &Spanned<DeValue<'_>>) -> Result<String> {
    let name = string(value, "name", "a string")?;
    match check_link_name(name) {
        Ok(()) => Ok(name.to_owned()),
        Err(mistake) => Err(at(value, mistake.into())),
    }
}

fn bare_of(value: &Spanned<DeValue<'_>>) -> Result<Bare> {
    match value.get_ref() {
        DeValue::Boolean(true) => Ok(Bare::All),
        DeValue::Boolean(false) => Ok(Bare::None),
        DeValue::Array(_) => function_names(value, "bare").map(Bare::Functions),
        _ => Err(wrong_type(
            value,
            "bare",
            "true, false or an array of strings",
        )),
    }
}

fn function_names(value: &Spanned<DeValue<'_>>, key: &'static str) -> Result<Vec<String>> {
    let DeValue::Array(names) = value.get_ref() else {
        return Err(wrong_type(value, key, "an array of strings"));
    };
    let mut texts = Vec::with_capacity(names.len());
    for value in names {
        let name = [string(value, key, "an array of strings")?.to_owned()];
        check_functions(key, &name).map_err(|mistake| at(value, mistake.into()))?;
        texts.extend(name);
    }
    match check_functions(key, &texts) {
        Ok(()) => Ok(texts),
        Err(mistake) => Err(at(value, mistake.into())),
    }
}

/// The tables of `[[link]]`.
fn tables<'a, 'i>(value: &'a Spanned<DeValue<'i>>) -> Result<Vec<&'a Spanned<DeValue<'i>>>> {
    match value.get_ref() {
        DeValue::Array(tables) => Ok(tables.iter().collect()),
        _ => Err(wrong_type(value, "link", "tables: `[[link]]`")),
    }
}

/// The entries of a table in the order of the file, so that the first mistake is the one told.
fn in_order<'a, 'i>(
    table: &'a DeTable<'i>,
) -> Vec<(&'a Spanned<Cow<'i, str>>, &'a Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn string<'a>(
    value: &'a Spanned<DeValue<'_>>,
    key: &'static str,
    expected: &'static str,
) -> Result<&'a str> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text),
        _ => Err(wrong_type(value, key, expected)),
    }
}

fn wrong_type(value: &Spanned<DeValue<'_>>, key: &'static str, expected: &'static str) -> Found {
    let found = match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    };
    let mistake = Mistake::WrongType {
        key,
        expected,
        found,
    };
    at(value, mistake)
}

fn unknown_key(key: &Spanned<Cow<'_, str>>, expected: &'static str) -> Found {
    let mistake = Mistake::UnknownKey {
        key: key.get_ref().escape_debug().to_string(),
        expected,
    };
    at(key, mistake)
}

fn at<T>(place: &Spanned<T>, mistake: Mistake) -> Found {
    Found {
        offset: Some(place.span().start),
        mistake,
    }
}
