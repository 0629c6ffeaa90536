//! Masking what goes into a dump, and counting what was masked.

use logredact::Redactor;

use super::{Entries, Value};

/// The redactor, for one dump.
pub(super) struct Mask<'a> {
    redactor: &'a Redactor,
    before: Entries<u64>,
}

impl<'a> Mask<'a> {
    pub(super) fn new(redactor: &'a Redactor) -> Mask<'a> {
        Mask {
            redactor,
            before: counts(redactor),
        }
    }

    pub(super) fn text(&self, text: &str) -> String {
        self.redactor.text(text).into_owned()
    }

    /// The arguments of the process.
    pub(super) fn args(&self, args: &[String]) -> Vec<String> {
        self.redactor.args(args)
    }

    /// A state for the messages of records in their order: a private key may be logged line by
    /// line.
    pub(super) fn stream(&self) -> logredact::Stream<'_> {
        self.redactor.stream()
    }

    /// Text that belongs to a key.
    pub(super) fn value(&self, key: &str, text: &str) -> String {
        self.redactor.value(key, text).into_owned()
    }

    /// A value of any kind that belongs to a key. A number can be a secret, too.
    pub(super) fn field(&self, key: &str, value: Value) -> Value {
        match value {
            Value::Text(text) => Value::Text(self.value(key, &text)),
            Value::Int(_) | Value::Float(_) if self.redactor.is_secret(key) => {
                let number = match &value {
                    Value::Int(number) => number.to_string(),
                    Value::Float(number) => number.to_string(),
                    _ => String::new(),
                };
                let masked = self.value(key, &number);
                if masked == number {
                    value
                } else {
                    Value::Text(masked)
                }
            }
            Value::List(items) => Value::List(
                items
                    .into_iter()
                    .map(|item| self.field(key, item))
                    .collect(),
            ),
            Value::Map(entries) => Value::Map(self.entries(key, entries)),
            value => value,
        }
    }

    /// The entries of a map, each masked by its own key or, if that is the secret, the map's.
    fn entries(&self, key: &str, entries: Vec<(String, Value)>) -> Vec<(String, Value)> {
        let masked = entries.into_iter().map(|(own, value)| {
            let by = if self.redactor.is_secret(key) {
                key
            } else {
                &own
            };
            let value = self.field(by, value);
            (self.text(&own), value)
        });
        masked.collect()
    }

    /// How many values each rule has masked since.
    pub(super) fn counts(&self) -> Entries<u64> {
        let mut since = Entries::default();
        for (rule, count) in counts(self.redactor).iter() {
            let before = self.before.get(rule).copied().unwrap_or(0);
            if *count > before {
                since.set(rule, count - before);
            }
        }
        since
    }
}

/// Two rules may have one name.
fn counts(redactor: &Redactor) -> Entries<u64> {
    let mut counts = Entries::default();
    for (rule, count) in redactor.counts() {
        counts.add(&rule, count);
    }
    counts
}
