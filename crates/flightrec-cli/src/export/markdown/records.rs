//! The most relevant records of the log.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;

use flightrec_dump::{Dump, Level, LogRecord};
use jiff::Timestamp;

use super::budget::Budget;
use super::code::block;
use super::parts::MAX_TEXT;
use crate::render::count::{grouped, of};
use crate::render::{text, time};
use crate::show::{self, runs, spans::Spans};

/// How many records are added before the other stacks.
const RELEVANT: usize = 20;

/// How many records directly before each error's creation are added first.
const BEFORE_ERROR: usize = 3;

/// The records of the log.
pub(super) struct Records<'a> {
    dump: &'a Dump,
    failure: Option<Timestamp>,
    spans: Spans<'a>,
    /// The runs of equal records, as ranges of indexes in the log. Each run takes one line.
    runs: Vec<Range<usize>>,
    /// The indexes of the runs to add, the most relevant first.
    order: Vec<usize>,
    next: usize,
    taken: BTreeSet<usize>,
    begun: bool,
}

/// The bytes that the fold around the records adds.
const FOLD: usize = 140;

impl<'a> Records<'a> {
    /// The order is: the records directly before each error's creation and the last ten; warnings and
    /// errors, the newest first; the others, the newest first. At most `most` of them are added. A run of
    /// equal records counts as one.
    pub(super) fn new(dump: &'a Dump, most: usize) -> Records<'a> {
        let log = &dump.latest_logs;
        let records: Vec<&LogRecord> = log.iter().collect();
        let runs: Vec<Range<usize>> = runs::of(&records, dump, false).collect();
        let before_errors = dump.stack_traces.iter().filter_map(|trace| {
            let seq = trace.log_seq?;
            // A run ends where an error was created.
            runs.iter().position(|run| log[run.end - 1].seq == seq)
        });
        let before_errors =
            before_errors.flat_map(|at| (at.saturating_sub(BEFORE_ERROR - 1)..=at).rev());
        let newest = || (0..runs.len()).rev();
        let severe = newest().filter(|at| log[runs[*at].start].level <= Level::Warn);
        let mut seen = BTreeSet::new();
        let order = before_errors
            .take(RELEVANT)
            .chain(newest().take(10))
            .chain(severe.take(most))
            .chain(newest())
            .filter(|at| seen.insert(*at))
            .take(most)
            .collect();
        Records {
            dump,
            failure: show::failed_at(dump),
            spans: Spans::of(dump),
            runs,
            order,
            next: 0,
            taken: BTreeSet::new(),
            begun: false,
        }
    }

    /// Adds the most relevant records, within three quarters of the remaining budget.
    pub(super) fn most_relevant(&mut self, budget: &mut Budget) {
        let kept = budget.left() / 4;
        self.take(RELEVANT, kept, budget);
    }

    pub(super) fn more(&mut self, budget: &mut Budget) {
        self.take(usize::MAX, 0, budget);
    }

    fn take(&mut self, most: usize, kept: usize, budget: &mut Budget) {
        if !self.begun && !budget.take(FOLD) {
            return;
        }
        self.begun = true;
        let end = self.order.len().min(self.next.saturating_add(most));
        while self.next < end {
            let at = self.order[self.next];
            // Includes the mark of a gap before it.
            let bytes = self.line(at).len() + 1 + "…\n".len();
            if bytes + kept > budget.left() || !budget.take(bytes) {
                return;
            }
            self.taken.insert(at);
            self.next += 1;
        }
    }

    pub(super) fn left_out(&self) -> usize {
        self.dump.latest_logs.len() - self.records_taken()
    }

    fn records_taken(&self) -> usize {
        self.taken.iter().map(|at| self.runs[*at].len()).sum()
    }

    fn when(&self, record: &LogRecord) -> String {
        match (time::known(record.time), self.failure) {
            (Some(time), Some(failure)) => time::relative(time, failure),
            (Some(time), None) => time::of_day(time),
            (None, _) => "?".to_owned(),
        }
    }

    /// `-240µs DEBUG [main] census::crates: reading Cargo.toml attempt=1 in request{id=7}`, and
    /// then `×12 until -90µs` if the run has more records.
    fn line(&self, at: usize) -> String {
        let run = &self.runs[at];
        let log = &self.dump.latest_logs;
        let (record, last) = (&log[run.start], &log[run.end - 1]);
        let mut line = format!("{} {}", self.when(record), record.level);
        if !record.thread.is_empty() {
            let _ = write!(line, " [{}]", text::line(&record.thread));
        }
        if !record.target.is_empty() {
            let _ = write!(line, " {}:", text::line(&record.target));
        }
        let (message, more) = text::head(&record.msg, MAX_TEXT);
        // The mark shows that a further line of a message is not a record.
        let lines: Vec<_> = text::lines(message).collect();
        let _ = write!(line, " {}", lines.join("\n    │ "));
        if more > 0 {
            let _ = write!(line, "… ({})", of(more, "more character"));
        }
        if record.cut {
            line.push_str("… (cut)");
        }
        for (key, value) in record.fields.iter() {
            let pair = text::key_value(key, value);
            let (pair, more) = text::head(&pair, MAX_TEXT / 4);
            let more = if more > 0 { "…" } else { "" };
            let _ = write!(line, " {}{more}", text::line(pair));
        }
        if let Some(spans) = self.spans.path(record.span) {
            let _ = write!(line, " {}", text::line(&spans));
        }
        if run.len() > 1 {
            let times = grouped(run.len() as u64);
            let _ = write!(line, " ×{times} until {}", self.when(last));
        }
        for trace in &self.dump.stack_traces {
            if trace.log_seq == Some(last.seq) && trace.origin.is_cause() {
                let error = text::in_one_line(&trace.error);
                let _ = write!(line, "\n    ◆ created here: {error}");
            }
        }
        line
    }

    /// The added records, in their order, in a fold.
    pub(super) fn into_text(self) -> String {
        if self.taken.is_empty() {
            return String::new();
        }
        let mut lines = String::new();
        let mut last = None;
        for at in &self.taken {
            let missing = last.map_or(0, |last| at - last - 1);
            if missing > 0 {
                let _ = writeln!(lines, "…");
            }
            let _ = writeln!(lines, "{}", self.line(*at));
            last = Some(at);
        }
        let all = self.dump.latest_logs.len();
        let taken = self.records_taken();
        let count = match taken == all {
            true => of(all, "log record"),
            false => format!("{} of {}", grouped(taken as u64), of(all, "log record")),
        };
        // Markdown continues after an empty line.
        format!(
            "<details><summary>{count}, times relative to the failure</summary>\n\n{}\n</details>\n\n",
            block(&lines)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::markdown::Tokens;

    #[test]
    fn a_run_of_equal_records_is_one_line_with_a_count() {
        let record = |seq: u64, msg: &str| {
            let time = format!("2026-01-02T03:04:{:02}Z", seq % 60);
            format!(r#"{{"seq":{seq},"time":"{time}","level":"WARN","thread":"t","msg":"{msg}"}}"#)
        };
        // The error was created after record 31, during the retries.
        let mut log: Vec<String> = (0..30).map(|seq| record(seq, "poll")).collect();
        log.extend((30..40).map(|seq| record(seq, "retry")));
        let json = format!(
            r#"{{"schema":"flightrec/1","latest_logs":[{}],
                "stack_traces":[{{"error":"refused","log_seq":31,"origin":"error"}}]}}"#,
            log.join(",")
        );
        let dump = Dump::from_json(json.as_bytes()).unwrap();
        let text = |most| {
            let mut budget = Budget::new(Tokens::ISSUE);
            let mut records = Records::new(&dump, most);
            records.most_relevant(&mut budget);
            records.more(&mut budget);
            (records.left_out(), records.into_text())
        };
        let (left_out, all) = text(50);
        assert_eq!(left_out, 0);
        assert!(all.contains("40 log records"), "{all}");
        let lines: Vec<&str> = all.lines().filter(|line| line.contains("WARN")).collect();
        let ends = ["poll ×30 until ", "retry ×2 until ", "retry ×8 until "];
        assert_eq!(lines.len(), ends.len(), "{all}");
        for (line, end) in lines.iter().zip(ends) {
            assert!(line.contains(end), "{line}");
        }
        let created = all.find("◆ created here: refused").unwrap();
        assert!(all.find("×2").unwrap() < created && created < all.find("×8").unwrap());

        // `most` counts lines.
        let (left_out, some) = text(2);
        assert_eq!(left_out, 8, "{some}");
        assert!(some.contains("32 of 40 log records"), "{some}");
    }
}
