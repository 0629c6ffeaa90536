//! Call frame instructions: the program whose execution yields the rows of a function's unwind
//! table.

use super::arch::{
    FIXED_RETURN_ADDRESS, FRAME_POINTER, RETURN_ADDRESS, STACK_POINTER, is_without_effect,
};
use super::rule::Rule;
use crate::cursor::Cursor;

/// How many rows `DW_CFA_remember_state` may push on its stack. Compilers use one.
const MAX_REMEMBERED: usize = 4;

/// The unwind information for one instruction.
#[derive(Clone, Copy, Default)]
struct Row {
    /// The register and the distance from which the CFA is computed; `None` for an expression.
    cfa: Option<(u64, i64)>,
    frame_pointer: Saved,
    return_address: Saved,
    /// It equals the CFA unless it has a rule of its own, which compilers do not generate.
    stack_pointer: Saved,
}

/// The place of the caller's value of a register.
#[derive(Clone, Copy, Default, PartialEq)]
enum Saved {
    /// In the register.
    #[default]
    Unchanged,
    /// At this distance from the CFA.
    At(i64),
    /// Not recoverable.
    Undefined,
    /// In another register, or given by an expression.
    Elsewhere,
}

impl Row {
    fn rule(&self) -> Option<Rule> {
        let return_address = match self.return_address {
            Saved::At(distance) => distance,
            Saved::Undefined => return Some(Rule::END),
            _ => return None,
        };
        if FIXED_RETURN_ADDRESS.is_some_and(|fixed| fixed != return_address) {
            return None;
        }
        if self.stack_pointer != Saved::Unchanged {
            return None;
        }
        let by_frame_pointer = match self.cfa?.0 {
            STACK_POINTER => false,
            FRAME_POINTER => true,
            _ => return None,
        };
        let saved = match self.frame_pointer {
            Saved::Unchanged => None,
            Saved::At(distance) => Some(distance),
            Saved::Undefined | Saved::Elsewhere => return None,
        };
        Rule::new(by_frame_pointer, self.cfa?.1, return_address, saved)
    }

    fn set(&mut self, register: u64, saved: Saved) {
        match register {
            FRAME_POINTER => self.frame_pointer = saved,
            STACK_POINTER => self.stack_pointer = saved,
            RETURN_ADDRESS => self.return_address = saved,
            // Other registers are not needed.
            _ => {}
        }
    }
}

/// Skips an expression.
fn skip_block(code: &mut Cursor<'_>) -> Option<()> {
    let len = code.leb()?;
    code.skip(len)
}

/// The interpreter of the instructions.
pub(super) struct Program {
    code_factor: u64,
    data_factor: i64,
    /// Bytes of code between the current row and the instruction whose row is needed.
    left: u64,
    row: Row,
    /// The row after the CIE's instructions.
    initial: Row,
    remembered: [Row; MAX_REMEMBERED],
    remembered_len: usize,
}

impl Program {
    /// Creates a program that finds the row for the instruction `distance` bytes after the function's
    /// first. The factors are the CIE's code and data alignment factors.
    pub(super) fn new(code_factor: u64, data_factor: i64, distance: u64) -> Self {
        let row = Row::default();
        Self {
            code_factor,
            data_factor,
            left: distance,
            row,
            initial: row,
            remembered: [row; MAX_REMEMBERED],
            remembered_len: 0,
        }
    }

    /// Executes the instructions of the CIE, and then those of the FDE. Returns the rule of the
    /// instruction.
    pub(super) fn run(mut self, cie: Cursor<'_>, fde: Cursor<'_>) -> Option<Rule> {
        self.execute(cie)?;
        self.initial = self.row;
        self.execute(fde)?;
        self.row.rule()
    }

    fn execute(&mut self, mut code: Cursor<'_>) -> Option<()> {
        while code.len() > 0 {
            let byte = code.byte()?;
            let low = u64::from(byte & 0x3f);
            match byte >> 6 {
                1 => {
                    if !self.advance(low)? {
                        return Some(());
                    }
                }
                2 => {
                    let saved = self.factored(code.leb()?)?;
                    self.row.set(low, Saved::At(saved));
                }
                3 => self.restore(low),
                _ => {
                    if !self.other(byte, &mut code)? {
                        return Some(());
                    }
                }
            }
        }
        Some(())
    }

