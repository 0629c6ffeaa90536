//! Markdown for an issue, for people and for language models.
//!
//! All text of a dump is in code spans and fenced blocks, where Markdown has no HTML, links or mentions.
//!
//! Parts are added in this order until the budget is used up: the error with its causes; the facts and
//! what was masked; the program's frames of the first stack; the most relevant records of the log; the
//! other stacks; the stacks of threads; more records.

mod budget;
mod code;
mod parts;
mod records;
mod stacks;

use std::io::{self, Write};

use flightrec_dump::Dump;

use crate::render::count::of;
use budget::Budget;
pub(crate) use budget::Tokens;
pub(crate) use parts::plain_title;
use records::Records;
use stacks::Stacks;

/// How many records of the log are written by default.
pub(crate) const RECORDS: usize = 50;

/// How much to write of each dump.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    pub(crate) budget: Tokens,
    /// The maximum number of log records.
    pub(crate) records: usize,
}

impl Default for Amount {
    fn default() -> Amount {
        Amount {
            budget: Tokens::ISSUE,
            records: RECORDS,
        }
    }
}

/// A dump, and the name of its file.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    pub(crate) dump: &'a Dump,
    /// The file's name without directories; empty if there is none.
    pub(crate) file: String,
}

/// Writes the dumps one after the other. They share the budget evenly.
pub(crate) fn write(out: &mut dyn Write, dumps: &[Source<'_>], amount: Amount) -> io::Result<()> {
    for (n, source) in dumps.iter().enumerate() {
        if n > 0 {
            writeln!(out)?;
        }
        let budget = Tokens(amount.budget.0 / dumps.len().max(1));
        let amount = Amount { budget, ..amount };
        out.write_all(one(source, amount).as_bytes())?;
    }
    Ok(())
}

/// The Markdown of one dump.
pub(crate) fn one(source: &Source<'_>, amount: Amount) -> String {
    let dump = source.dump;
    let mut budget = Budget::new(amount.budget);
    let title = format!("## {}\n\n", parts::title(dump));
    let masked = parts::masked(dump);
    budget.spend(&title);
    budget.spend(&masked);
    // Reserves room for the list of what was left out.
    budget.reserve(LEFT_OUT_ROOM);
    let error = parts::error(dump, &mut budget);
    let facts = parts::facts(dump, &mut budget);

    let mut stacks = Stacks::new(dump);
    let mut records = Records::new(dump, amount.records);
    stacks.first(&mut budget);
    records.most_relevant(&mut budget);
    stacks.others(&mut budget);
    stacks.threads(&mut budget);
    records.more(&mut budget);

    let left_out = left_out(&stacks, &records, &source.file);
    [
        title,
        error,
        facts,
        stacks.into_text(),
        records.into_text(),
        masked,
        left_out,
    ]
    .concat()
}

/// The bytes that are reserved for the text of `left_out`.
const LEFT_OUT_ROOM: usize = 100 + 4 * parts::MAX_TITLE / 2;

/// Says what was left out, and where it can be found.
fn left_out(stacks: &Stacks<'_>, records: &Records<'_>, file: &str) -> String {
    let mut parts = Vec::new();
    let stacks = stacks.left_out();
    if stacks > 0 {
        parts.push(of(stacks, "stack"));
    }
    let records = records.left_out();
    if records > 0 {
        parts.push(of(records, "record"));
    }
    if parts.is_empty() {
        return String::new();
    }
    let place = match file {
        "" => String::new(),
        file => format!(
            "; the dump {} has everything",
            code::span(&parts::brief(file))
        ),
    };
    format!("Left out: {}{place}.\n", parts.join(" and "))
}
