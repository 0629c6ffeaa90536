//! A JSON object of which only some keys are of interest: the others stay as they were written.

use std::fmt;

use serde_core::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_core::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

/// The keys in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object(Vec<(String, Box<RawValue>)>);

impl Object {
    /// The value of a key, if it is there and of that type.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        // Of a key that occurs twice the last one counts, as elsewhere.
        let (_, value) = self.0.iter().rev().find(|(name, _)| name == key)?;
        serde_json::from_str(value.get()).ok()
    }

    /// Gives a key another value, in its place.
    pub(crate) fn set(&mut self, key: &str, value: &impl Serialize) -> serde_json::Result<()> {
        let value = serde_json::value::to_raw_value(value)?;
        match self.0.iter_mut().rev().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
        Ok(())
    }

    /// How many bytes of JSON it is, about.
    pub(crate) fn size(&self) -> u64 {
        let size = |(key, value): &(String, Box<RawValue>)| key.len() + value.get().len() + 4;
        self.0.iter().map(size).sum::<usize>() as u64
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut keys = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    keys.push(entry);
                }
                Ok(Object(keys))
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::Object;

    #[test]
    fn what_is_not_asked_for_stays_as_it_was() {
        let json = r#"{"b":340282366920938463463374607431768211455,"a":{"z":1.50,"y":[]},"c":"ä"}"#;
        let mut object: Object = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&object).unwrap(), json);
        object.set("a", &2).unwrap();
        object.set("d", &"new").unwrap();
        assert_eq!(object.get::<u32>("a"), Some(2));
        assert_eq!(object.get::<String>("b"), None);
        assert_eq!(
            serde_json::to_string(&object).unwrap(),
            r#"{"b":340282366920938463463374607431768211455,"a":2,"c":"ä","d":"new"}"#
        );
    }
}
