//! Encodes and decodes the key-values of a packed record.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use log::kv::{Error as KvError, Key, Source, Value, VisitSource, VisitValue};

use crate::buffer::{self, Buffer};
use crate::layout::{flag, kind};

/// The value of a key-value, with the type with which it was logged.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum FieldValue<'a> {
    /// No value.
    Null,
    /// A boolean.
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
    /// Any other value, formatted by its `Display` or `Debug`.
    Text(&'a str),
    /// A nested value as JSON; only with the feature `serde`.
    Json(&'a str),
}

/// Appends the fields in order, and leaves out those that do not fit. Returns flags if fields were left
/// out or are broken.
#[inline(never)]
pub(super) fn encode(out: &mut Buffer<'_>, source: &dyn Source) -> u16 {
    let mut encoder = Encoder::new(out);
    let visited = catch_unwind(AssertUnwindSafe(|| source.visit(&mut encoder)));
    if !matches!(visited, Ok(Ok(()))) {
        encoder.flags |= flag::BROKEN;
    }
    encoder.flags
}

/// Replaces the value of a field that failed or panicked when it was visited.
const FAILED: &str = "[formatting failed]";

/// Writes fields one by one.
pub(crate) struct Encoder<'a, 'b> {
    pub(crate) out: &'a mut Buffer<'b>,
    /// The field being written does not fit.
    is_full: bool,
    pub(crate) flags: u16,
}

impl<'a, 'b> Encoder<'a, 'b> {
    pub(crate) fn new(out: &'a mut Buffer<'b>) -> Encoder<'a, 'b> {
        Encoder {
            out,
            is_full: false,
            flags: 0,
        }
    }

    /// Writes a field with a value of fixed length. Leaves it out if it does not fit.
    #[inline(always)]
    pub(crate) fn plain_field<const N: usize>(&mut self, key: &str, kind: u8, value: [u8; N]) {
        if let Some(room) = self.begin_field(key, kind, N) {
            room.copy_from_slice(&value);
        }
    }

    #[inline(always)]
    pub(crate) fn str_field(&mut self, key: &str, value: &str) {
        if let Some(room) = self.begin_field(key, kind::STR, 2 + value.len()) {
            // The length fits into 16 bits, because the value fits into the buffer.
            let (len, text) = room.split_at_mut(2);
            len.copy_from_slice(&(value.len() as u16).to_le_bytes());
            buffer::copy(text, value.as_bytes());
        }
    }

    /// Writes the key and the type of a field, and returns the memory for its value. `None` if the field
    /// does not fit.
    #[inline(always)]
    fn begin_field(&mut self, key: &str, kind: u8, len: usize) -> Option<&mut [u8]> {
        let key_end = 2 + key.len();
        let Some(room) = self.out.take(key_end + 1 + len) else {
            self.flags |= flag::CUT;
            return None;
        };
        let (before, value) = room.split_at_mut(key_end + 1);
        before[..2].copy_from_slice(&(key.len() as u16).to_le_bytes());
        buffer::copy(&mut before[2..key_end], key.as_bytes());
        before[key_end] = kind;
        Some(value)
    }

    /// Writes a field whose value is formatted by `format`, which may fail or panic.
    pub(crate) fn text_field(
        &mut self,
        key: &str,
        format: impl FnOnce(&mut Buffer<'_>) -> std::fmt::Result,
    ) {
        let start = self.out.len();
        let fits = self.str(key) && self.format_value(kind::TEXT, format).is_ok();
        if !fits {
            self.out.truncate(start);
            self.flags |= flag::CUT;
        }
    }
}

impl<'kvs> VisitSource<'kvs> for Encoder<'_, '_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), KvError> {
        let start = self.out.len();
        self.is_full = !self.str(key.as_str());
        if !self.is_full {
            let value_at = self.out.len();
            // Visiting a value may call the user's code.
            let visited = catch_unwind(AssertUnwindSafe(|| value.visit(&mut *self)));
            if !matches!(visited, Ok(Ok(()))) && !self.is_full {
                self.flags |= flag::BROKEN;
                self.out.truncate(value_at);
                let _ = self.format_value(kind::TEXT, |out| out.write_str(FAILED));
            }
        }
        if self.is_full {
            self.out.truncate(start);
            self.flags |= flag::CUT;
        }
        Ok(())
    }
}

impl Encoder<'_, '_> {
    /// Fails and sets `is_full` if something did not fit.
    fn check_fits(&mut self, fits: bool) -> Result<(), KvError> {
        if fits {
            return Ok(());
        }
        self.is_full = true;
        Err(KvError::msg("no room left for the field"))
    }

    fn str(&mut self, text: &str) -> bool {
        u16::try_from(text.len())
            .is_ok_and(|len| self.out.push(&len.to_le_bytes()) && self.out.push(text.as_bytes()))
    }

    fn plain<const N: usize>(&mut self, kind: u8, value: [u8; N]) -> Result<(), KvError> {
        let fits = self.out.push(&[kind]) && self.out.push(&value);
        self.check_fits(fits)
    }

    /// Writes a value as text. If `format` fails or panics, the text that it had written is kept.
    fn format_value(
        &mut self,
        kind: u8,
        format: impl FnOnce(&mut Buffer<'_>) -> std::fmt::Result,
    ) -> Result<(), KvError> {
        let fits = self.out.push(&[kind, 0, 0]);
        self.check_fits(fits)?;
        let start = self.out.len();
        let formatted = catch_unwind(AssertUnwindSafe(|| format(&mut *self.out)));
        let cut = self.out.take_cut();
        self.check_fits(!cut)?;
        if !matches!(formatted, Ok(Ok(()))) {
            self.flags |= flag::BROKEN;
        }
        let len = (self.out.len() - start) as u16;
        self.out.patch(start - 2, len.to_le_bytes());
        Ok(())
    }
}

impl<'v> VisitValue<'v> for Encoder<'_, '_> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), KvError> {
        #[cfg(feature = "serde")]
        if let Some(json) = nested_json(&value) {
            return self.format_value(kind::JSON, |out| out.write_str(&json));
        }
        self.format_value(kind::TEXT, |out| write!(out, "{value}"))
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
        let fits = self.out.push(&[kind::STR]) && self.str(value);
        self.check_fits(fits)
    }
}

/// Returns the JSON of an object or an array; `None` for other values, which are formatted as text.
#[cfg(feature = "serde")]
fn nested_json(value: &Value<'_>) -> Option<String> {
    let written = catch_unwind(AssertUnwindSafe(|| serde_json::to_string(value)));
    let json = written.ok()?.ok()?;
    json.starts_with(['{', '[']).then_some(json)
}

/// The fields of an [`Unpacked`](crate::Unpacked) record, in order.
#[derive(Clone, Debug)]
pub struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    /// Reads fields that [`pack_fields`](crate::pack_fields) packed.
    #[must_use]
    pub fn new(packed: &'a [u8]) -> Fields<'a> {
        Fields(packed)
    }

    /// Returns the bytes of the fields that were not read yet.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Reads the next field. Returns `None` at the end, and if the bytes are not a field. In the latter
    /// case, bytes are left.
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
