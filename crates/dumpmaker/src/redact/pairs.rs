//! Masks the key-values of a record before it is stored in a file.

use std::fmt;

use log::kv::{Error as KvError, Key, Source, Value, VisitSource, VisitValue};
use logredact::{MASK, Redactor};

/// The key-values of a record with the values of secret keys masked. Null is not masked, because it is
/// not a secret.
pub struct MaskedPairs<'a> {
    pairs: &'a dyn Source,
    redactor: &'a Redactor,
}

impl<'a> MaskedPairs<'a> {
    /// Wraps `pairs`. Their values are masked when they are visited.
    #[must_use]
    pub fn new(pairs: &'a dyn Source, redactor: &'a Redactor) -> MaskedPairs<'a> {
        MaskedPairs { pairs, redactor }
    }
}

impl fmt::Debug for MaskedPairs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaskedPairs").finish_non_exhaustive()
    }
}

impl Source for MaskedPairs<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), KvError> {
        self.pairs.visit(&mut Masking {
            visitor,
            redactor: self.redactor,
        })
    }

    fn count(&self) -> usize {
        self.pairs.count()
    }
}

struct Masking<'a, 'kvs> {
    visitor: &'a mut dyn VisitSource<'kvs>,
    redactor: &'a Redactor,
}

impl<'kvs> VisitSource<'kvs> for Masking<'_, 'kvs> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), KvError> {
        // Numbers are masked, too: a PIN is a number.
        let is_masked = self.redactor.is_secret(key.as_str()) && !is_null(&value);
        let value = if is_masked { MASK.into() } else { value };
        self.visitor.visit_pair(key, value)
    }
}

fn is_null(value: &Value<'_>) -> bool {
    struct IsNull(bool);
    impl VisitValue<'_> for IsNull {
        fn visit_any(&mut self, _: Value<'_>) -> Result<(), KvError> {
            Ok(())
        }
        fn visit_null(&mut self) -> Result<(), KvError> {
            self.0 = true;
            Ok(())
        }
    }
    let mut found = IsNull(false);
    // If visiting fails, the value is not null.
    let _ = value.visit(&mut found);
    found.0
}

#[cfg(test)]
mod tests {
    use log::kv::ToValue;

    use super::*;

    #[test]
    fn values_of_secret_keys_are_masked_whatever_their_type() {
        struct Panics;
        impl std::fmt::Display for Panics {
            fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                panic!("masked values must not be formatted");
            }
        }
        let pairs: &[(&str, Value<'_>)] = &[
            ("password", "hunter2".into()),
            ("user", "ana".into()),
            ("token", 4711.into()),
            ("secret", Value::null()),
            ("api_key", Value::from_display(&Panics)),
            ("count", 3.to_value()),
        ];
        let redactor = Redactor::default();
        let masked = MaskedPairs::new(&pairs, &redactor);
        assert_eq!(masked.count(), 6);
        struct Collect(Vec<(String, String)>);
        impl<'kvs> VisitSource<'kvs> for Collect {
            fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), KvError> {
                self.0.push((key.to_string(), value.to_string()));
                Ok(())
            }
        }
        let mut seen = Collect(Vec::new());
        masked.visit(&mut seen).unwrap();
        let seen: Vec<_> = seen
            .0
            .iter()
            .map(|(key, value)| (&**key, &**value))
            .collect();
        assert_eq!(
            seen,
            [
                ("password", MASK),
                ("user", "ana"),
                ("token", MASK),
                ("secret", "None"),
                ("api_key", MASK),
                ("count", "3"),
            ]
        );
    }
}
