//! Adds, renames and removes keys.

use std::fmt;
use std::io;

use log::Record;
use log::kv::{Error as KvError, Key, Source, ToValue, Value, VisitSource};

use super::Middleware;
use crate::sink::Sink;
use crate::value::OwnedValue;

/// Adds a key-value to each record that has none by this key.
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

/// A record's own key-values, then one more.
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

/// Gives a key another name in each record.
pub fn rename_key(from: impl Into<String>, to: impl Into<String>) -> RenameKey {
    RenameKey(Change {
        from: from.into(),
        to: Some(to.into()),
    })
}

/// Renames a key; made by [`rename_key`].
#[derive(Clone)]
pub struct RenameKey(Change);

/// Leaves a key out of each record.
pub fn remove_key(key: impl Into<String>) -> RemoveKey {
    RemoveKey(Change {
        from: key.into(),
        to: None,
    })
}

/// Leaves a key out; made by [`remove_key`].
#[derive(Clone)]
pub struct RemoveKey(Change);

/// What becomes of one key.
#[derive(Clone, Debug)]
struct Change {
    from: String,
    to: Option<String>,
}

impl Change {
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()> {
        let changed = Changed {
            source: record.key_values(),
            change: self,
        };
        next.emit(&record.to_builder().key_values(&changed).build())
    }
}

struct Changed<'a> {
    source: &'a dyn Source,
    change: &'a Change,
}

impl Source for Changed<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), KvError> {
        struct Changing<'a, 'kvs> {
            visitor: &'a mut dyn VisitSource<'kvs>,
            change: &'kvs Change,
        }
        impl<'kvs> VisitSource<'kvs> for Changing<'_, 'kvs> {
            fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), KvError> {
                if key.as_str() != self.change.from {
                    return self.visitor.visit_pair(key, value);
                }
                match &self.change.to {
                    Some(to) => self.visitor.visit_pair(Key::from_str(to), value),
                    None => Ok(()),
                }
            }
        }
        self.source.visit(&mut Changing {
            visitor,
            change: self.change,
        })
    }
}

impl Middleware for RenameKey {
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()> {
        self.0.handle(record, next)
    }
}

impl Middleware for RemoveKey {
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()> {
        self.0.handle(record, next)
    }
}

impl fmt::Debug for RenameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RenameKey").field(&self.0).finish()
    }
}

impl fmt::Debug for RemoveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RemoveKey").field(&self.0.from).finish()
    }
}
