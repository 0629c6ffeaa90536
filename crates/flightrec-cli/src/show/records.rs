//! Records in columns: when, how grave, whose, where from, what.

use std::collections::HashMap;
use std::io::{self, Write};

use flightrec::LogRecord;
use jiff::Timestamp;

use super::View;
use super::columns::place;
use crate::look::style::{self, DIM, ERROR, PLAIN};
use crate::look::text::{self, pad};
use crate::look::{time, value};
use crate::select::Level;

/// The widest that the columns get.
const MAX_TIME: usize = 12;
const MAX_NAME: usize = 12;
const MAX_TARGET: usize = 32;

/// With fewer columns than that, names of threads are cut to what tells them apart.
const NARROW: usize = 100;
const NARROW_NAME: usize = 8;

/// With less room than that for the message, it goes below.
const MIN_MESSAGE: usize = 24;

/// A record of one of the processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) process: usize,
    pub(crate) record: &'a LogRecord,
}

/// The columns' widths.
#[derive(Debug)]
pub(crate) struct Columns<'a> {
    failure: Option<Timestamp>,
    view: &'a View,
    processes: &'a [String],
    time: usize,
    process: usize,
    /// 0 if there is only one thread.
    thread: usize,
    target: usize,
    /// Each thread's number, in the order in which they appear.
    threads: HashMap<(usize, &'a str), usize>,
}

impl<'a> Columns<'a> {
    /// `processes` are their names, none if there is but one; `failure` is what times are
    /// relative to.
    pub(crate) fn fit(
        lines: &[Line<'a>],
        processes: &'a [String],
        failure: Option<Timestamp>,
        view: &'a View,
    ) -> Columns<'a> {
        let process = processes
            .iter()
            .map(|name| text::width(name))
            .max()
            .unwrap_or(0);
        let mut columns = Columns {
            failure,
            view,
            processes,
            time: 0,
            process: process.min(MAX_NAME + 8),
            thread: 0,
            target: 0,
            threads: HashMap::new(),
        };
        let mut thread = 0;
        for line in lines {
            let record = line.record;
            columns.time = columns.time.max(text::width(&columns.when(record)));
            columns.target = columns.target.max(text::width(&text::line(&record.target)));
            let next = columns.threads.len();
            columns
                .threads
                .entry((line.process, &record.thread))
                .or_insert_with(|| {
                    thread = thread.max(text::width(&text::line(&record.thread)));
                    next
                });
        }
        // A column that says the same in each line says nothing.
        let is_narrow = view.width.is_some_and(|width| width < NARROW);
        let widest = if is_narrow { NARROW_NAME } else { MAX_NAME };
        columns.thread = if columns.threads.len() > 1 {
            thread.min(widest)
        } else {
            0
        };
        let share = if processes.is_empty() { 6 } else { 8 };
        let widest = view
            .width
            .map_or(MAX_TARGET, |width| (width / share).clamp(10, MAX_TARGET));
        columns.target = columns.target.min(widest);
        columns
    }

    pub(crate) fn record(&self, out: &mut dyn Write, line: &Line<'_>) -> io::Result<()> {
        let record = line.record;
        let level = Level::of(record);
        let style = style::level(level);
        self.start(out, &self.when(record), line.process)?;
        let name = text::line(&record.level);
        let name = text::cut(&name, 5);
        write!(out, "{style}{name}{style:#}{}  ", pad(&name, 5))?;
        if self.thread > 0 {
            let thread = text::line(&record.thread);
            let thread = text::cut_start(&thread, self.thread);
            let number = self.threads.get(&(line.process, record.thread.as_str()));
            let colour = style::thread(number.copied().unwrap_or(0));
            write!(
                out,
                "{colour}{thread}{colour:#}{}  ",
                pad(&thread, self.thread)
            )?;
        }
        if self.target > 0 {
            let target = text::line(&record.target);
            let target = text::cut_start(&target, self.target);
            write!(out, "{DIM}{target}{DIM:#}")?;
            if !self.is_below() {
                write!(out, "{}  ", pad(&target, self.target))?;
            }
        }
        let grave = matches!(level, Some(Level::Error | Level::Warn));
        self.message(out, record, if grave { style } else { PLAIN })
    }

    /// What the records before it led to.
    pub(crate) fn failure(
        &self,
        out: &mut dyn Write,
        process: usize,
        at: Timestamp,
        message: &str,
    ) -> io::Result<()> {
        let when = time::relative(at, self.failure.unwrap_or(at));
        self.mark(
            out,
            &when,
            process,
            ERROR,
            &format!("▲ {}", text::first_line(message)),
        )
    }

