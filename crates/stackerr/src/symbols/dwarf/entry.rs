//! The attributes of one entry that mean something here (7.5.4).

use super::constants::at;
use super::form::{self, Encoding, Spec, Value};
use super::fuel::Fuel;
use crate::cursor::Cursor;

/// Whatever kind the entry is of: a unit, a function, or one that is inlined.
#[derive(Default)]
pub(super) struct Entry<'data> {
    pub(super) name: Value<'data>,
    pub(super) linkage_name: Value<'data>,
    /// The entry that this one is an instance or the definition of.
    pub(super) origin: Value<'data>,
    pub(super) low_pc: Value<'data>,
    pub(super) high_pc: Value<'data>,
    pub(super) ranges: Value<'data>,
    pub(super) call_file: Value<'data>,
    pub(super) call_line: Value<'data>,
    pub(super) call_column: Value<'data>,
    pub(super) line_program: Value<'data>,
    pub(super) comp_dir: Value<'data>,
    pub(super) str_offsets_base: Value<'data>,
    pub(super) addr_base: Value<'data>,
    pub(super) rnglists_base: Value<'data>,
}

impl<'data> Entry<'data> {
    // Not inlined: three places read one.
    #[inline(never)]
    pub(super) fn read(
        cursor: &mut Cursor<'data>,
        specs: &[Spec],
        encoding: Encoding,
        fuel: &Fuel,
    ) -> Option<Self> {
        fuel.burn(specs.len())?;
        let mut entry = Self::default();
        for &spec in specs {
            let slot = match spec.name {
                at::NAME => &mut entry.name,
                at::LINKAGE_NAME | at::MIPS_LINKAGE_NAME => &mut entry.linkage_name,
                at::ABSTRACT_ORIGIN | at::SPECIFICATION => &mut entry.origin,
                at::LOW_PC => &mut entry.low_pc,
                at::HIGH_PC => &mut entry.high_pc,
                at::RANGES => &mut entry.ranges,
                at::CALL_FILE => &mut entry.call_file,
                at::CALL_LINE => &mut entry.call_line,
                at::CALL_COLUMN => &mut entry.call_column,
                at::STMT_LIST => &mut entry.line_program,
                at::COMP_DIR => &mut entry.comp_dir,
                at::STR_OFFSETS_BASE => &mut entry.str_offsets_base,
                at::ADDR_BASE | at::GNU_ADDR_BASE => &mut entry.addr_base,
                at::RNGLISTS_BASE => &mut entry.rnglists_base,
                _ => {
                    form::skip(cursor, spec, encoding)?;
                    continue;
                }
            };
            *slot = form::read(cursor, spec, encoding)?;
        }
        Some(entry)
    }

    pub(super) fn skip(
        cursor: &mut Cursor<'data>,
        specs: &[Spec],
        encoding: Encoding,
        fuel: &Fuel,
    ) -> Option<()> {
        fuel.burn(specs.len())?;
        for &spec in specs {
            form::skip(cursor, spec, encoding)?;
        }
        Some(())
    }
}

impl Value<'_> {
    pub(super) fn number(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// An offset into a section; before DWARF 4 they were written as plain numbers.
    pub(super) fn offset(self) -> Option<u64> {
        match self {
            Self::Offset(offset) | Self::Number(offset) => Some(offset),
            _ => None,
        }
    }

    pub(super) fn is_none(self) -> bool {
        matches!(self, Self::None)
    }
}
