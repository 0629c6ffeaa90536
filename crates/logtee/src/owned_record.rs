//! Owned values and records.

use std::fmt;

use log::kv::{self, Key, Source, ToValue, VisitSource, VisitValue};
use log::{Level, Record};

use crate::catch_panic::catch_panic;

/// An owned value of a key-value.
///
/// # Examples
///
/// ```
/// use logtee::OwnedValue;
///
/// assert_eq!(OwnedValue::from(7u8), OwnedValue::U64(7));
/// assert_eq!(OwnedValue::from("text").to_string(), "text");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum OwnedValue {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    I64(i64),
    /// An unsigned integer.
    U64(u64),
    /// A signed integer that needs more than 64 bits.
    I128(i128),
    /// An unsigned integer that needs more than 64 bits.
    U128(u128),
    /// A floating-point number.
    F64(f64),
    /// A string, or the text of anything else.
    Str(String),
}

impl OwnedValue {
    /// Copies a borrowed value. A value that is not a number, a bool or a string becomes its text. If
    /// its `Display` fails or panics, the text is `[formatting failed]`.
    pub fn capture(value: &kv::Value<'_>) -> OwnedValue {
        let mut capture = Capture(OwnedValue::Null);
        match catch_panic(|| value.visit(&mut capture)) {
            Ok(Ok(())) => capture.0,
            _ => OwnedValue::Str(crate::format::FAILED.to_owned()),
        }
    }
}

struct Capture(OwnedValue);

impl Capture {
    fn set(&mut self, value: OwnedValue) -> Result<(), kv::Error> {
        self.0 = value;
        Ok(())
    }
}

impl<'v> VisitValue<'v> for &mut Capture {
    fn visit_any(&mut self, value: kv::Value<'_>) -> Result<(), kv::Error> {
        let mut text = String::new();
        fmt::write(&mut text, format_args!("{value}"))?;
        self.set(OwnedValue::Str(text))
    }

    fn visit_null(&mut self) -> Result<(), kv::Error> {
        self.set(OwnedValue::Null)
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), kv::Error> {
        self.set(OwnedValue::Bool(value))
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), kv::Error> {
        self.set(OwnedValue::I64(value))
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), kv::Error> {
        self.set(OwnedValue::U64(value))
    }

    fn visit_i128(&mut self, value: i128) -> Result<(), kv::Error> {
        self.set(OwnedValue::I128(value))
    }

    fn visit_u128(&mut self, value: u128) -> Result<(), kv::Error> {
        self.set(OwnedValue::U128(value))
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), kv::Error> {
        self.set(OwnedValue::F64(value))
    }

    fn visit_char(&mut self, value: char) -> Result<(), kv::Error> {
        self.set(OwnedValue::Str(value.to_string()))
    }

    fn visit_str(&mut self, value: &str) -> Result<(), kv::Error> {
        self.set(OwnedValue::Str(value.to_owned()))
    }
}

impl fmt::Display for OwnedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OwnedValue::Null => f.write_str("null"),
            OwnedValue::Bool(value) => value.fmt(f),
            OwnedValue::I64(value) => value.fmt(f),
            OwnedValue::U64(value) => value.fmt(f),
            OwnedValue::I128(value) => value.fmt(f),
            OwnedValue::U128(value) => value.fmt(f),
            OwnedValue::F64(value) => value.fmt(f),
            OwnedValue::Str(value) => value.fmt(f),
        }
    }
}

impl ToValue for OwnedValue {
    fn to_value(&self) -> kv::Value<'_> {
        match self {
            OwnedValue::Null => kv::Value::null(),
            OwnedValue::Bool(value) => value.to_value(),
            OwnedValue::I64(value) => value.to_value(),
            OwnedValue::U64(value) => value.to_value(),
            OwnedValue::I128(value) => value.to_value(),
            OwnedValue::U128(value) => value.to_value(),
            OwnedValue::F64(value) => value.to_value(),
            OwnedValue::Str(value) => value.to_value(),
        }
    }
}

