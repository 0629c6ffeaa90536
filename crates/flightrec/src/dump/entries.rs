//! The entries of a JSON object whose keys are the program's own.

use std::collections::HashMap;

use serde_core::de::MapAccess;
use serde_core::ser::{Serialize, Serializer};

use super::lenient::{Lenient, Read};

/// So many keys are looked through one by one.
const FEW: usize = 32;

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
        // Where each key is, once they are more than a program has: looking through all of them
        // for each would take minutes for a megabyte.
        let mut places = HashMap::new();
        while let Some((key, Read(value))) = map.next_entry::<String, Read<T>>()? {
            let Some(value) = value else { continue };
            if entries.len() < FEW {
                entries.set(&key, value);
                continue;
            }
            if places.is_empty() {
                let keys = entries.iter().map(|(key, _)| key.to_owned());
                places = keys.zip(0..).collect();
            }
            match places.get(&key) {
                Some(&at) => entries.0[at].1 = value,
                None => {
                    places.insert(key.clone(), entries.len());
                    entries.0.push((key, value));
                }
            }
        }
        Ok(Some(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_with_one_key_the_last_however_many_there_are() {
        for count in [3, FEW, FEW + 1, 100_000] {
            let pairs = |n: usize| (0..count).map(move |key| format!("\"{key}\":{}", key * n));
            let json: Vec<String> = pairs(1).chain(pairs(2)).collect();
            let json = format!("{{{}}}", json.join(","));
            let Read(entries) = serde_json::from_str::<Read<Entries<u64>>>(&json).unwrap();
            let entries = entries.unwrap();
            let expected: Vec<_> = (0..count)
                .map(|key| (key.to_string(), 2 * key as u64))
                .collect();
            assert_eq!(entries.0, expected);
        }
    }
}
