//! Middleware that adds, renames and removes keys.

use std::io;

use log::Record;
use log::kv::{Error as KvError, Key, Source, ToValue, Value, VisitSource};

use super::Middleware;
use crate::owned_record::OwnedValue;
use crate::sink::Sink;

/// Makes a middleware that adds a key-value to each record that does not have the key.
///
/// # Examples
///
/// ```
/// let sink = logtee::pipe(logtee::enrich("service", "census")).to(logtee::stderr());
/// # drop(sink);
/// ```
pub fn enrich(key: impl Into<String>, value: impl Into<OwnedValue>) -> Enrich {
    Enrich {
        key: key.into(),
        value: value.into(),
    }
}

/// Adds a key-value; made by [`enrich`].
#[derive(Clone, Debug)]
pub struct Enrich {
    key: String,
    value: OwnedValue,
}

impl Middleware for Enrich {
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()> {
        if record.key_values().get(Key::from_str(&self.key)).is_some() {
            return next.emit(record);
        }
        let both = Both(record.key_values(), (&*self.key, &self.value));
        next.emit(&record.to_builder().key_values(&both).build())
    }
}

/// The record's key-values, then one more.
struct Both<'a>(&'a dyn Source, (&'a str, &'a OwnedValue));

impl Source for Both<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), KvError> {
        self.0.visit(visitor)?;
        let (key, value) = self.1;
        visitor.visit_pair(Key::from_str(key), value.to_value())
    }

    fn count(&self) -> usize {
        self.0.count() + 1
    }
}

/// Makes a middleware that renames the key `from` to `to` in each record that has it.
///
/// If the record already has a key `to`, the renamed value replaces it.
pub fn rename_key(from: impl Into<String>, to: impl Into<String>) -> RenameKey {
    RenameKey {
        from: from.into(),
        to: to.into(),
    }
}

/// Renames a key; made by [`rename_key`].
#[derive(Clone, Debug)]
pub struct RenameKey {
    from: String,
    to: String,
}

impl Middleware for RenameKey {
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()> {
        let source = record.key_values();
        if self.from == self.to || source.get(Key::from_str(&self.from)).is_none() {
            return next.emit(record);
        }
        let renamed = Changed {
            source,
            removed: &self.to,
            renamed: Some((&self.from, &self.to)),
        };
        next.emit(&record.to_builder().key_values(&renamed).build())
    }
}

/// Makes a middleware that removes a key from each record.
pub fn remove_key(key: impl Into<String>) -> RemoveKey {
    RemoveKey { key: key.into() }
}

/// Removes a key; made by [`remove_key`].
#[derive(Clone, Debug)]
pub struct RemoveKey {
    key: String,
}

impl Middleware for RemoveKey {
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()> {
        let kept = Changed {
            source: record.key_values(),
            removed: &self.key,
            renamed: None,
        };
        next.emit(&record.to_builder().key_values(&kept).build())
    }
}

/// A record's key-values without one key, and with another one renamed.
struct Changed<'a> {
    source: &'a dyn Source,
    removed: &'a str,
    renamed: Option<(&'a str, &'a str)>,
}

impl Source for Changed<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), KvError> {
        struct Changing<'a, 'kvs> {
            visitor: &'a mut dyn VisitSource<'kvs>,
            changed: &'kvs Changed<'kvs>,
        }
        impl<'kvs> VisitSource<'kvs> for Changing<'_, 'kvs> {
            fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), KvError> {
                match self.changed.renamed {
                    Some((from, to)) if key.as_str() == from => {
                        self.visitor.visit_pair(Key::from_str(to), value)
                    }
                    _ if key.as_str() == self.changed.removed => Ok(()),
                    _ => self.visitor.visit_pair(key, value),
                }
            }
        }
        self.source.visit(&mut Changing {
            visitor,
            changed: self,
        })
    }
}
