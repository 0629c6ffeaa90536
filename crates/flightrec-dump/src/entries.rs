//! Objects whose keys are not known in advance.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::lenient::Lenient;

/// The entries of a JSON object, in the order in which they were added.
///
/// Lookups are linear, because there are few entries. If a file has a key twice, both entries are kept,
/// and [`get`](Entries::get) returns the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries<T>(Vec<(String, T)>);

impl<T> Entries<T> {
    /// No entries.
    #[must_use]
    pub const fn new() -> Entries<T> {
        Entries(Vec::new())
    }

    /// The keys and values, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &T)> + ExactSizeIterator {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&T> {
        let found = self.iter().rev().find(|(own, _)| *own == key);
        found.map(|(_, value)| value)
    }

    /// The value of a key.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut T> {
        let found = self.0.iter_mut().rev().find(|(own, _)| own == key);
        found.map(|(_, value)| value)
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets the value of a key, and returns the old value. An existing key keeps its place.
    pub fn insert(&mut self, key: impl Into<String>, value: T) -> Option<T> {
        let key = key.into();
        if let Some(old) = self.get_mut(&key) {
            return Some(std::mem::replace(old, value));
        }
        self.0.push((key, value));
        None
    }
}

impl<T> Default for Entries<T> {
    fn default() -> Entries<T> {
        Entries::new()
    }
}

impl<T> Extend<(String, T)> for Entries<T> {
    fn extend<I: IntoIterator<Item = (String, T)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<T> FromIterator<(String, T)> for Entries<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(entries: I) -> Entries<T> {
        let mut all = Entries::new();
        all.extend(entries);
        all
    }
}

impl<T> IntoIterator for Entries<T> {
    type Item = (String, T);
    type IntoIter = std::vec::IntoIter<(String, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T: Serialize> Serialize for Entries<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entries<T>, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
    type Value = Entries<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Lenient<T>>()? {
            if let Lenient::Expected(value) = value {
                entries.push((key, value));
            }
        }
        Ok(Entries(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserting_keeps_the_order_and_replaces() {
        let mut entries = Entries::new();
        assert_eq!(entries.insert("b", 1), None);
        assert_eq!(entries.insert("a", 2), None);
        assert_eq!(entries.insert("b", 3), Some(1));
        assert_eq!(serde_json::to_string(&entries).unwrap(), r#"{"b":3,"a":2}"#);
    }

    #[test]
    fn if_a_file_has_a_key_twice_the_last_value_counts() {
        let entries: Entries<u64> = serde_json::from_str(r#"{"a":1,"b":"text","a":2}"#).unwrap();
        assert_eq!(entries.get("a"), Some(&2));
        assert_eq!(entries.get("b"), None);
    }
}
