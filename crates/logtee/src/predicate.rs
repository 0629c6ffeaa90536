//! Ready-made filters, and ways to combine them.
//!
//! ```
//! use logtee::predicate::{has_key, level_is_at_least, not, target_starts_with};
//! use logtee::Filter;
//! use log::Level;
//!
//! let filter = level_is_at_least(Level::Warn)
//!     .or(target_starts_with("db").and(not(has_key("cached"))));
//! # let _ = filter;
//! ```

use std::fmt;

use log::kv::{self, Key, VisitValue};
use log::{Level, LevelFilter, Metadata, Record};

use crate::filter::Filter;
use crate::owned_record::{self, OwnedValue};

pub use crate::filter::{And, Not, Or, not};

/// A filter of this module.
#[derive(Clone)]
pub struct Predicate(Test);

#[derive(Clone)]
enum Test {
    LevelIs(Level),
    LevelIsNot(Level),
    LevelIsAtLeast(Level),
    TargetStartsWith(String),
    MessageIs(String),
    MessageContains(String),
    HasKey(String),
    KeyIs(String, OwnedValue),
    KeyHasKind(String, ValueKind),
}

/// Matches exactly this level.
pub fn level_is(level: Level) -> Predicate {
    Predicate(Test::LevelIs(level))
}

/// Matches any level but this.
pub fn level_is_not(level: Level) -> Predicate {
    Predicate(Test::LevelIsNot(level))
}

/// Matches this level and more severe ones.
pub fn level_is_at_least(level: Level) -> Predicate {
    Predicate(Test::LevelIsAtLeast(level))
}

/// Matches the target `target` and modules within it: `db` lets `db` and `db::pool` pass, but not
/// `dbase`.
pub fn target_starts_with(target: impl Into<String>) -> Predicate {
    Predicate(Test::TargetStartsWith(target.into()))
}

/// Matches exactly this message.
pub fn message_is(message: impl Into<String>) -> Predicate {
    Predicate(Test::MessageIs(message.into()))
}

/// Matches any message but this.
pub fn message_is_not(message: impl Into<String>) -> Not<Predicate> {
    not(message_is(message))
}

/// Matches a message that contains this text.
pub fn message_contains(text: impl Into<String>) -> Predicate {
    Predicate(Test::MessageContains(text.into()))
}

/// Matches a message that does not contain this text.
pub fn message_does_not_contain(text: impl Into<String>) -> Not<Predicate> {
    not(message_contains(text))
}

/// Matches a record with this key and any value.
pub fn has_key(key: impl Into<String>) -> Predicate {
    Predicate(Test::HasKey(key.into()))
}

/// Matches a record whose value for this key is `value`. Integers of different types are compared by
/// value. A value that was logged by its `Display` or `Debug` equals its text.
pub fn key_is(key: impl Into<String>, value: impl Into<OwnedValue>) -> Predicate {
    Predicate(Test::KeyIs(key.into(), value.into()))
}

/// Matches a record whose value for this key is of this kind.
pub fn key_has_kind(key: impl Into<String>, kind: ValueKind) -> Predicate {
    Predicate(Test::KeyHasKind(key.into(), kind))
}

/// Kinds of values, for [`key_has_kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueKind {
    /// Nothing.
    Null,
    /// A truth value.
    Bool,
    /// An integer of any size.
    Integer,
    /// A floating-point number.
    Float,
    /// A string or character.
    String,
    /// Anything else.
    Other,
}

impl ValueKind {
    /// The kind of `value`.
    pub fn of(value: &kv::Value<'_>) -> ValueKind {
        struct Kind(ValueKind);
        impl Kind {
            fn is(&mut self, kind: ValueKind) -> Result<(), kv::Error> {
                self.0 = kind;
                Ok(())
            }
        }
        impl<'v> VisitValue<'v> for &mut Kind {
            fn visit_any(&mut self, _: kv::Value<'_>) -> Result<(), kv::Error> {
                self.is(ValueKind::Other)
            }
            fn visit_null(&mut self) -> Result<(), kv::Error> {
                self.is(ValueKind::Null)
            }
            fn visit_bool(&mut self, _: bool) -> Result<(), kv::Error> {
                self.is(ValueKind::Bool)
            }
            fn visit_i64(&mut self, _: i64) -> Result<(), kv::Error> {
                self.is(ValueKind::Integer)
            }
            fn visit_u64(&mut self, _: u64) -> Result<(), kv::Error> {
                self.is(ValueKind::Integer)
            }
            fn visit_i128(&mut self, _: i128) -> Result<(), kv::Error> {
                self.is(ValueKind::Integer)
            }
            fn visit_u128(&mut self, _: u128) -> Result<(), kv::Error> {
                self.is(ValueKind::Integer)
            }
            fn visit_f64(&mut self, _: f64) -> Result<(), kv::Error> {
                self.is(ValueKind::Float)
            }
            fn visit_char(&mut self, _: char) -> Result<(), kv::Error> {
                self.is(ValueKind::String)
            }
            fn visit_str(&mut self, _: &str) -> Result<(), kv::Error> {
                self.is(ValueKind::String)
            }
        }
        let mut kind = Kind(ValueKind::Other);
        let _ = value.visit(&mut kind);
        kind.0
    }
}

impl Filter for Predicate {
    fn max_level(&self) -> LevelFilter {
        match &self.0 {
            Test::LevelIs(level) | Test::LevelIsAtLeast(level) => level.to_level_filter(),
            Test::LevelIsNot(Level::Trace) => LevelFilter::Debug,
            _ => LevelFilter::Trace,
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        match &self.0 {
            Test::LevelIs(level) => metadata.level() == *level,
            Test::LevelIsNot(level) => metadata.level() != *level,
            Test::LevelIsAtLeast(level) => metadata.level() <= *level,
            Test::TargetStartsWith(target) => is_within(metadata.target(), target),
            // The other tests need the record itself.
            _ => true,
        }
    }

    fn matches(&self, record: &Record<'_>) -> bool {
        let value = |key: &str| record.key_values().get(Key::from_str(key));
        match &self.0 {
            Test::MessageIs(message) => with_message(record, |text| text == message),
            Test::MessageContains(part) => with_message(record, |text| text.contains(&**part)),
            Test::HasKey(key) => value(key).is_some(),
            Test::KeyIs(key, wanted) => {
                value(key).is_some_and(|value| same(&OwnedValue::capture(&value), wanted))
            }
            Test::KeyHasKind(key, kind) => {
                value(key).is_some_and(|value| ValueKind::of(&value) == *kind)
            }
            _ => self.enabled(record.metadata()),
        }
    }
}

fn is_within(target: &str, module: &str) -> bool {
    target
        .strip_prefix(module)
        .is_some_and(|rest| rest.is_empty() || module.is_empty() || rest.starts_with("::"))
}

fn with_message(record: &Record<'_>, ask: impl FnOnce(&str) -> bool) -> bool {
    match record.args().as_str() {
        Some(text) => ask(text),
        None => ask(&owned_record::message(record)),
    }
}

fn same(one: &OwnedValue, other: &OwnedValue) -> bool {
    fn integer(value: &OwnedValue) -> Option<i128> {
        match *value {
            OwnedValue::I64(value) => Some(value.into()),
            OwnedValue::U64(value) => Some(value.into()),
            OwnedValue::I128(value) => Some(value),
            OwnedValue::U128(value) => value.try_into().ok(),
            _ => None,
        }
    }
    one == other || integer(one).is_some_and(|one| Some(one) == integer(other))
}

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Predicate").finish_non_exhaustive()
    }
}
