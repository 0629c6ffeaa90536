//! What a list tells of a dump, read without its log.

use std::fmt;
use std::mem;

use jiff::Timestamp;
use serde_core::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::look::{text, time};

/// The head of a dump; what is unknown is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Summary {
    pub(crate) app: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    /// The first line of what failed, escaped.
    pub(crate) message: String,
    pub(crate) fingerprint: String,
    pub(crate) created_at: Option<Timestamp>,
    /// Operating system and architecture.
    pub(crate) host: String,
    pub(crate) suppressed: u64,
}

/// A longer message is cut: a list of ten thousand dumps holds as many of them.
const MAX_MESSAGE: usize = 500;

/// The keys that are read, all of which are small in an honest dump.
const KEYS: [&str; 8] = [
    "schema",
    "app",
    "version",
    "created_at",
    "reason",
    "fingerprint",
    "host",
    "suppressed_dumps",
];

impl Summary {
    /// The head of the dump; an error if it is no dump.
    pub(crate) fn of(json: &[u8]) -> Result<Summary, String> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let values = Head
            .deserialize(&mut reader)
            .map_err(|error| error.to_string())?;
        reader.end().map_err(|error| error.to_string())?;
        let text = |key: usize| values[key].as_str().unwrap_or_default().to_owned();
        let part = |key: usize, part: &str| {
            values[key]
                .get(part)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        if !values[0]
            .as_str()
            .is_some_and(|schema| schema.starts_with("flightrec/"))
        {
            return Err("it has no \"schema\": \"flightrec/…\"".to_owned());
        }
        let message = text::first_line(part(4, "message"));
        Ok(Summary {
            app: text(1),
            version: text(2),
            created_at: time::parse(&text(3)),
            kind: part(4, "kind").to_owned(),
            message: text::cut(&message, MAX_MESSAGE).into_owned(),
            fingerprint: text(5),
            host: format!("{} {}", part(6, "os"), part(6, "arch"))
                .trim()
                .to_owned(),
            suppressed: values[7].as_u64().unwrap_or(0),
        })
    }

    /// What failures of one kind have in common: the fingerprint, or, without a stack, the
    /// message without its numbers.
    pub(crate) fn likeness(&self) -> String {
        if !self.fingerprint.is_empty() {
            return self.fingerprint.clone();
        }
        let mut key = format!("{} {}: ", self.app, self.kind);
        let mut digits = false;
        for char in self.message.chars() {
            if !mem::replace(&mut digits, char.is_ascii_digit()) || !digits {
                key.push(if digits { '#' } else { char });
            }
        }
        key
    }

    /// `census 0.1.0`, escaped.
    pub(crate) fn program(&self) -> String {
        let app = if self.app.is_empty() { "?" } else { &self.app };
        text::line(format!("{app} {}", self.version).trim_end()).into_owned()
    }
}

struct Head;

impl<'de> DeserializeSeed<'de> for Head {
    type Value = [Value; KEYS.len()];

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Head {
    type Value = [Value; KEYS.len()];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a dump")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut values = [const { Value::Null }; KEYS.len()];
        while let Some(key) = entries.next_key_seed(Key)? {
            match key {
                Some(at) => values[at] = entries.next_value()?,
                None => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(values)
    }
}

/// The number of a key that is read.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(KEYS.iter().position(|known| *known == key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_read_and_the_log_passed_over() {
        let json =
            br#"{"schema":"flightrec/2","latest_logs":[{"msg":"x"}],"app":"a","version":null,
            "created_at":"2026-11-23T00:00:00Z","reason":{"kind":"error","message":"one\ntwo"},
            "host":{"os":"linux","arch":"arm"},"new":[{}]}"#;
        let summary = Summary::of(json).unwrap();
        assert_eq!(
            (summary.program().as_str(), summary.kind.as_str()),
            ("a", "error")
        );
        assert_eq!(
            (summary.message.as_str(), summary.host.as_str()),
            ("one", "linux arm")
        );
        assert!(summary.created_at.is_some());
        for other in [
            "",
            "[]",
            "{}",
            "{\"schema\":\"other\"}",
            "{\"schema\":\"flightrec/1\"",
            "{} {}",
        ] {
            assert!(Summary::of(other.as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn without_a_stack_failures_are_alike_by_their_message() {
        let likeness = |message: &str| {
            Summary {
                kind: "level".to_owned(),
                message: message.to_owned(),
                ..Summary::default()
            }
            .likeness()
        };
        assert_eq!(likeness("port 80 is taken"), likeness("port 8080 is taken"));
        assert_ne!(likeness("port 80 is taken"), likeness("port is taken"));
        assert_eq!(likeness("a1b22"), " level: a#b#");
    }
}
