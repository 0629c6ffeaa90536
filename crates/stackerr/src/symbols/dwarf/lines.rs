//! `.debug_line`: the lines that instructions come from (6.2).

use super::constants::{lne, lns};
use super::files::Files;
use super::form::Encoding;
use super::unit::Unit;
use super::{Look, within};
use crate::cursor::Cursor;

/// A file, by its index in [`Files`], with a line and a column of it; 0 if there is none.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) file: u64,
    pub(super) line: u64,
    pub(super) column: u64,
}

/// The line program of a unit.
pub(super) struct Program<'data> {
    encoding: Encoding,
    min_instruction: u64,
    max_operations: u64,
    line_base: i64,
    line_range: u8,
    opcode_base: u8,
    /// How many operands the standard opcodes have.
    operands: &'data [u8],
    code: Cursor<'data>,
    pub(super) files: Files<'data>,
}

/// The registers (6.2.2), but for those of no use here.
#[derive(Clone, Copy)]
struct Machine {
    address: u64,
    operation: u64,
    row: Row,
    /// In code that was left out: its rows are none.
    is_dead: bool,
}

const START: Machine = Machine {
    address: 0,
    operation: 0,
    row: Row {
        file: 1,
        line: 1,
        column: 0,
    },
    is_dead: false,
};

/// What an instruction did.
enum Step {
    Registers,
    Row,
    End,
}

impl<'data> Program<'data> {
    /// Reads the header of a unit's program, if it has one.
    pub(super) fn read(unit: &Unit<'_, 'data>) -> Option<Self> {
        let sections = unit.sections;
        let mut cursor = sections.cursor(sections.line, unit.root.line_program.offset()?)?;
        let (length, wide) = cursor.length()?;
        let mut cursor = cursor.split(length)?;
        let mut encoding = Encoding {
            version: cursor.number(2)? as u16,
            address_size: unit.header.encoding.address_size,
            wide,
        };
        if !matches!(encoding.version, 2..=5) {
            return None;
        }
        if encoding.version == 5 {
            encoding.address_size = cursor.byte()?;
            if !matches!(encoding.address_size, 1 | 2 | 4 | 8) || cursor.byte()? != 0 {
                return None;
            }
        }
        let length = cursor.offset(wide)?;
        let mut header = cursor.split(length)?;
        let min_instruction = header.number(1)?;
        let max_operations = match encoding.version {
            4.. => header.number(1)?,
            _ => 1,
        };
        header.skip(1)?; // whether rows begin statements
        let line_base = i64::from(header.byte()? as i8);
        let line_range = header.byte()?;
        let opcode_base = header.byte()?;
        if max_operations == 0 || line_range == 0 || opcode_base == 0 {
            return None;
        }
        let operands = header.take(u64::from(opcode_base) - 1)?;
        Some(Self {
            encoding,
            min_instruction,
            max_operations,
            line_base,
            line_range,
            opcode_base,
            operands,
            code: cursor,
            files: Files::read(&mut header, encoding, unit)?,
        })
    }

    /// Finds the rows of the addresses that have none yet. Damage ends the program.
    pub(super) fn run(&mut self, unit: &Unit<'_, 'data>, looks: &mut [Look]) {
        let mut lacking = looks.iter().filter(|look| look.row.is_none()).count();
        self.each(unit, &mut |begin, end, row| {
            for look in within(looks, begin, end) {
                unit.fuel.burn(1)?;
                if look.row.is_none() {
                    look.row = Some(row);
                    lacking -= 1;
                }
            }
            (lacking > 0).then_some(())
        });
    }

    /// The ranges of addresses that have a row, until one is answered by none.
    pub(super) fn each(
        &mut self,
        unit: &Unit<'_, 'data>,
        each: &mut dyn FnMut(u64, u64, Row) -> Option<()>,
    ) -> Option<()> {
        let mut machine = START;
        // The last row, which is good up to the next one's address.
        let mut last: Option<(u64, Row)> = None;
        loop {
            unit.fuel.burn(1)?;
            let step = self.step(&mut machine)?;
            if let Step::Registers = step {
                continue;
            }
            if !machine.is_dead {
                if let Some((begin, row)) = last
                    && begin < machine.address
                {
                    each(begin, machine.address, row)?;
                }
                last = Some((machine.address, machine.row));
            }
            if let Step::End = step {
                machine = START;
                last = None;
            }
        }
    }

    /// Runs one instruction (6.2.5).
    fn step(&mut self, machine: &mut Machine) -> Option<Step> {
        let opcode = self.code.byte()?;
        if opcode >= self.opcode_base {
            let adjusted = opcode - self.opcode_base;
            let line = self.line_base + i64::from(adjusted % self.line_range);
            machine.advance_line(line);
            self.advance(machine, u64::from(adjusted / self.line_range))?;
            return Some(Step::Row);
        }
        match opcode {
            0 => return self.extended(machine),
            lns::COPY => return Some(Step::Row),
            lns::ADVANCE_PC => {
                let operations = self.code.leb()?;
                self.advance(machine, operations)?;
            }
            lns::ADVANCE_LINE => machine.advance_line(self.code.signed_leb()?),
            lns::SET_FILE => machine.row.file = self.code.leb()?,
            lns::SET_COLUMN => machine.row.column = self.code.leb()?,
            lns::CONST_ADD_PC => {
                let adjusted = 255 - self.opcode_base;
                self.advance(machine, u64::from(adjusted / self.line_range))?;
            }
            lns::FIXED_ADVANCE_PC => {
                let bytes = self.code.number(2)?;
                if !machine.is_dead {
                    machine.operation = 0;
                    machine.address = self.sum(machine.address, bytes)?;
                }
            }
            // Of no use here, or of a later version of the standard.
            _ => {
                for _ in 0..*self.operands.get(usize::from(opcode) - 1)? {
                    self.code.leb()?;
                }
            }
        }
        Some(Step::Registers)
    }

    fn extended(&mut self, machine: &mut Machine) -> Option<Step> {
        let length = self.code.leb()?;
        let mut content = self.code.split(length)?;
        match content.byte()? {
            lne::END_SEQUENCE => return Some(Step::End),
            lne::SET_ADDRESS => {
                let address = content.number(self.encoding.address_size)?;
                // Linkers write an address where they left code out, often 0. That is one as
                // well; but within a sequence addresses only rise.
                machine.is_dead = address < machine.address || self.encoding.is_tombstone(address);
                if !machine.is_dead {
                    machine.address = address;
                    machine.operation = 0;
                }
            }
            lne::DEFINE_FILE => self.files.define(&mut content)?,
            _ => {}
        }
        Some(Step::Registers)
    }

    fn advance(&self, machine: &mut Machine, operations: u64) -> Option<()> {
        if machine.is_dead {
            return Some(());
        }
        let instructions = if self.max_operations == 1 {
            operations
        } else {
            let operation = machine.operation.wrapping_add(operations);
            machine.operation = operation % self.max_operations;
            operation / self.max_operations
        };
        let bytes = self.min_instruction.wrapping_mul(instructions);
        machine.address = self.sum(machine.address, bytes)?;
        Some(())
    }

    fn sum(&self, address: u64, bytes: u64) -> Option<u64> {
        let sum = address.checked_add(bytes)?;
        (sum <= self.encoding.last_address()).then_some(sum)
    }
}

impl Machine {
    fn advance_line(&mut self, lines: i64) {
        self.row.line = self.row.line.saturating_add_signed(lines);
    }
}
