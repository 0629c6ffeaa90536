//! Reading JSON without insisting on types.
//!
//! A value of another type than the one expected is passed over as a whole and becomes None, where
//! a derived reader would give up on the document.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde_core::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Value;

/// What can be read leniently. Each method returns None for what is of another type.
pub(crate) trait Lenient: Sized {
    fn scalar(scalar: Scalar<'_>) -> Option<Self> {
        let _ = scalar;
        None
    }

    fn seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<Option<Self>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Option<Self>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// A JSON value that holds no others.
#[derive(Clone, Copy)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(&'a str),
}

/// What was read, or None.
pub(crate) struct Read<T>(pub(crate) Option<T>);

impl<'de, T: Lenient> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Read<T>, D::Error> {
        deserializer.deserialize_any(Any(PhantomData)).map(Read)
    }
}

struct Any<T>(PhantomData<T>);

impl<'de, T: Lenient> Visitor<'de> for Any<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(T::scalar(Scalar::Null))
    }

    fn visit_bool<E: Error>(self, yes: bool) -> Result<Option<T>, E> {
        Ok(T::scalar(Scalar::Bool(yes)))
    }

    fn visit_i64<E: Error>(self, int: i64) -> Result<Option<T>, E> {
        Ok(T::scalar(Scalar::Signed(int)))
    }

    fn visit_u64<E: Error>(self, int: u64) -> Result<Option<T>, E> {
        Ok(T::scalar(Scalar::Unsigned(int)))
    }

    fn visit_f64<E: Error>(self, float: f64) -> Result<Option<T>, E> {
        Ok(T::scalar(Scalar::Float(float)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
        Ok(T::scalar(Scalar::Text(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Option<T>, A::Error> {
        T::seq(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
        T::map(map)
    }
}

/// A key; where it stands in the document if it can.
pub(crate) struct Key<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key<'de>, D::Error> {
        struct KeyVisitor;

        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(KeyVisitor)
    }
}

impl Lenient for String {
    fn scalar(scalar: Scalar<'_>) -> Option<String> {
        match scalar {
            Scalar::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl Lenient for u64 {
    fn scalar(scalar: Scalar<'_>) -> Option<u64> {
        match scalar {
            Scalar::Unsigned(int) => Some(int),
            Scalar::Signed(int) => int.try_into().ok(),
            _ => None,
        }
    }
}

impl Lenient for u32 {
    fn scalar(scalar: Scalar<'_>) -> Option<u32> {
        u64::scalar(scalar)?.try_into().ok()
    }
}

impl Lenient for f64 {
    fn scalar(scalar: Scalar<'_>) -> Option<f64> {
        match scalar {
            Scalar::Unsigned(int) => Some(int as f64),
            Scalar::Signed(int) => Some(int as f64),
            Scalar::Float(float) => Some(float),
            _ => None,
        }
    }
}

impl Lenient for bool {
    fn scalar(scalar: Scalar<'_>) -> Option<bool> {
        match scalar {
            Scalar::Bool(yes) => Some(yes),
            _ => None,
        }
    }
}

/// Null and what is of another type are none.
impl<T: Lenient> Lenient for Option<T> {
    fn scalar(scalar: Scalar<'_>) -> Option<Option<T>> {
        Some(T::scalar(scalar))
    }

    fn seq<'de, A: SeqAccess<'de>>(seq: A) -> Result<Option<Option<T>>, A::Error> {
        T::seq(seq).map(Some)
    }

    fn map<'de, A: MapAccess<'de>>(map: A) -> Result<Option<Option<T>>, A::Error> {
        T::map(map).map(Some)
    }
}

impl<T: Lenient> Lenient for Vec<T> {
    fn seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<Option<Vec<T>>, A::Error> {
        let mut items = Vec::new();
        while let Some(Read(item)) = seq.next_element()? {
            items.extend(item);
        }
        Ok(Some(items))
    }
}

impl Lenient for Value {
    fn scalar(scalar: Scalar<'_>) -> Option<Value> {
        Some(match scalar {
            Scalar::Null => Value::Null,
            Scalar::Bool(yes) => Value::Bool(yes),
            Scalar::Signed(int) => Value::Int(int.into()),
            Scalar::Unsigned(int) => Value::Int(int.into()),
            Scalar::Float(float) => Value::Float(float),
            Scalar::Text(text) => Value::Text(text.to_owned()),
        })
    }

    fn seq<'de, A: SeqAccess<'de>>(seq: A) -> Result<Option<Value>, A::Error> {
        Ok(Vec::seq(seq)?.map(Value::List))
    }

    fn map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Option<Value>, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, Read(value))) = map.next_entry()? {
            entries.extend(value.map(|value| (key, value)));
        }
        Ok(Some(Value::Map(entries)))
    }
}
