//! The stacks, and the threads.

use flightrec_dump::{Dump, Frame, StackOrigin, Thread};

use super::budget::Budget;
use super::code::{BLOCK, block, span};
use super::parts::{MAX_TITLE, brief, file_name, fitting};
use crate::paths::Paths;
use crate::render::count::of;
use crate::render::text;
use crate::show::recursion::{self, Step};

/// The maximum number of frames of a stack.
const MAX_FRAMES: usize = 40;

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

    /// Writes the first stack, within two thirds of the remaining budget.
    pub(super) fn first(&mut self, budget: &mut Budget) {
        if !self.dump.stack_traces.is_empty() {
            let most = budget.left() / 3 * 2;
            self.trace(0, most, budget);
        }
    }

    /// Writes the other stacks of errors, each completely or not at all.
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

    /// Writes the stacks of threads, the crashed one first. Threads with equal stacks are written as one.
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
            let of_failure = self.dump.stack_traces.first();
            if of_failure.is_some_and(|trace| trace.frames == first.frames) {
                let line = format!("**Thread** {name}{others}{crashed}: the first stack\n\n");
                if budget.take(line.len()) {
                    self.taken += 1;
                    self.text.push_str(&line);
                }
                continue;
            }
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

    /// The frames of the program. All frames if they all belong to the runtime.
    fn frames(&self, frames: &[Frame], is_cause: bool) -> Vec<String> {
        let all = frames.iter().all(|frame| frame.noise);
        let shown = || {
            let numbered = frames.iter().enumerate();
            numbered.filter(move |(_, frame)| all || !frame.noise)
        };
        let marked = shown()
            .next()
            .filter(|(_, frame)| is_cause && frame.is_named());
        let line = |step: &Step<'_>| {
            let (n, frame) = match *step {
                Step::Frame(n, frame) => (n, frame),
                Step::Again { frames, times } => {
                    return format!("      {}", recursion::again(frames, times));
                }
            };
            let mark = if marked.is_some_and(|(at, _)| at == n) {
                '▶'
            } else {
                ' '
            };
            let name = text::line(text::without_hash(&frame.name));
            let (name, _) = text::head(&name, MAX_TITLE);
            format!("{mark} {n:>2}  {name}  {}", self.place(frame))
        };
        let steps = recursion::fold(&shown().collect::<Vec<_>>(), false);
        let mut lines: Vec<String> = steps.iter().take(MAX_FRAMES).map(line).collect();
        let more: usize = steps.iter().skip(MAX_FRAMES).map(Step::frames).sum();
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

    pub(super) fn left_out(&self) -> usize {
        self.all - self.taken
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// The threads that have a stack, grouped by equal stacks. The interesting ones come first.
fn threads(dump: &Dump) -> Vec<Vec<&Thread>> {
    let groups = crate::show::threads::groups(dump).into_iter();
    groups
        .map(|group| group.threads)
        .filter(|threads| !threads[0].frames.is_empty())
        .collect()
}