    /// Where an error was born: behind the last record before that.
    pub(crate) fn birth(&self, out: &mut dyn Write, message: &str) -> io::Result<()> {
        self.mark(
            out,
            "",
            0,
            DIM,
            &format!("◆ born here: {}", text::first_line(message)),
        )
    }

    fn mark(
        &self,
        out: &mut dyn Write,
        when: &str,
        process: usize,
        style: anstyle::Style,
        message: &str,
    ) -> io::Result<()> {
        self.start(out, when, process)?;
        let before = self.time.max(when.len()) + 2 + column(self.process) + 2;
        let most = self
            .view
            .width
            .map_or(200, |width| width.saturating_sub(before));
        writeln!(out, "{style}{}{style:#}", text::cut(message, most))
    }

    fn when(&self, record: &LogRecord) -> String {
        match (time::parse(&record.time), self.failure) {
            (Some(time), Some(failure)) => time::relative(time, failure),
            _ => text::cut(&text::line(&record.time), MAX_TIME).into_owned(),
        }
    }

    /// The time and whose it is.
    fn start(&self, out: &mut dyn Write, when: &str, process: usize) -> io::Result<()> {
        write!(out, "{DIM}{}{when}{DIM:#}  ", pad(when, self.time))?;
        if let Some(name) = self.processes.get(process) {
            let name = text::cut_start(name, self.process);
            let colour = style::thread(process);
            write!(
                out,
                "{colour}{name}{colour:#}{}  ",
                pad(&name, self.process)
            )?;
        }
        Ok(())
    }

    /// The columns before the message.
    fn before(&self) -> usize {
        self.time + 2 + column(self.process) + 5 + 2 + column(self.thread) + column(self.target)
    }

    /// Whether the messages have to stand below, for want of room.
    fn is_below(&self) -> bool {
        let room = |width: usize| width.saturating_sub(self.before());
        self.view
            .width
            .is_some_and(|width| room(width) < MIN_MESSAGE)
    }

    fn message(
        &self,
        out: &mut dyn Write,
        record: &LogRecord,
        style: anstyle::Style,
    ) -> io::Result<()> {
        let width = self.view.width;
        let below = self.is_below();
        let indent = if below { 4 } else { self.before() };
        if below {
            write!(out, "\n    ")?;
        }
        let room = width.map(|width| width.saturating_sub(indent));
        let mut used = 0;
        let mut first = true;
        for line in text::lines(&record.msg) {
            // What is no record of its own has a bar before it, so that none can be forged.
            let bar = if first { "" } else { "│ " };
            let room = room.map(|room| room.saturating_sub(text::width(bar)));
            for piece in text::wrap(&line, room) {
                if !first {
                    write!(out, "\n{}{DIM}{bar}{DIM:#}", text::Spaces(indent))?;
                }
                write!(out, "{style}{piece}{style:#}")?;
                used = text::width(bar) + text::width(piece);
                first = false;
            }
        }
        self.fields(out, record, indent, used)
    }

    fn fields(
        &self,
        out: &mut dyn Write,
        record: &LogRecord,
        indent: usize,
        used: usize,
    ) -> io::Result<()> {
        let mut used = used;
        let cut = record.cut.then(|| "… (cut)".to_owned());
        let origin = record.file.as_deref().filter(|_| self.view.all);
        let origin = origin.map(|file| format!("({})", place(file, record.line, self.view)));
        let fields = record
            .fields
            .iter()
            .map(|(key, field)| value::pair(key, field));
        for text in cut.into_iter().chain(fields).chain(origin) {
            let text = text::line(&text);
            let wide = text::width(&text);
            if self
                .view
                .width
                .is_none_or(|width| indent + used + 1 + wide <= width)
            {
                write!(out, " {DIM}{text}{DIM:#}")?;
                used += 1 + wide;
                continue;
            }
            let room = self.view.width.map(|width| width.saturating_sub(indent));
            for piece in text::wrap(&text, room) {
                write!(out, "\n{}{DIM}{piece}{DIM:#}", text::Spaces(indent))?;
                used = text::width(piece);
            }
        }
        writeln!(out)
    }
}

/// A column and the gap behind it; nothing if there is none.
fn column(width: usize) -> usize {
    if width > 0 { width + 2 } else { 0 }
}
