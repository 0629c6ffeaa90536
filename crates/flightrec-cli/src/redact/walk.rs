//! Masks every text in the JSON of a dump.

use std::collections::BTreeMap;

use logredact::{MASK, Redactor};
use serde_json::{Map, Value};

/// Keys with values that belong to the schema. In the form that the schema specifies they hold no
/// personal data, and masking them would make the dump unreadable.
const STRUCTURE: [&str; 12] = [
    "schema",
    "created_at",
    "started_at",
    "time",
    "level",
    "kind",
    "address",
    "build_id",
    "fingerprint",
    "os",
    "arch",
    "seq",
];

/// The longest text of the schema: a build-id.
const MAX_WORD: usize = 128;

/// Whether a value is a time, a number or a word, not prose.
fn is_word(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+".contains(&byte);
            text.len() <= MAX_WORD && text.bytes().all(plain)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// What was masked.
#[derive(Debug, Default)]
pub(crate) struct Masked {
    /// How many values each rule has masked.
    pub(crate) rules: BTreeMap<String, u64>,
    /// Where and how often, such as `latest_logs[3].msg` once, `latest_logs[…].msg` many times.
    pub(crate) places: Vec<(String, u64)>,
    /// The total number of places.
    pub(crate) count: u64,
}

/// Masks the dump, and adds the new counts to those in the dump.
pub(crate) fn mask(dump: &mut Value, redactor: &Redactor) -> Masked {
    let before: BTreeMap<String, u64> = sum(redactor.counts());
    let mut walk = Walk {
        redactor,
        masked: Masked::default(),
        place: String::new(),
        places: BTreeMap::new(),
    };
    walk.value(dump, None);
    let mut masked = walk.masked;
    let places = walk.places.into_iter();
    masked.places = places
        .map(|(pattern, (first, count))| (if count == 1 { first } else { pattern }, count))
        .collect();
    for (rule, count) in sum(redactor.counts()) {
        let new = count - before.get(&rule).copied().unwrap_or(0).min(count);
        if new > 0 {
            *masked.rules.entry(rule).or_default() += new;
        }
    }
    add_counts(dump, &masked);
    masked
}

/// The sum for each name: several rules may have the same name.
fn sum(counts: Vec<(String, u64)>) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (rule, count) in counts {
        *sums.entry(rule).or_default() += count;
    }
    sums
}

fn add_counts(dump: &mut Value, masked: &Masked) {
    let Value::Object(dump) = dump else { return };
    let redactions = dump
        .entry("redactions")
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(redactions) = redactions {
        for (rule, count) in &masked.rules {
            let known = redactions.get(rule).and_then(Value::as_u64).unwrap_or(0);
            redactions.insert(rule.clone(), known.saturating_add(*count).into());
        }
    }
}

struct Walk<'a> {
    redactor: &'a Redactor,
    masked: Masked,
    place: String,
    /// For places that differ only in their indexes: the first one and their number.
    places: BTreeMap<String, (String, u64)>,
}

