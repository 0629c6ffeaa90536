//! The differences between two dumps: facts, errors, stacks, and messages that only one of them has.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::Style;
use flightrec_dump::{Dump, ErrorNode, Frame};
use similar::{ChangeTag, TextDiff};

use super::facts;
use crate::paths::Paths;
use crate::render::count;
use crate::render::style::{ADDED, BOLD, DIM, ERROR};
use crate::render::{text, time};

/// Facts that differ between any two dumps.
const ALWAYS: [&str; 4] = ["when", "last record", "noticed", "process"];

/// How many lines of each part are shown.
const MAX_LINES: usize = 200;

/// How many equal lines of a stack are shown around different ones.
const CONTEXT: usize = 2;

/// How many messages that only one dump has are shown.
const MAX_MESSAGES: usize = 20;

/// A longer line is cut, even if lines may have any length.
const MAX_WIDTH: usize = 400;

/// One of the two dumps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side<'a> {
    pub(crate) dump: &'a Dump,
    /// Its file, escaped.
    pub(crate) name: &'a str,
}

/// Prints the differences, and returns whether there are any.
pub(crate) fn print(
    out: &mut dyn Write,
    old: Side<'_>,
    new: Side<'_>,
    width: Option<usize>,
) -> io::Result<bool> {
    let mut page = Page {
        out,
        width: width.unwrap_or(MAX_WIDTH),
        differs: false,
    };
    page.heading(old, '-', ERROR)?;
    page.heading(new, '+', ADDED)?;
    let (old, new) = (old.dump, new.dump);
    let is_one_kind = crate::input::group_key(old) == crate::input::group_key(new);
    let kind = if is_one_kind {
        "the same kind of failure"
    } else {
        "two kinds of failures"
    };
    writeln!(page.out, "\n{BOLD}{kind}{BOLD:#}")?;
    page.lines("Facts", &facts_of(old), &facts_of(new), 0)?;
    page.lines("Error", &errors(old), &errors(new), CONTEXT)?;
    page.lines("Stacks", &stacks(old), &stacks(new), CONTEXT)?;
    page.log(old, new)?;
    if !page.differs {
        writeln!(page.out, "\nno difference but time and process")?;
    }
    Ok(page.differs)
}

struct Page<'a> {
    out: &'a mut dyn Write,
    width: usize,
    differs: bool,
}

impl Page<'_> {
    fn heading(&mut self, side: Side<'_>, mark: char, style: Style) -> io::Result<()> {
        let dump = side.dump;
        let (what, _) = super::what_happened(dump);
        let at = super::failed_at(dump).map(time::absolute);
        let at = at.map_or_else(String::new, |at| format!(", {at}"));
        let up = super::uptime(dump).map(|up| format!(", {} after its start", time::length(up)));
        let line = format!(
            "{mark} {}  {} {}{at}{}",
            side.name,
            super::program(dump),
            text::line(&what),
            up.unwrap_or_default()
        );
        self.line(&line, style)
    }

    fn line(&mut self, line: &str, style: Style) -> io::Result<()> {
        let line = text::cut(line, self.width);
        writeln!(self.out, "{style}{line}{style:#}")
    }

    /// The different lines, with some equal ones around them.
    fn lines(
        &mut self,
        title: &str,
        old: &[String],
        new: &[String],
        context: usize,
    ) -> io::Result<()> {
        if old == new {
            return Ok(());
        }
        self.differs = true;
        writeln!(self.out, "\n{BOLD}{title}{BOLD:#}")?;
        let (old, new): (Vec<&str>, Vec<&str>) = (
            old.iter().map(String::as_str).collect(),
            new.iter().map(String::as_str).collect(),
        );
        let diff = TextDiff::from_slices(&old, &new);
        let mut shown = 0;
        for (n, group) in diff.grouped_ops(context).iter().enumerate() {
            if n > 0 && context > 0 {
                self.line("  …", DIM)?;
            }
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                shown += 1;
                if shown > MAX_LINES {
                    return self.line("… (cut)", DIM);
                }
                let (mark, style) = match change.tag() {
                    ChangeTag::Delete => ('-', ERROR),
                    ChangeTag::Insert => ('+', ADDED),
                    ChangeTag::Equal => (' ', DIM),
                };
                self.line(&format!("{mark} {}", change.value()), style)?;
            }
        }
        Ok(())
    }

    /// The messages, without their numbers, that only one of the dumps has.
    fn log(&mut self, old: &Dump, new: &Dump) -> io::Result<()> {
        let (old, new) = (messages(old), messages(new));
        for (title, mark, style, these, others) in [
            ("Logged in the first only", '-', ERROR, &old, &new),
            ("Logged in the second only", '+', ADDED, &new, &old),
        ] {
            let mut only: Vec<_> = these
                .iter()
                .filter(|(message, _)| !others.contains_key(*message))
                .collect();
            if only.is_empty() {
                continue;
            }
            self.differs = true;
            // In the order in which they were logged.
            only.sort_by_key(|(_, (first, _))| *first);
            writeln!(self.out, "\n{BOLD}{title}{BOLD:#}")?;
            for (message, (_, times)) in only.iter().take(MAX_MESSAGES) {
                let times = match times {
                    1 => String::new(),
                    times => format!(" {}×", count::grouped(*times)),
                };
                self.line(&format!("{mark} {message}{times}"), style)?;
            }
            let more = only.len().saturating_sub(MAX_MESSAGES);
            if more > 0 {
                self.line(&format!("… {}", count::of(more, "more message")), DIM)?;
            }
        }
        Ok(())
    }
}

