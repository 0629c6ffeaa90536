//! How the schema's objects are declared once: as a struct, as JSON out, and as JSON in.

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
