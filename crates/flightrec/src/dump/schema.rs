//! How the schema's objects are declared once: as a struct, as JSON out, and as JSON in.

use super::Value;
use super::lenient::{Lenient, Read};

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

        impl $crate::dump::lenient::Lenient for $name {
            fn map<'de, A: serde_core::de::MapAccess<'de>>(mut map: A) -> Result<Option<Self>, A::Error> {
                use $crate::dump::lenient::{Key, Read};
                let mut read = $name::default();
                while let Some(key) = map.next_key::<Key<'de>>()? {
                    match &*key.0 {
                        $(stringify!($field) => if let Read(Some(value)) = map.next_value()? {
                            read.$field = value;
                        },)*
                        _ => {
                            map.next_value::<serde_core::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(Some(read))
            }
        }
    )*};
}
pub(crate) use schema;

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

impl Lenient for Fields {
    fn map<'de, A: serde_core::de::MapAccess<'de>>(mut map: A) -> Result<Option<Fields>, A::Error> {
        let mut fields = Fields::default();
        while let Some((key, Read(value))) = map.next_entry::<String, Read<Value>>()? {
            if let Some(value) = value {
                fields.set(&key, value);
            }
        }
        Ok(Some(fields))
    }
}
