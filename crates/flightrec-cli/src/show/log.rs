//! The log before the failure.

use std::io::{self, Write};

use flightrec::{Dump, LogRecord};
use jiff::Timestamp;

use super::View;
use super::records::{Columns, Line};
use crate::look::count::{self, grouped};
use crate::look::style::{BOLD, DIM};

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
    let records = match records.first() {
        Some(first) if !view.selection.is_filter() => {
            let mut before = before_births(dump, first.seq);
            before.extend(records);
            before
        }
        _ => records,
    };
    let lines: Vec<Line<'_>> = records
        .iter()
        .map(|record| Line { process: 0, record })
        .collect();
    let columns = Columns::fit(&lines, &[], failure, view);
    let mut last = None;
    for line in &lines {
        let left_out = last.map_or(0, |last| line.record.seq.saturating_sub(last + 1));
        if left_out > 0 && !view.selection.is_filter() {
            let records = count::of(usize::try_from(left_out).unwrap_or(usize::MAX), "record");
            writeln!(out, "{DIM}  … {records}{DIM:#}")?;
        }
        last = Some(line.record.seq);
        columns.record(out, line)?;
        for trace in &dump.stack_traces {
            if trace.log_seq == Some(line.record.seq) {
                columns.birth(out, &trace.error)?;
            }
        }
    }
    if let Some(failure) = failure {
        columns.failure(out, 0, failure, &dump.reason.message)?;
    }
    Ok(lines.len())
}

/// The records that led to errors born before the record `first`: with several threads, what other
/// threads logged meanwhile would push them out of the last few.
fn before_births(dump: &Dump, first: u64) -> Vec<&LogRecord> {
    /// Of so many births …
    const BIRTHS: usize = 5;
    /// … so many records each.
    const RECORDS: u64 = 2;
    let births = dump.stack_traces.iter().filter_map(|trace| trace.log_seq);
    let births: Vec<u64> = births.filter(|seq| *seq < first).take(BIRTHS).collect();
    let led_to_one = |record: &&LogRecord| {
        let seq = record.seq;
        seq < first
            && births
                .iter()
                .any(|birth| (birth.saturating_sub(RECORDS - 1)..=*birth).contains(&seq))
    };
    dump.latest_logs.iter().filter(led_to_one).collect()
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
    let filtered = view.selection.is_filter();
    write!(out, "\n{BOLD}Log{BOLD:#}{DIM}: ")?;
    match (kept, records.len()) {
        (0, _) => write!(out, "no records")?,
        (_, shown) if shown == kept => write!(out, "{}", count::of(shown, "record"))?,
        (_, shown) if shown < matched && filtered => write!(
            out,
            "the last {} of {} that match, of {} in all",
            grouped(shown as u64),
            count::of(matched, "record"),
            grouped(kept as u64)
        )?,
        (_, shown) if shown < matched => {
            write!(
                out,
                "the last {} of {}",
                grouped(shown as u64),
                count::of(matched, "record")
            )?;
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
