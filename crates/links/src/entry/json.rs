//! An entry as JSON.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use wrpc_middleware_transport::link::DEFAULT_LINK_NAME;

use super::{Bare, Entry};

/// The keys of the JSON. One that is not known is refused: it may be a restriction.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename = "link")]
struct Json {
    source: String,
    target: String,
    interface: String,
    #[serde(default = "default_name", skip_serializing_if = "is_default_name")]
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    functions: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "JsonBare::is_none")]
    bare: JsonBare,
}

#[derive(Deserialize, Serialize)]
#[serde(
    untagged,
    expecting = "`bare` takes true, false or an array of strings"
)]
enum JsonBare {
    All(bool),
    Functions(Vec<String>),
}

impl Default for JsonBare {
    fn default() -> Self {
        Self::All(false)
    }
}

impl JsonBare {
    fn is_none(&self) -> bool {
        matches!(self, Self::All(false))
    }
}

fn default_name() -> String {
    DEFAULT_LINK_NAME.to_owned()
}

fn is_default_name(name: &str) -> bool {
    name == DEFAULT_LINK_NAME
}

impl From<&Entry> for Json {
    fn from(entry: &Entry) -> Self {
        Self {
            source: entry.source.to_string(),
            target: entry.target.to_string(),
            interface: entry.interface.to_string(),
            name: entry.name.clone(),
            functions: entry.functions.clone(),
            bare: match &entry.bare {
                Bare::None => JsonBare::All(false),
                Bare::All => JsonBare::All(true),
                Bare::Functions(functions) => JsonBare::Functions(functions.clone()),
            },
        }
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.check().map_err(ser::Error::custom)?;
        Json::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        let id = |key: &str, text: &str| {
            text.parse().map_err(|reason| {
                de::Error::custom(format_args!("`{key}` is no component id: {reason}"))
            })
        };
        let interface = json.interface.parse().map_err(|reason| {
            de::Error::custom(format_args!("`interface` is malformed: {reason}"))
        })?;
        let entry = Self {
            source: id("source", &json.source)?,
            target: id("target", &json.target)?,
            interface,
            name: json.name,
            functions: json.functions,
            bare: match json.bare {
                JsonBare::All(false) => Bare::None,
                JsonBare::All(true) => Bare::All,
                JsonBare::Functions(functions) => Bare::Functions(functions),
            },
        };
        entry.check().map_err(de::Error::custom)?;
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Entry, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn an_entry_survives_the_way_there_and_back() {
        for bare in ["", r#","bare":true"#, r#","bare":["greet"]"#] {
            for functions in ["", r#","functions":["greet","counter.next"]"#] {
                for name in ["", r#","name":"backup""#] {
                    let json = format!(
                        r#"{{"source":"client","target":"greeter","interface":"test:app/greeter"{name}{functions}{bare}}}"#
                    );
                    let entry = parse(&json).unwrap();
                    assert_eq!(serde_json::to_string(&entry).unwrap(), json);
                }
            }
        }
        let versioned = r#"{"source":"a","target":"b","interface":"c:d/e@1.0.0"}"#;
        assert_eq!(parse(versioned).unwrap().interface.as_str(), "c:d/e");
    }

    #[test]
    fn what_is_not_understood_is_no_entry() {
        let good = r#"{"source":"a","target":"b","interface":"c:d/e"}"#;
        assert!(parse(good).is_ok());
        for (bad, expected) in [
            (good.replace('}', r#","until":1}"#), "unknown field `until`"),
            (good.replace("target", "targets"), "unknown field"),
            (
                good.replace(r#","target":"b""#, ""),
                "missing field `target`",
            ),
            (
                good.replace(r#""a""#, r#""a.b""#),
                "`source` is no component id",
            ),
            (
                good.replace(r#""b""#, r#""*""#),
                "`target` is no component id",
            ),
            (good.replace("c:d/e", "c/d"), "`interface` is malformed"),
            (good.replace('}', r#","functions":[]}"#), "empty list"),
            (
                good.replace('}', r#","functions":["a b"]}"#),
                "no name of a function",
            ),
            (
                good.replace('}', r#","bare":[""]}"#),
                "no name of a function",
            ),
            (good.replace('}', r#","bare":1}"#), "`bare` takes"),
            (good.replace('}', r#","name":""}"#), "no name of a link"),
            (good.replace('}', r#","source":"x"}"#), "duplicate field"),
            (good.replace('}', "} {}"), "trailing"),
            (String::new(), "EOF"),
            ("[]".to_owned(), ""),
            ("null".to_owned(), ""),
        ] {
            let error = parse(&bad).unwrap_err();
            assert!(error.contains(expected), "{bad}: {error}");
        }
    }
}
