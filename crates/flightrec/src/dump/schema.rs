//! How the schema's objects are declared once: as a struct, as JSON out, and as JSON in.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::Value;

/// Declares structs whose fields are the keys of a JSON object, in their order.
///
/// Reading is lenient, so that this year's program reads next year's dump: a key that is missing or
/// of another type becomes its default, one that is unknown is passed over.
macro_rules! schema {
    ($($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)*
    })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl serde_core::Serialize for $name {
            fn serialize<S: serde_core::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde_core::ser::SerializeStruct;
                let fields = [$(stringify!($field)),*].len();
                let mut object = serializer.serialize_struct(stringify!($name), fields)?;
                $(object.serialize_field(stringify!($field), &self.$field)?;)*
                object.end()
            }
        }

        impl $crate::dump::schema::FromJson for $name {
            fn from_json(json: serde_json::Value) -> Option<Self> {
                let serde_json::Value::Object(mut object) = json else { return None };
                Some($name {
                    $($field: $crate::dump::schema::take(&mut object, stringify!($field)),)*
                })
            }
        }
    )*};
}
pub(crate) use schema;

pub(crate) trait FromJson: Sized {
    /// None if it is of another type.
    fn from_json(json: Json) -> Option<Self>;
}

pub(crate) fn take<T: FromJson + Default>(
    object: &mut serde_json::Map<String, Json>,
    key: &str,
) -> T {
    object
        .remove(key)
        .and_then(T::from_json)
        .unwrap_or_default()
}

impl FromJson for String {
    fn from_json(json: Json) -> Option<String> {
        match json {
            Json::String(text) => Some(text),
            _ => None,
        }
    }
}

impl FromJson for u64 {
    fn from_json(json: Json) -> Option<u64> {
        json.as_u64()
    }
}

impl FromJson for u32 {
    fn from_json(json: Json) -> Option<u32> {
        json.as_u64()?.try_into().ok()
    }
}

impl FromJson for f64 {
    fn from_json(json: Json) -> Option<f64> {
        json.as_f64()
    }
}

impl FromJson for bool {
    fn from_json(json: Json) -> Option<bool> {
        json.as_bool()
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(json: Json) -> Option<Option<T>> {
        Some(T::from_json(json))
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(json: Json) -> Option<Vec<T>> {
        match json {
            Json::Array(items) => Some(items.into_iter().filter_map(T::from_json).collect()),
            _ => None,
        }
    }
}

impl<T: FromJson> FromJson for BTreeMap<String, T> {
    fn from_json(json: Json) -> Option<BTreeMap<String, T>> {
        match json {
            Json::Object(object) => {
                let entries = object.into_iter();
                Some(
                    entries
                        .filter_map(|(key, json)| Some((key, T::from_json(json)?)))
                        .collect(),
                )
            }
            _ => None,
        }
    }
}

impl FromJson for Value {
    fn from_json(json: Json) -> Option<Value> {
        Some(match json {
            Json::Null => Value::Null,
            Json::Bool(yes) => Value::Bool(yes),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(int), _) => Value::Int(int.into()),
                (None, Some(int)) => Value::Int(int.into()),
                (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Value::Text(text),
            Json::Array(items) => Value::List(Vec::from_json(Json::Array(items))?),
            Json::Object(object) => Value::Map(Fields::from_json(Json::Object(object))?.0),
        })
    }
}

/// Key-values in order; of several with one key, the last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(pub(crate) Vec<(String, Value)>);

impl Fields {
    /// The key-values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The value of that key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(own, _)| own == key)
            .map(|(_, value)| value)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn set(&mut self, key: &str, value: Value) {
        match self.0.iter_mut().find(|(own, _)| own == key) {
            Some((_, place)) => *place = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }
}

impl FromJson for Fields {
    fn from_json(json: Json) -> Option<Fields> {
        match json {
            Json::Object(object) => {
                let entries = object.into_iter();
                Some(Fields(
                    entries
                        .filter_map(|(key, json)| Some((key, Value::from_json(json)?)))
                        .collect(),
                ))
            }
            _ => None,
        }
    }
}
