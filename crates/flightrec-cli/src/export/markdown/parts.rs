//! The parts of the text: title, error, facts, stacks, records.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use flightrec_dump::{Dump, ErrorNode, Frame, Level, LogRecord, Span, StackOrigin, Thread};
use jiff::Timestamp;

use super::budget::Budget;
use super::code::{BLOCK, block, span};
use crate::render::count::{grouped, of};
use crate::render::{text, time};
use crate::show::{self, Paths, facts};

/// A longer message or value is cut, in characters.
const MAX_TEXT: usize = 800;

/// The title is one line of that many characters.
const MAX_TITLE: usize = 120;

/// Errors in the tree at most, and joins within joins.
const MAX_ERRORS: usize = 100;
const MAX_NESTED: usize = 16;

/// Frames of a stack at most.
const MAX_FRAMES: usize = 40;

/// Records that are taken before other stacks are.
const TELLING: usize = 20;

/// The records right before each error's creation that are taken first.
const BEFORE_ERROR: usize = 3;

/// Bytes that are set aside for what `left_out` says.
pub(super) const LEFT_OUT_ROOM: usize = 100 + 4 * MAX_TITLE / 2;

/// `census 0.1.0 failed: the census of /srv/crates is incomplete`, without markup
pub(crate) fn plain_title(dump: &Dump) -> String {
    let (what, _) = show::what_happened(dump);
    let title = format!("{} {}", show::program(dump), text::line(&what));
    let message = text::in_one_line(show::message(dump));
    match &*message {
        "" => brief(&title).into_owned(),
        message => format!("{}: {}", brief(&title), brief(message)),
    }
}

/// The same in code.
pub(super) fn title(dump: &Dump) -> String {
    let (what, _) = show::what_happened(dump);
    let message = text::in_one_line(show::message(dump));
    let message = brief(&message);
    let title = format!("{} {what}", show::program(dump));
    let title = brief(&title);
    match &*message {
        "" => span(&title),
        message => format!("{}: {}", span(&title), span(message)),
    }
}

/// The beginning of a text, for a title or a name.
fn brief(text: &str) -> Cow<'_, str> {
    match text::head(text, MAX_TITLE) {
        (text, 0) => text.into(),
        (text, _) => format!("{text}…").into(),
    }
}

/// The error with its causes, one a line; half of the budget at most.
pub(super) fn error(dump: &Dump, budget: &mut Budget) -> String {
    let mut lines = Vec::new();
    match &dump.error {
        Some(error) => {
            let paths = Paths::of(dump);
            tree(error, "", "", 0, &paths, &mut lines);
        }
        None => lines.extend(message_lines(show::message(dump))),
    }
    let most = budget
        .left()
        .min(budget.all() / 2)
        .saturating_sub(BLOCK + 1);
    let lines = fitting(lines, most, "line");
    let text = block(&lines) + "\n";
    budget.spend(&text);
    text
}

fn tree(
    error: &ErrorNode,
    first: &str,
    on: &str,
    nested: usize,
    paths: &Paths,
    lines: &mut Vec<String>,
) {
    let mut at = error;
    let mut lead = first.to_owned();
    loop {
        let mut place = at.location.as_ref().map(|location| {
            let file = text::line(paths.short(&location.file)).into_owned();
            format!("  ({file}:{})", location.line)
        });
        for line in message_lines(&at.message) {
            let place = place.take().unwrap_or_default();
            lines.push(format!("{lead}{line}{place}"));
            lead = format!("{on}  ");
        }
        if lines.len() > MAX_ERRORS || nested > MAX_NESTED {
            return lines.push(format!("{on}…"));
        }
        match at.sources.as_slice() {
            [] => return,
            [cause] => {
                at = cause;
                lead = format!("{on}caused by: ");
            }
            errors => {
                for (n, error) in errors.iter().enumerate() {
                    let is_last = n + 1 == errors.len();
                    let (mark, below) = if is_last {
                        ("╰─ ", "   ")
                    } else {
                        ("├─ ", "│  ")
                    };
                    let (first, on) = (format!("{on}{mark}"), format!("{on}{below}"));
                    tree(error, &first, &on, nested + 1, paths, lines);
                    if lines.len() > MAX_ERRORS {
                        return;
                    }
                }
                return;
            }
        }
    }
}

/// The lines of a message, escaped and cut.
fn message_lines(message: &str) -> Vec<String> {
    let (message, more) = text::head(message, MAX_TEXT);
    let mut lines: Vec<String> = text::lines(message).map(|line| line.into_owned()).collect();
    if more > 0 {
        lines.push(format!("… {}", of(more, "more character")));
    }
    lines
}