    /// Executes an instruction without an operand in its opcode; returns false if the row is
    /// complete.
    fn other(&mut self, instruction: u8, code: &mut Cursor<'_>) -> Option<bool> {
        match instruction {
            // nop
            0x00 => {}
            // advance_loc1, advance_loc2, advance_loc4
            0x02 => return self.advance(u64::from(code.byte()?)),
            0x03 => return self.advance(code.number(2)?),
            0x04 => return self.advance(code.number(4)?),
            // offset_extended, offset_extended_sf
            0x05 => {
                let register = code.leb()?;
                let saved = self.factored(code.leb()?)?;
                self.row.set(register, Saved::At(saved));
            }
            0x11 => {
                let register = code.leb()?;
                let saved = code.signed_leb()?.checked_mul(self.data_factor)?;
                self.row.set(register, Saved::At(saved));
            }
            // restore_extended, undefined, same_value
            0x06 => {
                let register = code.leb()?;
                self.restore(register);
            }
            0x07 => self.row.set(code.leb()?, Saved::Undefined),
            0x08 => self.row.set(code.leb()?, Saved::Unchanged),
            // register
            0x09 => {
                self.row.set(code.leb()?, Saved::Elsewhere);
                code.leb()?;
            }
            // remember_state, restore_state
            0x0a => {
                *self.remembered.get_mut(self.remembered_len)? = self.row;
                self.remembered_len += 1;
            }
            0x0b => {
                self.remembered_len = self.remembered_len.checked_sub(1)?;
                self.row = self.remembered[self.remembered_len];
            }
            // def_cfa, def_cfa_register, def_cfa_offset, and the first and the last with a factor
            0x0c => {
                let register = code.leb()?;
                self.row.cfa = Some((register, i64::try_from(code.leb()?).ok()?));
            }
            0x0d => self.row.cfa = Some((code.leb()?, self.row.cfa?.1)),
            0x0e => self.row.cfa = Some((self.row.cfa?.0, i64::try_from(code.leb()?).ok()?)),
            0x12 => {
                let register = code.leb()?;
                let distance = code.signed_leb()?.checked_mul(self.data_factor)?;
                self.row.cfa = Some((register, distance));
            }
            0x13 => {
                let distance = code.signed_leb()?.checked_mul(self.data_factor)?;
                self.row.cfa = Some((self.row.cfa?.0, distance));
            }
            // def_cfa_expression, expression, val_expression
            0x0f => {
                self.row.cfa = None;
                skip_block(code)?;
            }
            0x10 | 0x16 => {
                self.row.set(code.leb()?, Saved::Elsewhere);
                skip_block(code)?;
            }
            // val_offset, val_offset_sf
            0x14 | 0x15 => {
                self.row.set(code.leb()?, Saved::Elsewhere);
                code.leb()?;
            }
            // GNU_args_size, which only landing pads need
            0x2e => {
                code.leb()?;
            }
            _ if is_without_effect(instruction) => {}
            _ => return None,
        }
        Some(true)
    }

    /// Advances to the next row. Returns false if that begins after the instruction.
    fn advance(&mut self, delta: u64) -> Option<bool> {
        let bytes = delta.checked_mul(self.code_factor)?;
        let Some(left) = self.left.checked_sub(bytes) else {
            return Some(false);
        };
        self.left = left;
        Some(true)
    }

    fn factored(&self, distance: u64) -> Option<i64> {
        let distance = i64::try_from(distance).ok()?;
        distance.checked_mul(self.data_factor)
    }

    fn restore(&mut self, register: u64) {
        match register {
            FRAME_POINTER => self.row.frame_pointer = self.initial.frame_pointer,
            STACK_POINTER => self.row.stack_pointer = self.initial.stack_pointer,
            RETURN_ADDRESS => self.row.return_address = self.initial.return_address,
            _ => {}
        }
    }
}