macro_rules! from {
    ($($from:ty => $variant:ident as $to:ty),+ $(,)?) => {$(
        impl From<$from> for OwnedValue {
            fn from(value: $from) -> OwnedValue {
                OwnedValue::$variant(<$to>::from(value))
            }
        }
    )+};
}

from! {
    bool => Bool as bool,
    i8 => I64 as i64, i16 => I64 as i64, i32 => I64 as i64, i64 => I64 as i64,
    u8 => U64 as u64, u16 => U64 as u64, u32 => U64 as u64, u64 => U64 as u64,
    i128 => I128 as i128, u128 => U128 as u128,
    f32 => F64 as f64, f64 => F64 as f64,
    &str => Str as String, String => Str as String, char => Str as String,
}

impl From<usize> for OwnedValue {
    fn from(value: usize) -> OwnedValue {
        // `usize` has at most 64 bits on all platforms.
        OwnedValue::U64(value as u64)
    }
}

impl From<isize> for OwnedValue {
    fn from(value: isize) -> OwnedValue {
        OwnedValue::I64(value as i64)
    }
}

impl<T: Into<OwnedValue>> From<Option<T>> for OwnedValue {
    fn from(value: Option<T>) -> OwnedValue {
        value.map_or(OwnedValue::Null, Into::into)
    }
}

/// An owned record, which can be stored or sent to another thread.
///
/// # Examples
///
/// ```
/// use log::{Level, Record};
/// use logtee::OwnedRecord;
///
/// let record = OwnedRecord::capture(
///     &Record::builder().level(Level::Warn).args(format_args!("{} left", 3)).build(),
/// );
/// assert_eq!(record.message, "3 left");
/// record.with_record(|again| assert_eq!(again.level(), Level::Warn));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OwnedRecord {
    /// The level.
    pub level: Level,
    /// The target.
    pub target: String,
    /// The module that logged.
    pub module_path: Option<String>,
    /// The source file.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
    /// The formatted message.
    pub message: String,
    /// The key-values, in order.
    pub fields: Vec<(String, OwnedValue)>,
}

impl OwnedRecord {
    /// Copies a record and formats its message. If a `Display` fails or panics, the message has the
    /// text that it had written, and `[formatting failed]`.
    pub fn capture(record: &Record<'_>) -> OwnedRecord {
        let message = message(record);
        let mut fields = Vec::new();
        crate::format::each_pair(record, |key, value| {
            fields.push((key.to_owned(), OwnedValue::capture(value)));
        });
        OwnedRecord {
            level: record.level(),
            target: record.target().to_owned(),
            module_path: record.module_path().map(str::to_owned),
            file: record.file().map(str::to_owned),
            line: record.line(),
            message,
            fields,
        }
    }

    /// Calls `f` with this record as a [`log::Record`], which a [`Sink`](crate::Sink) takes.
    pub fn with_record<R>(&self, f: impl FnOnce(&Record<'_>) -> R) -> R {
        let fields = Fields(&self.fields);
        f(&Record::builder()
            .level(self.level)
            .target(&self.target)
            .module_path(self.module_path.as_deref())
            .file(self.file.as_deref())
            .line(self.line)
            .args(format_args!("{}", self.message))
            .key_values(&fields)
            .build())
    }
}

/// The formatted message. If a `Display` fails, the text that it had written is kept and marked.
pub(crate) fn message(record: &Record<'_>) -> String {
    let mut message = String::new();
    if !matches!(
        catch_panic(|| fmt::write(&mut message, *record.args())),
        Ok(Ok(()))
    ) {
        message.push_str(crate::format::FAILED);
    }
    message
}

/// Owned pairs as a source that knows their number.
pub(crate) struct Fields<'a>(pub(crate) &'a [(String, OwnedValue)]);

impl Source for Fields<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), kv::Error> {
        for (key, value) in self.0 {
            visitor.visit_pair(Key::from_str(key), value.to_value())?;
        }
        Ok(())
    }

    fn get(&self, key: Key<'_>) -> Option<kv::Value<'_>> {
        let mut pairs = self.0.iter();
        let (_, value) = pairs.find(|(known, _)| known == key.as_str())?;
        Some(value.to_value())
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}