/// Lines up to that many bytes, and how many more there are.
fn fitting(lines: Vec<String>, most: usize, what: &str) -> String {
    const ROOM: usize = 30;
    let all: usize = lines.iter().map(|line| line.len() + 1).sum();
    let most = if all <= most {
        all
    } else {
        most.saturating_sub(ROOM)
    };
    let mut text = String::new();
    for (n, line) in lines.iter().enumerate() {
        if text.len() + line.len() + 1 > most {
            let more = of(lines.len() - n, &format!("more {what}"));
            let _ = writeln!(text, "… {more}");
            break;
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// Facts about the process and the machine as a list. Those at the end go first if there is no room.
pub(super) fn facts(dump: &Dump, budget: &mut Budget) -> String {
    let mut text = program(dump);
    budget.spend(&text);
    let mut half = budget.left() / 2;
    let modules = unnamed_modules(dump);
    let modules = modules.into_iter().map(|text| ("without symbols", text));
    let facts = facts::list(dump, None, false).into_iter();
    for (name, fact) in facts
        .chain(modules)
        .filter(|(name, _)| *name != facts::MASKED)
    {
        let (fact, more) = text::head(&fact, MAX_TEXT / 4);
        let more = if more > 0 { "…" } else { "" };
        let name = if name.is_empty() { "and" } else { name };
        let line = format!("- {name}: {}\n", span(&format!("{fact}{more}")));
        if line.len() <= half && budget.take(line.len()) {
            half -= line.len();
            text.push_str(&line);
        }
    }
    text.push('\n');
    text
}

/// `- program: census 0.1.0`
fn program(dump: &Dump) -> String {
    format!("- program: {}\n", span(&brief(&show::program(dump))))
}

/// The modules that frames without a name are in, with their build-ids.
fn unnamed_modules(dump: &Dump) -> Vec<String> {
    let traces = dump.stack_traces.iter().map(|trace| &trace.frames);
    let threads = dump.threads.iter().map(|thread| &thread.frames);
    let frames = traces.chain(threads).flatten();
    let unnamed = frames.filter(|frame| !frame.noise && !frame.is_named());
    let names: BTreeSet<&str> = unnamed
        .filter_map(|frame| frame.module.as_deref())
        .collect();
    let known = dump.modules.iter();
    known
        .filter(|module| names.contains(module.name.as_str()))
        .take(8)
        .map(|module| {
            let id = module.build_id.as_deref().unwrap_or("none");
            format!("{}, build-id {id}", file_name(&module.name))
        })
        .collect()
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// What was masked, so that a reader knows what is not there.
pub(super) fn masked(dump: &Dump) -> String {
    let masked = facts::masked(dump);
    let masked = masked.map_or_else(
        || "nothing looked like a secret or like personal data".to_owned(),
        |masked| span(&brief(&masked)),
    );
    format!("Masked before this was written: {masked}.\n")
}

/// What there was no room for, and where it is.
pub(super) fn left_out(stacks: &Stacks<'_>, records: &Records<'_>, file: &str) -> String {
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
        file => format!("; the dump {} has everything", span(&brief(file))),
    };
    format!("Left out: {}{place}.\n", parts.join(" and "))
}

/// The stacks of errors and threads.
pub(super) struct Stacks<'a> {
    dump: &'a Dump,
    paths: Paths,
    text: String,
    taken: usize,
    all: usize,
}

impl<'a> Stacks<'a> {
    pub(super) fn new(dump: &'a Dump) -> Stacks<'a> {
        Stacks {
            dump,
            paths: Paths::of(dump),
            text: String::new(),
            taken: 0,
            all: dump.stack_traces.len() + threads(dump).len(),
        }
    }

    /// The first stack, in two thirds of what is left.
    pub(super) fn first(&mut self, budget: &mut Budget) {
        if !self.dump.stack_traces.is_empty() {
            let most = budget.left() / 3 * 2;
            self.trace(0, most, budget);
        }
    }

    /// The other stacks of errors, each whole or not at all.
    pub(super) fn others(&mut self, budget: &mut Budget) {
        for at in 1..self.dump.stack_traces.len() {
            self.trace(at, usize::MAX, budget);
        }
    }

    fn trace(&mut self, at: usize, most: usize, budget: &mut Budget) {
        let trace = &self.dump.stack_traces[at];
        let message = text::in_one_line(&trace.error);
        let message = brief(&message);
        let kind = trace.error_type.as_deref().unwrap_or_default();
        let kind = if kind.is_empty() {
            String::new()
        } else {
            format!(" ({})", span(&brief(kind)))
        };
        let origin = match trace.origin {
            StackOrigin::Conversion => ", captured where the error was converted or handed over",
            StackOrigin::Caller => ", captured where the dump was made",
            StackOrigin::Foreign => ", captured by another error library",
            _ => "",
        };
        let heading = format!("**Stack** of {}{kind}{origin}:\n\n", span(&message));
        self.stack(
            &heading,
            &trace.frames,
            trace.origin.is_cause(),
            most,
            budget,
        );
    }

    /// The stacks of threads, the crashed one first; those with equal stacks are one.
    pub(super) fn threads(&mut self, budget: &mut Budget) {
        for group in threads(self.dump) {
            let first = group[0];
            let name = first.name.as_deref().unwrap_or("without a name");
            let crashed = if first.crashed { ", crashed" } else { "" };
            let others = match group.len() - 1 {
                0 => String::new(),
                others => format!(" and {} with the same stack", of(others, "other")),
            };
            let name = span(&brief(name));
            let heading = format!("**Thread** {name}{others}{crashed}:\n\n");
            self.stack(&heading, &first.frames, first.crashed, usize::MAX, budget);
        }
    }

    fn stack(
        &mut self,
        heading: &str,
        frames: &[Frame],
        is_cause: bool,
        most: usize,
        budget: &mut Budget,
    ) {
        let lines = self.frames(frames, is_cause);
        let most = most.saturating_sub(heading.len() + BLOCK);
        let text = format!("{heading}{}\n", block(&fitting(lines, most, "frame")));
        if budget.take(text.len()) {
            self.taken += 1;
            self.text.push_str(&text);
        }
    }

    /// The frames of the program; all if there are no others than those of the runtime.
    fn frames(&self, frames: &[Frame], is_cause: bool) -> Vec<String> {
        let all = frames.iter().all(|frame| frame.noise);
        let shown = || {
            let numbered = frames.iter().enumerate();
            numbered.filter(move |(_, frame)| all || !frame.noise)
        };
        let marked = shown()
            .next()
            .filter(|(_, frame)| is_cause && frame.is_named());
        let line = |(n, frame): (usize, &Frame)| {
            let mark = if marked.is_some_and(|(at, _)| at == n) {
                '▶'
            } else {
                ' '
            };
            let name = text::line(text::without_hash(&frame.name));
            let (name, _) = text::head(&name, MAX_TITLE);
            format!("{mark} {n:>2}  {name}  {}", self.place(frame))
        };
        let mut lines: Vec<String> = shown().take(MAX_FRAMES).map(line).collect();
        let more = shown().count().saturating_sub(MAX_FRAMES);
        if more > 0 {
            lines.push(format!("… {}", of(more, "more frame")));
        }
        lines
    }

    fn place(&self, frame: &Frame) -> String {
        match (&frame.file, frame.line) {
            (Some(file), Some(line)) => format!("{}:{line}", text::line(self.paths.short(file))),
            _ => {
                let module = file_name(frame.module.as_deref().unwrap_or_default());
                format!("{}+{}", text::line(module), text::line(&frame.address))
            }
        }
    }

    fn left_out(&self) -> usize {
        self.all - self.taken
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// Threads with equal stacks are one; the crashed one comes first.
fn threads(dump: &Dump) -> Vec<Vec<&Thread>> {
    let mut groups: Vec<Vec<&Thread>> = Vec::new();
    for thread in dump
        .threads
        .iter()
        .filter(|thread| !thread.frames.is_empty())
    {
        let alike = groups
            .iter_mut()
            .find(|group| group[0].frames == thread.frames && group[0].crashed == thread.crashed);
        match alike {
            Some(group) => group.push(thread),
            None => groups.push(vec![thread]),
        }
    }
    groups.sort_by_key(|group| !group[0].crashed);
    groups
}

/// The records of the log.
pub(super) struct Records<'a> {
    dump: &'a Dump,
    failure: Option<Timestamp>,
    spans: HashMap<u64, &'a Span>,
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
            spans: dump.spans.iter().map(|span| (span.id, span)).collect(),
            order,
            next: 0,
            taken: BTreeSet::new(),
            begun: false,
        }
    }

    /// The first ones, in three quarters of what is left.
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

    fn left_out(&self) -> usize {
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
        if let Some(spans) = self.spans(record) {
            let _ = write!(line, " in {spans}");
        }
        for trace in &self.dump.stack_traces {
            if trace.log_seq == Some(record.seq) && trace.origin.is_cause() {
                let error = text::in_one_line(&trace.error);
                let _ = write!(line, "\n    ◆ created here: {error}");
            }
        }
        line
    }

    /// `request{id=7} > query`
    fn spans(&self, record: &LogRecord) -> Option<String> {
        const MAX_SPANS: usize = 4;
        let mut names = Vec::new();
        let mut id = record.span;
        while let Some(span) = id.and_then(|id| self.spans.get(&id)) {
            let fields = span.fields.iter();
            let fields: Vec<_> = fields
                .map(|(key, value)| text::key_value(key, value))
                .collect();
            let fields = fields.join(" ");
            let (fields, _) = text::head(&fields, MAX_TEXT / 4);
            names.push(match fields {
                "" => span.name.clone(),
                fields => format!("{}{{{fields}}}", span.name),
            });
            // A dump may be wrong about parents, up to a circle.
            if names.len() == MAX_SPANS {
                break;
            }
            id = span.parent;
        }
        names.reverse();
        (!names.is_empty()).then(|| text::line(&names.join(" > ")).into_owned())
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
