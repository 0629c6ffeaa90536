//! JSON objects whose keys stay in order.

use serde_core::ser::{Serialize, Serializer};
use serde_json::Value;

/// Keys and values, in order; nulls are left out.
#[derive(Debug, Default)]
pub(super) struct Object<'a>(Vec<(&'a str, Value)>);

impl<'a> Object<'a> {
    pub(super) fn with(mut self, key: &'a str, value: impl Into<Value>) -> Object<'a> {
        let value = value.into();
        if !value.is_null() {
            self.0.push((key, value));
        }
        self
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// What is read from JSON can always be written to it.
pub(super) fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
