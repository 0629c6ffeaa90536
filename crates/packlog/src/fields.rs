//! The key-values of a packed record.

use std::fmt::Write as _;

use log::kv::{Error as KvError, Key, Source, Value, VisitSource, VisitValue};

use crate::buffer::Buffer;
use crate::layout::kind;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A key-value's value, as it was typed when it was logged.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum FieldValue<'a> {
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
    /// A string.
    Str(&'a str),
    /// The text of anything else, by its `Display` or `Debug`.
    Text(&'a str),
    /// A nested value as JSON; only with the feature `serde`.
    Json(&'a str),
}

/// The JSON of an object or an array; other values have a text that is as good.
#[cfg(feature = "serde")]
fn nested_json(value: &Value<'_>) -> Option<String> {
    let written = catch_unwind(AssertUnwindSafe(|| serde_json::to_string(value)));
    let json = written.ok()?.ok()?;
    json.starts_with(['{', '[']).then_some(json)
}

/// Appends the fields in order. Whether all could be formatted; whole fields that do not fit are
/// left out, and the buffer remembers that.
pub(super) fn encode(out: &mut Buffer<'_>, source: &dyn Source) -> bool {
    let mut encoder = Encoder { out, broken: false };
    let visited = catch_unwind(AssertUnwindSafe(|| source.visit(&mut encoder)));
    matches!(visited, Ok(Ok(()))) && !encoder.broken
}

struct Encoder<'a, 'b> {
    out: &'a mut Buffer<'b>,
    /// A source, or a value's `Display`, has failed or panicked.
    broken: bool,
}

impl<'kvs> VisitSource<'kvs> for Encoder<'_, '_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), KvError> {
        let start = self.out.len();
        if !self.str(key.as_str()) || value.visit(&mut *self).is_err() {
            self.out.truncate(start);
            self.out.set_cut();
        }
        Ok(())
    }
}

/// Each method fails for want of room only.
impl Encoder<'_, '_> {
    fn str(&mut self, text: &str) -> bool {
        u16::try_from(text.len())
            .is_ok_and(|len| self.out.push(&len.to_le_bytes()) && self.out.push(text.as_bytes()))
    }

    fn plain<const N: usize>(&mut self, kind: u8, value: [u8; N]) -> Result<(), KvError> {
        fitted(self.out.push(&[kind]) && self.out.push(&value))
    }

    /// Text of a length that is known only once it is written. What a `Display` had written
    /// before it failed is kept.
    fn formatted(
        &mut self,
        kind: u8,
        format: impl FnOnce(&mut Buffer<'_>) -> std::fmt::Result,
    ) -> Result<(), KvError> {
        fitted(self.out.push(&[kind, 0, 0]))?;
        let start = self.out.len();
        let cut_before = self.out.take_cut();
        let formatted = catch_unwind(AssertUnwindSafe(|| format(&mut *self.out)));
        let cut = self.out.take_cut();
        if cut_before || cut {
            self.out.set_cut();
        }
        fitted(!cut)?;
        self.broken |= !matches!(formatted, Ok(Ok(())));
        let len = (self.out.len() - start) as u16;
        self.out.patch(start - 2, len.to_le_bytes());
        Ok(())
    }
}

impl<'v> VisitValue<'v> for Encoder<'_, '_> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), KvError> {
        #[cfg(feature = "serde")]
        if let Some(json) = nested_json(&value) {
            return self.formatted(kind::JSON, |out| out.write_str(&json));
        }
        self.formatted(kind::TEXT, |out| write!(out, "{value}"))
    }

    fn visit_null(&mut self) -> Result<(), KvError> {
        self.plain(kind::NULL, [])
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), KvError> {
        self.plain(if value { kind::TRUE } else { kind::FALSE }, [])
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), KvError> {
        self.plain(kind::I64, value.to_le_bytes())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), KvError> {
        self.plain(kind::U64, value.to_le_bytes())
    }

    fn visit_i128(&mut self, value: i128) -> Result<(), KvError> {
        self.plain(kind::I128, value.to_le_bytes())
    }

    fn visit_u128(&mut self, value: u128) -> Result<(), KvError> {
        self.plain(kind::U128, value.to_le_bytes())
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), KvError> {
        self.plain(kind::F64, value.to_le_bytes())
    }

    fn visit_char(&mut self, value: char) -> Result<(), KvError> {
        self.visit_str(value.encode_utf8(&mut [0; 4]))
    }

    fn visit_str(&mut self, value: &str) -> Result<(), KvError> {
        fitted(self.out.push(&[kind::STR]) && self.str(value))
    }
}

fn fitted(yes: bool) -> Result<(), KvError> {
    if yes {
        Ok(())
    } else {
        Err(KvError::msg("no room left for the field"))
    }
}

/// The fields of an [`Unpacked`](crate::Unpacked) record, in order.
#[derive(Clone, Debug)]
pub struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    /// The next field. `None` at the end and where the bytes make no sense; the latter leaves
    /// something behind.
    fn read(&mut self) -> Option<(&'a str, FieldValue<'a>)> {
        let mut rest = self.0;
        let key = str(&mut rest)?;
        let [kind] = array(&mut rest)?;
        let value = match kind {
            kind::NULL => FieldValue::Null,
            kind::FALSE => FieldValue::Bool(false),
            kind::TRUE => FieldValue::Bool(true),
            kind::I64 => FieldValue::I64(i64::from_le_bytes(array(&mut rest)?)),
            kind::U64 => FieldValue::U64(u64::from_le_bytes(array(&mut rest)?)),
            kind::I128 => FieldValue::I128(i128::from_le_bytes(array(&mut rest)?)),
            kind::U128 => FieldValue::U128(u128::from_le_bytes(array(&mut rest)?)),
            kind::F64 => FieldValue::F64(f64::from_le_bytes(array(&mut rest)?)),
            kind::STR => FieldValue::Str(str(&mut rest)?),
            kind::TEXT => FieldValue::Text(str(&mut rest)?),
            kind::JSON => FieldValue::Json(str(&mut rest)?),
            _ => return None,
        };
        self.0 = rest;
        Some((key, value))
    }

    /// Whether every byte belongs to a field.
    pub(super) fn are_well_formed(&self) -> bool {
        let mut fields = self.clone();
        while fields.read().is_some() {}
        fields.0.is_empty()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, FieldValue<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.read()
    }
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*head)
}

fn str<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let len = usize::from(u16::from_le_bytes(array(bytes)?));
    let (text, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    std::str::from_utf8(text).ok()
}
