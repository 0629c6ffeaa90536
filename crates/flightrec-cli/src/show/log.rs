//! The log in columns: when, how grave, which thread, where from, what.

use std::collections::HashMap;
use std::io::{self, Write};

use flightrec::{Dump, LogRecord};
use jiff::Timestamp;

use super::View;
use super::columns::place;
use crate::look::count::{self, grouped};
use crate::look::style::{self, BOLD, DIM, ERROR, PLAIN};
use crate::look::text::{self, pad};
use crate::look::{time, value};
use crate::select::Level;

/// The widest that the thread's and the target's columns get.
const MAX_THREAD: usize = 12;
const MAX_TARGET: usize = 32;

/// With less room than that for the message, it goes below.
const MIN_MESSAGE: usize = 32;

pub(super) fn print(
    out: &mut dyn Write,
    dump: &Dump,
    failure: Option<Timestamp>,
    view: &View,
) -> io::Result<usize> {
    let (records, matched) = view.selection.choose(&dump.latest_logs);
    heading(out, dump, &records, matched, view)?;
    if records.is_empty() {
        return Ok(0);
    }
    let columns = Columns::fit(&records, failure, view);
    for record in &records {
        columns.record(out, record)?;
    }
    columns.failure(out, dump)?;
    Ok(records.len())
}

/// `Log: the last 8 of 412 records (1,204 older ones were not kept)`
fn heading(
    out: &mut dyn Write,
    dump: &Dump,
    records: &[&LogRecord],
    matched: usize,
    view: &View,
) -> io::Result<()> {
    let kept = dump.latest_logs.len();
    write!(out, "\n{BOLD}Log{BOLD:#}{DIM}: ")?;
    match (kept, records.len()) {
        (0, _) => write!(out, "no records")?,
        (_, shown) if shown == kept => write!(out, "{}", count::of(shown, "record"))?,
        (_, shown) if shown < matched => {
            let of_those = if view.selection.is_filter() {
                " that match"
            } else {
                ""
            };
            write!(
                out,
                "the last {} of {}{of_those}",
                grouped(shown as u64),
                count::of(matched, "record")
            )?;
            if view.selection.is_filter() {
                write!(out, ", of {} in all", grouped(kept as u64))?;
            }
        }
        (_, shown) => write!(
            out,
            "{} of {} match",
            grouped(shown as u64),
            count::of(kept, "record")
        )?,
    }
    if dump.evicted_logs > 0 {
        write!(
            out,
            " ({} older ones were not kept)",
            grouped(dump.evicted_logs)
        )?;
    }
    writeln!(out, "{DIM:#}")
}

struct Columns<'a> {
    failure: Option<Timestamp>,
    view: &'a View,
    time: usize,
    /// 0 if there is only one thread.
    thread: usize,
    target: usize,
    /// The number of each thread, in the order of the whole dump's appearance.
    threads: HashMap<&'a str, usize>,
}

impl<'a> Columns<'a> {
    fn fit(records: &[&'a LogRecord], failure: Option<Timestamp>, view: &'a View) -> Columns<'a> {
        let mut columns = Columns {
            failure,
            view,
            time: 0,
            thread: 0,
            target: 0,
            threads: HashMap::new(),
        };
        let mut width = 0;
        for record in records {
            columns.time = columns.time.max(columns.when(record).len());
            columns.target = columns.target.max(text::width(&text::line(&record.target)));
            let next = columns.threads.len();
            columns.threads.entry(&record.thread).or_insert_with(|| {
                width = width.max(text::width(&text::line(&record.thread)));
                next
            });
        }
        columns.time = columns.time.min(12);
        // A single thread is told once, above.
        columns.thread = if columns.threads.len() > 1 {
            width.min(MAX_THREAD)
        } else {
            0
        };
        let widest = view
            .width
            .map_or(MAX_TARGET, |width| (width / 5).clamp(12, MAX_TARGET));
        columns.target = columns.target.min(widest);
        columns
    }

    fn when(&self, record: &LogRecord) -> String {
        match (time::parse(&record.time), self.failure) {
            (Some(time), Some(failure)) => time::relative(time, failure),
            _ => text::cut(&text::line(&record.time), 12).into_owned(),
        }
    }

    fn record(&self, out: &mut dyn Write, record: &LogRecord) -> io::Result<()> {
        let level = Level::of(record);
        let style = style::level(level);
        let when = self.when(record);
        let name = text::line(&record.level);
        let name = text::cut(&name, 5);
        write!(out, "{DIM}{}{when}{DIM:#}  ", pad(&when, self.time))?;
        write!(out, "{style}{name}{style:#}{}  ", pad(&name, 5))?;
        if self.thread > 0 {
            let thread = text::line(&record.thread);
            let thread = text::cut_start(&thread, self.thread);
            let colour = style::thread(
                self.threads
                    .get(record.thread.as_str())
                    .copied()
                    .unwrap_or(0),
            );
            write!(
                out,
                "{colour}{thread}{colour:#}{}  ",
                pad(&thread, self.thread)
            )?;
        }
        if self.target > 0 {
            let target = text::line(&record.target);
            let target = text::cut_start(&target, self.target);
            write!(out, "{DIM}{target}{DIM:#}{}  ", pad(&target, self.target))?;
        }
        let grave = matches!(level, Some(Level::Error | Level::Warn));
        self.message(out, record, if grave { style } else { PLAIN })
    }

    /// The columns before the message.
    fn before(&self) -> usize {
        let column = |width: usize| if width > 0 { width + 2 } else { 0 };
        self.time + 2 + 5 + 2 + column(self.thread) + column(self.target)
    }

    fn message(
        &self,
        out: &mut dyn Write,
        record: &LogRecord,
        style: anstyle::Style,
    ) -> io::Result<()> {
        let room = self
            .view
            .width
            .map(|width| width.saturating_sub(self.before()));
        let indent = match room {
            Some(room) if room < MIN_MESSAGE => {
                writeln!(out)?;
                write!(out, "    ")?;
                4
            }
            _ => self.before(),
        };
        let room = self.view.width.map(|width| width.saturating_sub(indent));
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
        mut used: usize,
    ) -> io::Result<()> {
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
            let fits = self
                .view
                .width
                .is_none_or(|width| indent + used + 1 + wide <= width);
            if fits {
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

    /// The last line: what all of this led to.
    fn failure(&self, out: &mut dyn Write, dump: &Dump) -> io::Result<()> {
        if self.failure.is_none() {
            return Ok(());
        }
        let message = text::first_line(&dump.reason.message);
        let most = self
            .view
            .width
            .map_or(200, |width| width.saturating_sub(self.time + 4));
        let message = text::cut(&message, most);
        writeln!(
            out,
            "{}{ERROR}0.000s  ▲ {message}{ERROR:#}",
            pad("0.000s", self.time)
        )
    }
}