impl Walk<'_> {
    /// The depth is bounded: the JSON parser has a limit.
    fn value(&mut self, value: &mut Value, key: Option<&str>) {
        match value {
            Value::String(text) => {
                let new = match key {
                    Some(key) => self.redactor.value(key, text),
                    None => self.redactor.text(text),
                };
                if new != *text {
                    *text = new.into_owned();
                    self.note();
                }
            }
            Value::Number(number) => {
                // A number may be a secret, too.
                let number = number.to_string();
                let is_secret = key.is_some_and(|key| {
                    self.redactor.is_secret(key) && self.redactor.value(key, &number) != number
                });
                if is_secret {
                    *value = Value::String(MASK.to_owned());
                    self.note();
                }
            }
            Value::Array(items) => {
                for (n, item) in items.iter_mut().enumerate() {
                    self.within(&format!("[{n}]"), |walk| walk.value(item, key));
                }
            }
            Value::Object(object) => self.object(object, key),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn object(&mut self, object: &mut Map<String, Value>, key: Option<&str>) {
        // The names of key-values are from the program, all others from the schema.
        let is_data = key.is_some();
        for (name, mut value) in std::mem::take(object) {
            let masked = self.redactor.text(&name).into_owned();
            let is_structure = !is_data && STRUCTURE.contains(&name.as_str()) && is_word(&value);
            if !is_structure {
                // Everything in a secret object is secret.
                let outer = key.filter(|key| self.redactor.is_secret(key));
                let data = is_data || matches!(name.as_str(), "fields" | "metadata");
                let key = data.then_some(outer.unwrap_or(&name));
                let dot = if self.place.is_empty() { "" } else { "." };
                self.within(&format!("{dot}{masked}"), |walk| {
                    walk.value(&mut value, key);
                    if masked != name {
                        walk.note();
                    }
                });
            }
            object.insert(free(object, masked), value);
        }
    }

    fn within(&mut self, part: &str, visit: impl FnOnce(&mut Self)) {
        let len = self.place.len();
        self.place.push_str(part);
        visit(self);
        self.place.truncate(len);
    }

    fn note(&mut self) {
        self.masked.count += 1;
        let mut pattern = String::new();
        for (n, part) in self.place.split('[').enumerate() {
            let rest = part.split_once(']').map(|(_, rest)| rest);
            match rest.filter(|_| n > 0) {
                Some(rest) => pattern.extend(["[…]", rest]),
                None => pattern.push_str(part),
            }
        }
        let first = || (self.place.clone(), 0);
        self.places.entry(pattern).or_insert_with(first).1 += 1;
    }
}

/// A name that the object does not have yet: two names may be equal after masking.
fn free(object: &Map<String, Value>, name: String) -> String {
    if !object.contains_key(&name) {
        return name;
    }
    let numbered = (2..).map(|n| format!("{name} ({n})"));
    numbered
        .into_iter()
        .find(|name| !object.contains_key(name))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_masked_wherever_they_are() {
        let mut dump = json!({
            "schema": "flightrec/2",
            "time": "2026-11-23T00:30:16.750000Z",
            "kind": "token=abc",
            "error": {"message": "no", "sources": [{"message": "password=hunter2"}]},
            "latest_logs": [{"msg": "fine", "fields": {"api_key": 17, "n": 17, "time": "token=abc"}}],
            "of_tomorrow": ["https://me:pw@example.org"],
            "redactions": {"key": 1},
        });
        let masked = mask(&mut dump, &Redactor::default());
        let expected = json!({
            "schema": "flightrec/2",
            "time": "2026-11-23T00:30:16.750000Z",
            "kind": "token=[redacted]",
            "error": {"message": "no", "sources": [{"message": "password=[redacted]"}]},
            "latest_logs": [{"msg": "fine", "fields": {"api_key": "[redacted]", "n": 17, "time": "token=[redacted]"}}],
            "of_tomorrow": ["https://me:[redacted]@example.org"],
            "redactions": {"key": 5, "url": 1},
        });
        assert_eq!(dump, expected);
        assert_eq!(masked.count, 5);
        let places: Vec<_> = masked.places.iter().map(|(place, _)| place).collect();
        assert_eq!(
            places,
            [
                "error.sources[0].message",
                "kind",
                "latest_logs[0].fields.api_key",
                "latest_logs[0].fields.time",
                "of_tomorrow[0]"
            ]
        );
    }

    #[test]
    fn names_are_masked_and_none_is_lost() {
        let mut dump = json!({
            "schema": "flightrec/1",
            "metadata": {"of Bluebird": 1, "of Nightjar": 2, "other": 3},
        });
        let redactor = Redactor::default().literal("Bluebird").literal("Nightjar");
        let masked = mask(&mut dump, &redactor);
        let expected = json!({
            "schema": "flightrec/1",
            "metadata": {"of [redacted]": 1, "of [redacted] (2)": 2, "other": 3},
            "redactions": {"literal": 2},
        });
        assert_eq!(dump, expected);
        assert_eq!(masked.count, 2);
        assert_eq!(masked.places, [("metadata.of […]".to_owned(), 2)]);
    }
}
