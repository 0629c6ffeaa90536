//! Masking every text in a dump's JSON.

use std::collections::BTreeMap;

use flightrec::logtee::redact::{MASK, Redactor};
use serde_json::{Map, Value};

/// Keys whose values are the schema's own and say nothing of anybody: masking them could only
/// make the dump unreadable.
const STRUCTURE: [&str; 13] = [
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
    "redactions",
    "seq",
];

/// Places that are named; more are counted.
const MAX_PLACES: usize = 1_000;

/// What was masked.
#[derive(Debug, Default)]
pub(crate) struct Masked {
    /// How many values by each rule.
    pub(crate) rules: BTreeMap<String, u64>,
    /// Where, such as `latest_logs[3].msg`.
    pub(crate) places: Vec<String>,
    /// How many places there are in all.
    pub(crate) count: u64,
}

/// Masks the dump, and adds to its own account of what was masked.
pub(crate) fn mask(dump: &mut Value, redactor: &Redactor) -> Masked {
    let before: BTreeMap<String, u64> = sum(redactor.counts());
    let mut walk = Walk {
        redactor,
        masked: Masked::default(),
        place: String::new(),
    };
    walk.value(dump, None);
    let mut masked = walk.masked;
    for (rule, count) in sum(redactor.counts()) {
        let new = count - before.get(&rule).copied().unwrap_or(0).min(count);
        if new > 0 {
            masked.rules.insert(rule, new);
        }
    }
    account(dump, &masked);
    masked
}

/// Two rules may have one name.
fn sum(counts: Vec<(String, u64)>) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (rule, count) in counts {
        *sums.entry(rule).or_default() += count;
    }
    sums
}

fn account(dump: &mut Value, masked: &Masked) {
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
}

impl Walk<'_> {
    /// The depth is bounded: this was read as JSON.
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
            Value::Number(_) if key.is_some_and(|key| self.redactor.is_secret(key)) => {
                *value = Value::String(MASK.to_owned());
                self.note();
            }
            Value::Array(items) => {
                for (n, item) in items.iter_mut().enumerate() {
                    self.within(&format!("[{n}]"), |walk| walk.value(item, key));
                }
            }
            Value::Object(object) => self.object(object, key),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn object(&mut self, object: &mut Map<String, Value>, key: Option<&str>) {
        // Among key-values, names are the program's; elsewhere they are the schema's.
        let is_data = key.is_some();
        for (name, value) in object {
            if !is_data && STRUCTURE.contains(&name.as_str()) {
                continue;
            }
            // Everything in a secret object is secret.
            let outer = key.filter(|key| self.redactor.is_secret(key));
            let data = is_data || matches!(name.as_str(), "fields" | "metadata");
            let key = data.then_some(outer.unwrap_or(name));
            let dot = if self.place.is_empty() { "" } else { "." };
            self.within(&format!("{dot}{name}"), |walk| walk.value(value, key));
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
        if self.masked.places.len() < MAX_PLACES {
            self.masked.places.push(self.place.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_masked_wherever_they_are() {
        let mut dump = json!({
            "schema": "flightrec/2",
            "time": "token=abc",
            "error": {"message": "no", "sources": [{"message": "password=hunter2"}]},
            "latest_logs": [{"msg": "fine", "fields": {"api_key": 17, "n": 17, "time": "token=abc"}}],
            "of_tomorrow": ["https://me:pw@example.org"],
            "redactions": {"key": 1},
        });
        let masked = mask(&mut dump, &Redactor::default());
        let expected = json!({
            "schema": "flightrec/2",
            "time": "token=abc",
            "error": {"message": "no", "sources": [{"message": "password=[redacted]"}]},
            "latest_logs": [{"msg": "fine", "fields": {"api_key": "[redacted]", "n": 17, "time": "token=[redacted]"}}],
            "of_tomorrow": ["https://me:[redacted]@example.org"],
            "redactions": {"key": 3, "url": 1},
        });
        assert_eq!(dump, expected);
        assert_eq!(masked.count, 4);
        let mut places = masked.places;
        places.sort();
        assert_eq!(
            places,
            [
                "error.sources[0].message",
                "latest_logs[0].fields.api_key",
                "latest_logs[0].fields.time",
                "of_tomorrow[0]"
            ]
        );
    }
}
