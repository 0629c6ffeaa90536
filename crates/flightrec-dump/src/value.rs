//! The value of a record's key.

use serde::{Deserialize, Serialize};

use crate::Entries;

/// The value of a key, with the type with which it was logged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number that is larger than an `i64`.
    Uint(u64),
    /// A floating-point number. Numbers that JSON cannot express are [`Text`](Value::Text).
    Float(f64),
    /// Text, and every value of no other kind.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// An object, in order.
    Map(Entries<Value>),
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Value {
        i64::try_from(value).map_or(Value::Uint(value), Value::Int)
    }
}

/// As text if it is beyond 64 bits: most readers of JSON would round it.
impl From<i128> for Value {
    fn from(value: i128) -> Value {
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => Value::Int(value),
            (_, Ok(value)) => Value::Uint(value),
            _ => Value::Text(value.to_string()),
        }
    }
}

/// As text if it is beyond 64 bits: most readers of JSON would round it.
impl From<u128> for Value {
    fn from(value: u128) -> Value {
        u64::try_from(value).map_or_else(|_| Value::Text(value.to_string()), Value::from)
    }
}

/// As text if it is not finite: JSON has no such numbers.
impl From<f64> for Value {
    fn from(value: f64) -> Value {
        if value.is_finite() {
            Value::Float(value)
        } else {
            Value::Text(value.to_string())
        }
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(value)
    }
}
