//! Log records in columns: time, level, thread, target, message.

use std::collections::HashMap;
use std::io::{self, Write};

use flightrec_dump::{Dump, Level, LogRecord, StackOrigin};
use jiff::Timestamp;

use super::View;
use super::places::place;
use super::spans::Spans;
use crate::render::count::grouped;
use crate::render::style::{self, DIM, ERROR, PLAIN};
use crate::render::text::{self, pad};
use crate::render::time;

/// The maximum widths of the columns.
const MAX_NAME: usize = 12;
const MAX_TARGET: usize = 32;

/// On a narrower terminal the names of threads are cut further.
const NARROW: usize = 100;
const NARROW_NAME: usize = 8;

/// If there are fewer columns for the message, it is printed below the other columns.
const MIN_MESSAGE: usize = 28;

/// A record of one of the processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) process: usize,
    pub(crate) record: &'a LogRecord,
}

/// The widths of the columns.
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
    /// The number of each thread, in the order of appearance.
    threads: HashMap<(usize, &'a str), usize>,
    spans: Spans<'a>,
}

impl<'a> Columns<'a> {
    /// `processes` are the names of the processes, empty if there is only one. Then `dump` is its dump,
    /// and times are relative to `failure`.
    pub(crate) fn fit(
        lines: &[Line<'a>],
        processes: &'a [String],
        failure: Option<Timestamp>,
        dump: impl Into<Option<&'a Dump>>,
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
            spans: Spans::default(),
        };
        if let Some(dump) = dump.into() {
            columns.spans = Spans::of(dump);
        }
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
        // One thread needs no column.
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
        let target = columns.target;
        columns.target = target.min(widest);
        if columns.is_below() {
            // The message has its own line, so the target can be wider.
            let others = columns.before() - column(columns.target);
            let room = view
                .width
                .map_or(target, |width| width.saturating_sub(others));
            columns.target = target.min(room);
        }
        columns
    }

    pub(crate) fn record(&self, out: &mut dyn Write, line: &Line<'_>) -> io::Result<()> {
        self.run(out, line, 1, line.record)
    }

    /// A record that was logged `times` times. `last` is the last of them.
    pub(crate) fn run(
        &self,
        out: &mut dyn Write,
        line: &Line<'_>,
        times: usize,
        last: &LogRecord,
    ) -> io::Result<()> {
        let record = line.record;
        let times = (times > 1).then(|| {
            let times = grouped(times as u64);
            format!("×{times} until {}", self.when(last))
        });
        let style = style::level(record.level);
        self.start(out, &self.when(record), line.process)?;
        write!(out, "{style}{:5}{style:#}  ", record.level)?;
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
        let is_severe = record.level <= Level::Warn;
        let style = if is_severe { style } else { PLAIN };
        self.message(out, record, style, times)
    }

    /// The failure, printed after the last record before it.
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
            &format!("▲ {}", text::in_one_line(message)),
        )
    }

    /// The creation of an error, printed after the last record before it.
    pub(crate) fn error(
        &self,
        out: &mut dyn Write,
        message: &str,
        origin: &StackOrigin,
    ) -> io::Result<()> {
        let what = match origin {
            origin if origin.is_cause() => "created here",
            StackOrigin::Caller => "dump made here",
            _ => "converted here",
        };
        let message = text::in_one_line(message);
        self.mark(out, "", 0, DIM, &format!("◆ {what}: {message}"))
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
        let before = self.time.max(text::width(when)) + 2 + column(self.process) + 2;
        let most = self
            .view
            .width
            .map_or(200, |width| width.saturating_sub(before));
        writeln!(out, "{style}{}{style:#}", text::cut(message, most))
    }

    fn when(&self, record: &LogRecord) -> String {
        match (time::known(record.time), self.failure) {
            (Some(time), Some(failure)) => time::relative(time, failure),
            (Some(time), None) => time::of_day(time),
            (None, _) => "?".to_owned(),
        }
    }

    /// The time and the process.
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

    /// Whether the messages go below the other columns.
    fn is_below(&self) -> bool {
        let room = |width: usize| width.saturating_sub(self.before());
        self.view
            .width
            .is_some_and(|width| room(width) < MIN_MESSAGE)
    }

    /// The spans of this record that the record before is not in, each on a line.
    pub(crate) fn opened_spans(
        &self,
        out: &mut dyn Write,
        before: Option<&LogRecord>,
        record: &LogRecord,
    ) -> io::Result<()> {
        if !self.view.spans {
            return Ok(());
        }
        let before = self.spans.around(before.and_then(|before| before.span));
        for (depth, span) in self.spans.around(record.span).into_iter().enumerate() {
            if before
                .get(depth)
                .is_some_and(|before| before.span.id == span.span.id)
            {
                continue;
            }
            let indent = self.span_indent(depth) + if self.is_below() { 4 } else { self.before() };
            let most = self
                .view
                .width
                .map_or(200, |width| width.saturating_sub(indent + 2));
            let name = text::in_one_line(&span.name);
            let name = text::cut(&name, most);
            writeln!(out, "{}{DIM}▸ {name}{DIM:#}", text::Spaces(indent))?;
        }
        Ok(())
    }

    /// How many spans the record is in, if the log is indented by spans.
    fn depth(&self, record: &LogRecord) -> usize {
        match self.view.spans {
            true => self.spans.around(record.span).len(),
            false => 0,
        }
    }

    /// How far a record is indented. There is always room left for the message.
    fn span_indent(&self, depth: usize) -> usize {
        let most = self.view.width.map_or(usize::MAX, |width| {
            width.saturating_sub(self.before() + MIN_MESSAGE)
        });
        (2 * depth).min(most)
    }

    fn message(
        &self,
        out: &mut dyn Write,
        record: &LogRecord,
        style: anstyle::Style,
        times: Option<String>,
    ) -> io::Result<()> {
        let width = self.view.width;
        let below = self.is_below();
        let by_span = self.span_indent(self.depth(record));
        let indent = by_span + if below { 4 } else { self.before() };
        if below {
            write!(out, "\n    ")?;
        }
        write!(out, "{}", text::Spaces(by_span))?;
        let room = width.map(|width| width.saturating_sub(indent));
        let mut used = 0;
        let mut first = true;
        let (message, more) = text::shown(&record.msg, self.view.all);
        for line in text::lines(message).chain(more.map(Into::into)) {
            // Further lines of a message have a bar, so that none of them can look like a record.
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
        self.fields(out, record, indent, used, times)
    }

    fn fields(
        &self,
        out: &mut dyn Write,
        record: &LogRecord,
        indent: usize,
        used: usize,
        times: Option<String>,
    ) -> io::Result<()> {
        let mut used = used;
        let cut = record.cut.then(|| "… (cut)".to_owned());
        let all = self.view.all;
        let number = all.then(|| format!("#{}", record.seq));
        let origin = record.file.as_deref().filter(|_| all);
        let origin = origin.map(|file| format!("({})", place(file, record.line, None, self.view)));
        let fields = record
            .fields
            .iter()
            .map(|(key, field)| text::key_value(key, field));
        // If the log is indented by spans, they have their own lines.
        let span = self.spans.path(record.span).filter(|_| !self.view.spans);
        let texts = cut.into_iter().chain(fields).chain(span);
        for text in texts.chain(times).chain(number).chain(origin) {
            let text = text::shown_in_one(&text, all);
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

/// The width of a column and of the gap after it, or 0 for a column without content.
fn column(width: usize) -> usize {
    if width > 0 { width + 2 } else { 0 }
}
