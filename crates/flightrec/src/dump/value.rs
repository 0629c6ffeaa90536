//! A key-value's value.

use serde_core::ser::{Serialize, Serializer};

/// The value of a record's key, as it was typed when it was logged.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A floating-point number; one that JSON has no number for is written as text.
    Float(f64),
    /// Text, also of what is not of any other kind.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// An object, in order.
    Map(Vec<(String, Value)>),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(yes) => serializer.serialize_bool(*yes),
            Value::Int(int) => match (i64::try_from(*int), u64::try_from(*int)) {
                (Ok(int), _) => serializer.serialize_i64(int),
                (_, Ok(int)) => serializer.serialize_u64(int),
                // Most readers of JSON would round it.
                _ => serializer.collect_str(int),
            },
            Value::Float(float) if float.is_finite() => serializer.serialize_f64(*float),
            Value::Float(float) => serializer.collect_str(float),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => serializer.collect_seq(items),
            Value::Map(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
            }
        }
    }
}
