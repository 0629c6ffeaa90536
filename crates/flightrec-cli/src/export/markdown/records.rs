//! The records of the log that explain most.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use flightrec_dump::{Dump, Level};
use jiff::Timestamp;

use super::budget::Budget;
use super::code::block;
use super::parts::MAX_TEXT;
use crate::render::count::{grouped, of};
use crate::render::{text, time};
use crate::show::{self, spans::Spans};

/// Records that are taken before other stacks are.
const TELLING: usize = 20;

/// The records right before each error's creation that are taken first.
const BEFORE_ERROR: usize = 3;

/// The records of the log.
pub(super) struct Records<'a> {
    dump: &'a Dump,
    failure: Option<Timestamp>,
    spans: Spans<'a>,
    /// The places in the log of records to take, the most telling first.
    order: Vec<usize>,
    next: usize,
    taken: BTreeSet<usize>,
    begun: bool,
}

/// What the fold around the records adds to them.
const FOLD: usize = 140;

impl<'a> Records<'a> {
    /// The order is: the records right before each error's creation and the last ten; warnings and
    /// errors, the newest first; the others, the newest first. `most` of them are taken.
    pub(super) fn new(dump: &'a Dump, most: usize) -> Records<'a> {
        let log = &dump.latest_logs;
        let before_errors = dump.stack_traces.iter().filter_map(|trace| {
            let seq = trace.log_seq?;
            log.iter().position(|record| record.seq == seq)
        });
        let before_errors =
            before_errors.flat_map(|at| (at.saturating_sub(BEFORE_ERROR - 1)..=at).rev());
        let newest = || (0..log.len()).rev();
        let severe = newest().filter(|at| log[*at].level <= Level::Warn);
        let mut seen = BTreeSet::new();
        let order = before_errors
            .take(TELLING)
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
            order,
            next: 0,
            taken: BTreeSet::new(),
            begun: false,
        }
    }

    /// Chooses the records that explain most, within three quarters of the remaining budget.
    pub(super) fn most_telling(&mut self, budget: &mut Budget) {
        let kept = budget.left() / 4;
        self.take(TELLING, kept, budget);
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
            // With the mark of a gap before it.
            let bytes = self.line(at).len() + 1 + "…\n".len();
            if bytes + kept > budget.left() || !budget.take(bytes) {
                return;
            }
            self.taken.insert(at);
            self.next += 1;
        }
    }

    pub(super) fn left_out(&self) -> usize {
        self.dump.latest_logs.len() - self.taken.len()
    }

    /// `-240µs DEBUG [main] census::crates: reading Cargo.toml attempt=1 in request{id=7}`
    fn line(&self, at: usize) -> String {
        let record = &self.dump.latest_logs[at];
        let when = match (time::known(record.time), self.failure) {
            (Some(time), Some(failure)) => time::relative(time, failure),
            (Some(time), None) => time::of_day(time),
            (None, _) => "?".to_owned(),
        };
        let mut line = format!("{when} {}", record.level);
        if !record.thread.is_empty() {
            let _ = write!(line, " [{}]", text::line(&record.thread));
        }
        if !record.target.is_empty() {
            let _ = write!(line, " {}:", text::line(&record.target));
        }
        let (message, more) = text::head(&record.msg, MAX_TEXT);
        // A further line of a message cannot pass for a record.
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
        for trace in &self.dump.stack_traces {
            if trace.log_seq == Some(record.seq) && trace.origin.is_cause() {
                let error = text::in_one_line(&trace.error);
                let _ = write!(line, "\n    ◆ created here: {error}");
            }
        }
        line
    }

    /// The records that were taken, in their order, in a fold.
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
        let count = match self.taken.len() == all {
            true => of(all, "log record"),
            false => format!(
                "{} of {}",
                grouped(self.taken.len() as u64),
                of(all, "log record")
            ),
        };
        // Markdown goes on behind an empty line.
        format!(
            "<details><summary>{count}, times relative to the failure</summary>\n\n{}\n</details>\n\n",
            block(&lines)
        )
    }
}
