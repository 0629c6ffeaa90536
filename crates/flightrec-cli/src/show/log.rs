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
    let lines: Vec<Line<'_>> = records
        .iter()
        .map(|record| Line { process: 0, record })
        .collect();
    let columns = Columns::fit(&lines, &[], failure, view);
    for line in &lines {
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