fn facts_of(dump: &Dump) -> Vec<String> {
    let mut lines = vec![format!("{:13}{}", "program", super::program(dump))];
    let facts = facts::list(dump, None, false).into_iter();
    let facts = facts.filter(|(name, _)| !ALWAYS.contains(name));
    lines.extend(facts.map(|(name, fact)| format!("{name:13}{}", text::line(&fact))));
    let evicted = count::of(
        usize::try_from(dump.evicted_logs).unwrap_or(usize::MAX),
        "record",
    );
    lines.push(format!("{:13}{evicted}", "evicted"));
    lines
}

fn errors(dump: &Dump) -> Vec<String> {
    fn add(error: &ErrorNode, indent: usize, paths: &Paths, lines: &mut Vec<String>) {
        let place = error.location.as_ref();
        let place = place.map(|at| format!("  ({}:{})", paths.short(&at.file), at.line));
        let message = text::in_one_line(&error.message);
        let place = place.unwrap_or_default();
        lines.push(format!(
            "{:indent$}{message}{}",
            "",
            text::line(&place),
            indent = indent.min(16)
        ));
        for source in error.sources.iter().take(MAX_LINES) {
            if lines.len() < MAX_LINES {
                add(source, indent + 2, paths, lines);
            }
        }
    }
    let mut lines = Vec::new();
    match &dump.error {
        Some(error) => add(error, 0, &Paths::of(dump), &mut lines),
        None => lines.push(text::in_one_line(super::message(dump))),
    }
    lines
}

/// The stacks of errors and of the thread that crashed: the frames of the program.
fn stacks(dump: &Dump) -> Vec<String> {
    let paths = Paths::of(dump);
    let frame = |frame: &Frame| {
        let name = text::without_hash(&frame.name);
        let line = match (&frame.file, frame.line) {
            (Some(file), Some(line)) => format!("  {name}  {}:{line}", paths.short(file)),
            _ => format!("  {name}  {}", frame.module.as_deref().unwrap_or_default()),
        };
        text::line(&line).into_owned()
    };
    let mut lines = Vec::new();
    for trace in &dump.stack_traces {
        lines.push(text::in_one_line(&trace.error));
        lines.extend(trace.frames.iter().filter(|it| !it.noise).map(frame));
    }
    for thread in dump.threads.iter().filter(|thread| thread.crashed) {
        let name = thread.name.as_deref().unwrap_or_default();
        lines.push(format!("thread {}", text::line(name)));
        lines.extend(thread.frames.iter().filter(|it| !it.noise).map(frame));
    }
    lines
}

/// Each message without its numbers: the first record that has it, and how often it was logged.
fn messages(dump: &Dump) -> BTreeMap<String, (usize, u64)> {
    let mut messages = BTreeMap::new();
    for (n, record) in dump.latest_logs.iter().enumerate() {
        let mut message = String::new();
        let text = format!("{} {}: {}", record.level, record.target, record.msg);
        for char in text.chars() {
            match char.is_ascii_digit() {
                true if message.ends_with('#') => {}
                true => message.push('#'),
                false => message.push(char),
            }
        }
        let message = text::in_one_line(&message);
        let entry = messages.entry(message).or_insert((n, 0));
        entry.1 += 1;
    }
    messages
}
