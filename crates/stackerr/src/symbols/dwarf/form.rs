//! The values of attributes, in whatever form they are written (7.5.5, 7.5.6).

use super::constants::form::*;
use crate::cursor::Cursor;

/// How a unit or a line program writes addresses and offsets.
#[derive(Clone, Copy)]
pub(super) struct Encoding {
    pub(super) version: u16,
    pub(super) address_size: u8,
    /// The 64-bit format, whose offsets have eight bytes.
    pub(super) wide: bool,
}

impl Encoding {
    fn offset_size(self) -> u32 {
        if self.wide { 8 } else { 4 }
    }

    /// Linkers put one of the last two addresses where code was left out.
    pub(super) fn is_tombstone(self, address: u64) -> bool {
        address >= self.last_address() - 1
    }

    pub(super) fn last_address(self) -> u64 {
        u64::MAX >> (64 - 8 * u32::from(self.address_size.clamp(1, 8)))
    }
}

/// A value, as far as it is of use here.
#[derive(Clone, Copy, Default)]
pub(super) enum Value<'data> {
    #[default]
    None,
    Number(u64),
    Address(u64),
    /// An index into `.debug_addr`.
    AddressIndex(u64),
    /// An index into the offsets of `.debug_rnglists`.
    ListIndex(u64),
    /// An offset into another section.
    Offset(u64),
    /// An entry of the same unit.
    Near(u64),
    /// An entry of any unit.
    Far(u64),
    Text(&'data [u8]),
    /// An offset into `.debug_str`.
    TextAt(u64),
    /// An offset into `.debug_line_str`.
    LineTextAt(u64),
    /// An index into `.debug_str_offsets`.
    TextIndex(u64),
}

/// An attribute of an abbreviation.
#[derive(Clone, Copy)]
pub(super) struct Spec {
    pub(super) name: u16,
    pub(super) form: u16,
    /// The value that `DW_FORM_implicit_const` has.
    pub(super) implicit: i64,
}

/// How many bytes a value of that form takes up, if that is always the same.
pub(super) fn fixed_size(form: u16, encoding: Encoding) -> Option<u32> {
    Some(match form {
        FLAG_PRESENT | IMPLICIT_CONST => 0,
        DATA1 | FLAG | REF1 | STRX1 | ADDRX1 => 1,
        DATA2 | REF2 | STRX2 | ADDRX2 => 2,
        STRX3 | ADDRX3 => 3,
        DATA4 | REF4 | REF_SUP4 | STRX4 | ADDRX4 => 4,
        DATA8 | REF8 | REF_SIG8 | REF_SUP8 => 8,
        DATA16 => 16,
        ADDR => u32::from(encoding.address_size),
        REF_ADDR if encoding.version < 3 => u32::from(encoding.address_size),
        STRP | LINE_STRP | SEC_OFFSET | REF_ADDR | STRP_SUP | GNU_REF_ALT | GNU_STRP_ALT => {
            encoding.offset_size()
        }
        _ => return None,
    })
}

/// Reads over a value.
pub(super) fn skip(cursor: &mut Cursor<'_>, spec: Spec, encoding: Encoding) -> Option<()> {
    match fixed_size(spec.form, encoding) {
        Some(size) => cursor.skip(u64::from(size)),
        None => read(cursor, spec, encoding).map(drop),
    }
}

/// Reads a value; none if the form is unknown, so that nothing behind it can be read.
#[inline(never)]
pub(super) fn read<'data>(
    cursor: &mut Cursor<'data>,
    spec: Spec,
    encoding: Encoding,
) -> Option<Value<'data>> {
    let mut form = spec.form;
    if form == INDIRECT {
        form = u16::try_from(cursor.leb()?).ok()?;
        // Neither may be indirect: the one has no value here, the other no end.
        if matches!(form, INDIRECT | IMPLICIT_CONST) {
            return None;
        }
    }
    if let Some(size) = fixed_size(form, encoding) {
        if size > 8 || matches!(form, FLAG_PRESENT | IMPLICIT_CONST) {
            cursor.skip(u64::from(size))?;
            return Some(match u64::try_from(spec.implicit) {
                Ok(number) if form == IMPLICIT_CONST => Value::Number(number),
                _ => Value::None,
            });
        }
        let number = cursor.number(size as u8)?;
        return Some(match form {
            DATA1 | DATA2 | DATA4 | DATA8 => Value::Number(number),
            ADDR => Value::Address(number),
            ADDRX1 | ADDRX2 | ADDRX3 | ADDRX4 => Value::AddressIndex(number),
            REF1 | REF2 | REF4 | REF8 => Value::Near(number),
            REF_ADDR => Value::Far(number),
            SEC_OFFSET => Value::Offset(number),
            STRP => Value::TextAt(number),
            LINE_STRP => Value::LineTextAt(number),
            STRX1 | STRX2 | STRX3 | STRX4 => Value::TextIndex(number),
            // Flags, signatures of types, and what is in a supplementary file.
            _ => Value::None,
        });
    }
    let block = match form {
        STRING => return cursor.text().map(Value::Text),
        SDATA => {
            let number = u64::try_from(cursor.signed_leb()?);
            return Some(number.map_or(Value::None, Value::Number));
        }
        BLOCK1 => cursor.number(1)?,
        BLOCK2 => cursor.number(2)?,
        BLOCK4 => cursor.number(4)?,
        _ => cursor.leb()?,
    };
    Some(match form {
        UDATA => Value::Number(block),
        REF_UDATA => Value::Near(block),
        ADDRX | GNU_ADDR_INDEX => Value::AddressIndex(block),
        STRX | GNU_STR_INDEX => Value::TextIndex(block),
        RNGLISTX => Value::ListIndex(block),
        LOCLISTX => Value::None,
        BLOCK | BLOCK1 | BLOCK2 | BLOCK4 | EXPRLOC => {
            cursor.skip(block)?;
            Value::None
        }
        _ => return None,
    })
}
