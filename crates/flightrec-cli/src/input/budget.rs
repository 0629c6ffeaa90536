//! Counting the values of JSON before any memory is taken for them.

use std::fmt;

use serde_core::Deserializer;
use serde_core::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

/// Fails where the JSON is invalid, and, with an error of the category "data", if it has more
/// values than `most`.
pub(super) fn check(json: &[u8], most: u64) -> Result<(), serde_json::Error> {
    let mut left = most;
    let mut reader = serde_json::Deserializer::from_slice(json);
    Budget { left: &mut left }.deserialize(&mut reader)?;
    reader.end()
}

struct Budget<'a> {
    left: &'a mut u64,
}

impl Budget<'_> {
    fn take<E: Error>(self) -> Result<(), E> {
        match self.left.checked_sub(1) {
            Some(left) => {
                *self.left = left;
                Ok(())
            }
            None => Err(E::custom("too many values")),
        }
    }

    fn again(&mut self) -> Budget<'_> {
        Budget { left: self.left }
    }
}

impl<'de> DeserializeSeed<'de> for Budget<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Budget<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.take()
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.take()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.take()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.take()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.take()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.take()
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        self.again().take()?;
        while items.next_element_seed(self.again())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        self.again().take()?;
        // A key takes memory as a value does.
        while entries.next_key_seed(self.again())?.is_some() {
            entries.next_value_seed(self.again())?;
        }
        Ok(())
    }
}
