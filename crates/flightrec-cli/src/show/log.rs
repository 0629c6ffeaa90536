//! The log before the failure.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::str::FromStr;

use flightrec_dump::{Dump, LogRecord};
use jiff::Timestamp;

use super::records::{Columns, Line};
use super::{View, gap, runs};
use crate::render::count::{self, grouped};
use crate::render::style::{BOLD, DIM};

/// For how many errors the records before their creation are shown …
const ERRORS: usize = 5;

/// … and how many records for each.
const BEFORE_ERROR: usize = 3;

/// How much of the log to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogAmount {
    All,
    Last(usize),
}

impl FromStr for LogAmount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("all") {
            return Ok(LogAmount::All);
        }
        text.parse()
            .map(LogAmount::Last)
            .map_err(|_| "expected `all` or a number".to_owned())
    }
}

pub(super) fn print(
    out: &mut dyn Write,
    dump: &Dump,
    failure: Option<Timestamp>,
    view: &View,
) -> io::Result<usize> {
    let selection = &view.selection;
    let selected = selection.select(dump);
    let (mut records, matched) = (selected.records, selected.matched);
    // A search shows all that it found. Otherwise the end of the log is the most useful part.
    let is_whole = selection.is_filter() || selection.around.is_some();
    if !is_whole {
        let last = match (selection.last, view.log) {
            (None, LogAmount::All) => records.len(),
            (None, LogAmount::Last(last)) | (Some(last), _) => last,
        };
        let all: Vec<&LogRecord> = dump.latest_logs.iter().collect();
        // A run of equal records takes one line.
        let first = runs::of(&all, dump, view.all).rev().take(last).last();
        let first = first.map_or(all.len(), |run| run.start);
        let mut shown: BTreeSet<usize> = before_errors(dump, &all, first);
        shown.extend(first..all.len());
        records = shown.into_iter().map(|at| all[at]).collect();
    }
    heading(out, dump, records.len(), matched, view)?;
    if records.is_empty() {
        return Ok(0);
    }
    let lines: Vec<Line<'_>> = records
        .iter()
        .map(|record| Line { process: 0, record })
        .collect();
    let columns = Columns::fit(&lines, &[], failure, dump, view);
    let (mut last, mut before) = (None, None);
    for run in runs::of(&records, dump, view.all) {
        let (line, end) = (&lines[run.start], records[run.end - 1]);
        let left_out = last.map_or(0, |last| line.record.seq.saturating_sub(last + 1));
        if left_out > 0 && !selection.is_filter() {
            let left_out = usize::try_from(left_out).unwrap_or(usize::MAX);
            writeln!(out, "{DIM}  … {}{DIM:#}", count::of(left_out, "record"))?;
        }
        if !selection.is_filter() && gap::is_before(dump, last, line.record.seq) {
            gap::print(out, dump)?;
        }
        last = Some(end.seq);
        columns.opened_spans(out, before, line.record)?;
        before = Some(line.record);
        columns.run(out, line, run.len(), end)?;
        for trace in &dump.stack_traces {
            if trace.log_seq == Some(end.seq) {
                columns.error(out, &trace.error, &trace.origin)?;
            }
        }
    }
    let ends = dump.latest_logs.last().map(|record| record.seq) == last;
    if let Some(failure) = failure.filter(|_| ends || selection.is_filter()) {
        columns.failure(out, 0, failure, super::message(dump))?;
    }
    Ok(lines.len())
}

/// The records that led to errors that were created before the record `first`. Records of other
/// threads may have pushed these out of the last few.
fn before_errors(dump: &Dump, all: &[&LogRecord], first: usize) -> BTreeSet<usize> {
    let created = dump.stack_traces.iter().filter_map(|trace| trace.log_seq);
    let places = created.filter_map(|seq| all.binary_search_by_key(&seq, |record| record.seq).ok());
    places
        .filter(|at| *at < first)
        .take(ERRORS)
        .flat_map(|at| at.saturating_sub(BEFORE_ERROR - 1)..=at)
        .collect()
}

/// `Log: 23 of 412 records, the last and those before each error (--log all shows all)`
fn heading(
    out: &mut dyn Write,
    dump: &Dump,
    shown: usize,
    matched: usize,
    view: &View,
) -> io::Result<()> {
    let kept = dump.latest_logs.len();
    let number = |number: usize| grouped(number as u64);
    let records = count::of(kept, "record");
    let text = if kept == 0 {
        "no records".to_owned()
    } else if view.selection.around.is_some() && shown < matched {
        format!("{} of {records}, around the place", number(shown))
    } else if view.selection.is_filter() && shown < matched {
        let matching = number(matched);
        format!(
            "the last {} of {matching} matching, of {records}",
            number(shown)
        )
    } else if view.selection.is_filter() {
        format!("{} of {records} match", number(shown))
    } else if shown < kept {
        format!("{} of {records} (--log all shows all)", number(shown))
    } else {
        records
    };
    let evicted = match dump.evicted_logs {
        0 => String::new(),
        evicted => format!(
            "; {} before were evicted",
            count::of(usize::try_from(evicted).unwrap_or(usize::MAX), "record")
        ),
    };
    writeln!(out, "\n{BOLD}Log{BOLD:#}{DIM}: {text}{evicted}{DIM:#}")
}
