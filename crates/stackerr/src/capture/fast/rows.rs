//! The rows of the unwind table of a function: which rule holds from which instruction on.
//!
//! They are written as a program that changes a row and goes on to the next.

use super::rule::Rule;
use crate::cursor::Cursor;

/// Numbers of registers in DWARF for x86-64.
const RBP: u64 = 6;
const RSP: u64 = 7;
pub(super) const RETURN_ADDRESS: u64 = 16;

/// Rows that a function may set aside; compilers set one aside.
const MAX_SAVED_ROWS: usize = 4;

/// What holds at one instruction.
#[derive(Clone, Copy, Default)]
struct Row {
    /// The register and the distance that the end of the frame is found by, where so.
    end: Option<(u64, i64)>,
    frame_pointer: Saved,
    return_address: Saved,
    /// It is the end of the frame unless something is said of it, and nobody says anything.
    stack_pointer: Saved,
}

/// Where the caller's value of a register is.
#[derive(Clone, Copy, Default, PartialEq)]
enum Saved {
    #[default]
    Untouched,
    /// So far from the end of the frame.
    At(i64),
    /// There is none.
    Nowhere,
    Elsewhere,
}

impl Row {
    fn rule(&self) -> Option<Rule> {
        match self.return_address {
            Saved::At(-8) => {}
            Saved::Nowhere => return Some(Rule::END),
            _ => return None,
        }
        if self.stack_pointer != Saved::Untouched {
            return None;
        }
        let by_frame_pointer = match self.end?.0 {
            RSP => false,
            RBP => true,
            _ => return None,
        };
        let saved = match self.frame_pointer {
            Saved::Untouched => None,
            Saved::At(distance) => Some(distance),
            Saved::Nowhere | Saved::Elsewhere => return None,
        };
        Rule::new(by_frame_pointer, self.end?.1, saved)
    }

    fn set(&mut self, register: u64, saved: Saved) {
        match register {
            RBP => self.frame_pointer = saved,
            RSP => self.stack_pointer = saved,
            RETURN_ADDRESS => self.return_address = saved,
            // No end of a frame that we know is found by another register.
            _ => {}
        }
    }
}

/// An expression, which is not looked at.
fn block(code: &mut Cursor<'_>) -> Option<()> {
    let len = code.leb()?;
    code.skip(len)
}

/// What runs the instructions.
pub(super) struct Program {
    code_factor: u64,
    data_factor: i64,
    /// How many bytes of code there are up to the instruction that the row is wanted for.
    left: u64,
    row: Row,
    /// The row that every function begins with.
    initial: Row,
    saved: [Row; MAX_SAVED_ROWS],
    saved_len: usize,
}

impl Program {
    /// For the instruction so many bytes after the function's first. The factors are what
    /// distances in code and in the frame are multiples of.
    pub(super) fn new(code_factor: u64, data_factor: i64, distance: u64) -> Self {
        let row = Row::default();
        Self {
            code_factor,
            data_factor,
            left: distance,
            row,
            initial: row,
            saved: [row; MAX_SAVED_ROWS],
            saved_len: 0,
        }
    }

    /// The rule of that instruction, by what several functions share and by what is the
    /// function's own.
    pub(super) fn run(mut self, common: Cursor<'_>, own: Cursor<'_>) -> Option<Rule> {
        self.execute(common)?;
        self.initial = self.row;
        self.execute(own)?;
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

    /// The instructions whose operands are all behind them; false if the row is complete.
    fn other(&mut self, instruction: u8, code: &mut Cursor<'_>) -> Option<bool> {
        match instruction {
            // Nothing.
            0x00 => {}
            // Advance, by one, two or four bytes.
            0x02 => return self.advance(u64::from(code.byte()?)),
            0x03 => return self.advance(code.number(2)?),
            0x04 => return self.advance(code.number(4)?),
            // Saved at an offset; the same, of either sign.
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
            0x06 => {
                let register = code.leb()?;
                self.restore(register);
            }
            0x07 => self.row.set(code.leb()?, Saved::Nowhere),
            0x08 => self.row.set(code.leb()?, Saved::Untouched),
            // In another register.
            0x09 => {
                self.row.set(code.leb()?, Saved::Elsewhere);
                code.leb()?;
            }
            0x0a => {
                *self.saved.get_mut(self.saved_len)? = self.row;
                self.saved_len += 1;
            }
            0x0b => {
                self.saved_len = self.saved_len.checked_sub(1)?;
                self.row = self.saved[self.saved_len];
            }
            // The end of the frame: register and distance, register, distance.
            0x0c => {
                let register = code.leb()?;
                self.row.end = Some((register, i64::try_from(code.leb()?).ok()?));
            }
            0x0d => self.row.end = Some((code.leb()?, self.row.end?.1)),
            0x0e => self.row.end = Some((self.row.end?.0, i64::try_from(code.leb()?).ok()?)),
            0x12 => {
                let register = code.leb()?;
                let distance = code.signed_leb()?.checked_mul(self.data_factor)?;
                self.row.end = Some((register, distance));
            }
            0x13 => {
                let distance = code.signed_leb()?.checked_mul(self.data_factor)?;
                self.row.end = Some((self.row.end?.0, distance));
            }
            // By an expression: the end of the frame; where a register is; its value.
            0x0f => {
                self.row.end = None;
                block(code)?;
            }
            0x10 | 0x16 => {
                self.row.set(code.leb()?, Saved::Elsewhere);
                block(code)?;
            }
            // The value itself is a distance from the end of the frame.
            0x14 | 0x15 => {
                self.row.set(code.leb()?, Saved::Elsewhere);
                code.leb()?;
            }
            // The size of the arguments on the stack is of use to landing pads only.
            0x2e => {
                code.leb()?;
            }
            _ => return None,
        }
        Some(true)
    }

    /// Goes on to the next row; false if that is beyond the instruction that is asked for.
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
            RBP => self.row.frame_pointer = self.initial.frame_pointer,
            RSP => self.row.stack_pointer = self.initial.stack_pointer,
            RETURN_ADDRESS => self.row.return_address = self.initial.return_address,
            _ => {}
        }
    }
}
