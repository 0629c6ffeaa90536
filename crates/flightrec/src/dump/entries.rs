//! The entries of a JSON object whose keys are the program's own.

use serde_core::de::MapAccess;
use serde_core::ser::{Serialize, Serializer};

use super::lenient::{Lenient, Read};

/// Entries in the order they came; of several with one key, the last.
///
/// There are few of them, and they are looked through one by one.
#[derive(Clone, Debug, PartialEq)]
pub struct Entries<T>(Vec<(String, T)>);

impl<T> Entries<T> {
    /// The keys and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The value of that key.
    pub fn get(&self, key: &str) -> Option<&T> {
        self.iter()
            .find(|(own, _)| *own == key)
            .map(|(_, value)| value)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn set(&mut self, key: &str, value: T) {
        match self.0.iter_mut().find(|(own, _)| own == key) {
            Some((_, place)) => *place = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }
}

impl Entries<u64> {
    pub(crate) fn add(&mut self, key: &str, count: u64) {
        let sum = self.get(key).copied().unwrap_or(0).saturating_add(count);
        self.set(key, sum);
    }
}

impl<T> Default for Entries<T> {
    fn default() -> Entries<T> {
        Entries(Vec::new())
    }
}

impl<T: Serialize> Serialize for Entries<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<T: Lenient> Lenient for Entries<T> {
    fn map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Option<Entries<T>>, A::Error> {
        let mut entries = Entries::default();
        while let Some((key, Read(value))) = map.next_entry::<String, Read<T>>()? {
            if let Some(value) = value {
                entries.set(&key, value);
            }
        }
        Ok(Some(entries))
    }
}
