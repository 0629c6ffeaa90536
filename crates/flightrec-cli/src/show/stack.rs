//! The stacks of errors and of threads. Frames of the runtime are hidden and counted.

use std::collections::HashSet;
use std::io::{self, Write};

use flightrec_dump::{Dump, Frame, Kind, StackOrigin, Trace};
use jiff::Timestamp;

use super::places::{self, Row, place, place_in_file, place_of};
use super::recursion::{self, Step};
use super::spans::Spans;
use super::{View, source};
use crate::render::count;
use crate::render::style::{BOLD, DIM, PLACE, PLAIN, WARN};
use crate::render::text;

/// How many stacks of errors are shown.
const MAX_STACKS: usize = 100;

/// How many frames of one stack are shown.
const MAX_FRAMES: usize = 500;

/// How many frames of one stack are shown with their source lines.
const WITH_SOURCE: usize = 2;

/// A longer name of a function is cut.
pub(super) const MAX_NAME: usize = 400;

/// Prints the stacks of the errors, or why there are none.
pub(super) fn errors<'a>(out: &mut dyn Write, stacks: &mut Stacks<'a>) -> io::Result<()> {
    let (dump, view) = (stacks.dump, stacks.view);
    let traces = &dump.stack_traces;
    for (n, trace) in traces.iter().take(MAX_STACKS).enumerate() {
        let number = match traces.len() {
            1 => String::new(),
            count => format!(" {} of {count}", n + 1),
        };
        stacks.trace(out, trace, &number)?;
    }
    if traces.len() > MAX_STACKS {
        let more = count::of(traces.len() - MAX_STACKS, "more stack");
        writeln!(out, "\n{DIM}… {more} (cut){DIM:#}")?;
    }
    if dump.omitted_stack_traces > 0 {
        let omitted = usize::try_from(dump.omitted_stack_traces).unwrap_or(usize::MAX);
        let omitted = count::of(omitted, "more stack");
        writeln!(out, "\n{DIM}… {omitted} not in the dump{DIM:#}")?;
    }
    if traces.is_empty() && dump.threads.is_empty() {
        let why = why_none(dump);
        let most = view.width.map(|width| width.saturating_sub(7));
        for (n, piece) in text::wrap(why, most).into_iter().enumerate() {
            let lead = if n == 0 { "Stack: " } else { "       " };
            let gap = if n == 0 { "\n" } else { "" };
            writeln!(out, "{gap}{BOLD}{lead}{BOLD:#}{DIM}{piece}{DIM:#}")?;
        }
    }
    for trace in dump.also.iter().flat_map(|also| &also.stack_traces) {
        stacks.trace(out, trace, " of a further trigger")?;
    }
    if view.all {
        let noted = dump.noted_errors.iter();
        for trace in noted.flat_map(|noted| &noted.stack_traces) {
            stacks.trace(out, trace, " of a noted error")?;
        }
    }
    Ok(())
}

/// Why there is no stack.
fn why_none(dump: &Dump) -> &'static str {
    match dump.reason.kind {
        Kind::Crash => "none (the process ended without capturing one)",
        Kind::Error => "none (the error did not capture one where it was created)",
        Kind::Level => "none (a log record does not capture one)",
        _ => "none in the dump",
    }
}

pub(super) struct Stacks<'a> {
    spans: Spans<'a>,
    pub(super) dump: &'a Dump,
    pub(super) failure: Option<Timestamp>,
    /// The places whose source lines have been shown. Stacks may have frames in common.
    shown: HashSet<(Option<&'a str>, Option<u32>)>,
    labelled: bool,
    pub(super) view: &'a View,
}

impl<'a> Stacks<'a> {
    pub(super) fn new(dump: &'a Dump, failure: Option<Timestamp>, view: &'a View) -> Self {
        Stacks {
            spans: Spans::of(dump),
            dump,
            failure,
            shown: HashSet::new(),
            labelled: false,
            view,
        }
    }

    fn trace(&mut self, out: &mut dyn Write, trace: &'a Trace, number: &str) -> io::Result<()> {
        let view = self.view;
        // A stack that was captured where the dump was made belongs to the thread that made it.
        let thread = match trace.origin {
            StackOrigin::Creation | StackOrigin::Foreign => "",
            _ => &self.dump.process.thread,
        };
        let thread = match thread {
            "" => String::new(),
            thread => format!(" of thread {}", text::cut(&text::line(thread), 32)),
        };
        let error_type = trace.error_type.as_deref().filter(|_| view.all);
        let error_type = error_type.map(|name| format!(" [{}]", text::line(name)));
        let message = text::in_one_line(&trace.error) + &error_type.unwrap_or_default();
        let used = "Stack: ".len() + text::width(number) + text::width(&thread);
        let most = view
            .width
            .map_or(MAX_NAME, |width| width.saturating_sub(used).max(16));
        let message = text::cut(&message, most);
        writeln!(
            out,
            "\n{BOLD}Stack{number}{BOLD:#}{DIM}{thread}:{DIM:#} {message}"
        )?;
        if let Some(origin) = origin(&trace.origin) {
            let most = view.width.map(|width| width.saturating_sub(2));
            for piece in text::wrap(origin, most) {
                writeln!(out, "  {WARN}{piece}{WARN:#}")?;
            }
        }
        if let Some(path) = self.spans.path(trace.span) {
            let most = view.width.map_or(MAX_NAME, |width| width.saturating_sub(2));
            let path = text::in_one_line(&path);
            let path = text::cut(&path, most);
            writeln!(out, "  {DIM}{path}{DIM:#}")?;
        }
        self.frames(out, &trace.frames, trace.origin.is_cause())?;
        trail(out, trace, view)
    }

    /// The frames of a stack. The first frame of the program is marked if the failure began there.
    pub(super) fn frames(
        &mut self,
        out: &mut dyn Write,
        frames: &'a [Frame],
        is_cause: bool,
    ) -> io::Result<()> {
        let view = self.view;
        // If all frames belong to the runtime, all are shown.
        let all = view.all || frames.iter().all(|frame| frame.noise);
        let visible = frames.iter().enumerate();
        let visible: Vec<(usize, &Frame)> =
            visible.filter(|(_, frame)| all || !frame.noise).collect();
        let first = visible.iter().find(|(_, frame)| !frame.noise);
        let marked = first.filter(|(_, frame)| is_cause && frame.is_named());
        let marked = marked.map(|(n, _)| *n);
        let folded = recursion::fold(&visible, view.all);
        let steps = &folded[..folded.len().min(MAX_FRAMES)];
        let numbers = visible.last().map_or(0, |(n, _)| *n);
        let digits = numbers.to_string().len().max(2);
        let row = |step: &Step<'a>| {
            let &(n, frame) = match step {
                Step::Frame(n, frame) => &(*n, *frame),
                Step::Again { frames, times } => {
                    return Row {
                        lead: " ".repeat(digits + 4),
                        lead_on: " ".repeat(digits + 4),
                        text: recursion::again(*frames, *times),
                        style: DIM,
                        place: None,
                    };
                }
            };
            let mark = if marked == Some(n) { "▶" } else { " " };
            let name = text::line(text::without_hash(&frame.name));
            let style = match frame.noise {
                true => DIM,
                false if marked == Some(n) => BOLD,
                false => PLAIN,
            };
            Row {
                lead: format!("{mark} {n:>digits$}  "),
                lead_on: " ".repeat(digits + 4),
                text: text::cut(&name, MAX_NAME).into_owned(),
                style,
                place: Some(where_it_is(frame, view)),
            }
        };
        let rows: Vec<Row> = steps.iter().map(row).collect();
        let mut asked = 0;
        places::print(out, &rows, view, |out, n| {
            let Step::Frame(_, frame) = steps[n] else {
                return Ok(());
            };
            asked += usize::from(!frame.noise);
            let mut is_new = || self.shown.insert((frame.file.as_deref(), frame.line));
            if view.source && !frame.noise && asked <= WITH_SOURCE && is_new() {
                source::print(out, frame, self.failure, &mut self.labelled, view)?;
            }
            Ok(())
        })?;
        let hidden = frames.iter().filter(|frame| frame.noise).count();
        if !all && hidden > 0 {
            writeln!(
                out,
                "{DIM}      … {} of the runtime hidden (--all shows them){DIM:#}",
                count::of(hidden, "frame")
            )?;
        }
        let cut = folded[steps.len()..].iter().map(Step::frames).sum();
        if cut > 0 {
            let cut = count::of(cut, "more frame");
            writeln!(out, "{DIM}      … {cut} (cut){DIM:#}")?;
        }
        Ok(())
    }

    /// Prints one note on how to get the missing names of frames.
    pub(super) fn without_symbols(&self, out: &mut dyn Write) -> io::Result<()> {
        let traces = self.dump.stack_traces.iter().map(|trace| &trace.frames);
        let threads = self.dump.threads.iter().map(|thread| &thread.frames);
        let frames = traces.chain(threads).flatten();
        let mut unnamed = frames.filter(|frame| !frame.noise && !frame.is_named());
        let Some(module) = unnamed.find_map(|frame| frame.module.as_deref()) else {
            return Ok(());
        };
        let known = self.dump.modules.iter().find(|known| known.name == module);
        let id = known.and_then(|known| known.build_id.as_deref());
        let id = id.map_or_else(String::new, |id| format!(" (build-id {})", text::line(id)));
        let name = text::line(module.rsplit(['/', '\\']).next().unwrap_or(module));
        let dump = &self.view.name;
        let hint = format!(
            "no symbols for {name}{id}: run `flightrec symbolicate {dump} --binary FILE` with the \
             unstripped binary of this build"
        );
        writeln!(out)?;
        for piece in text::wrap(&hint, self.view.width) {
            writeln!(out, "{WARN}{piece}{WARN:#}")?;
        }
        Ok(())
    }
}

/// A note about a stack that was not captured where the failure began.
fn origin(origin: &StackOrigin) -> Option<&'static str> {
    match origin {
        StackOrigin::Conversion => {
            Some("captured where the error was converted or handed over, not where it was created")
        }
        StackOrigin::Caller => Some("captured where the dump was made"),
        StackOrigin::Foreign => Some("captured by another error library"),
        _ => None,
    }
}

/// The place in the source, or in the module if that is not known.
fn where_it_is(frame: &Frame, view: &View) -> String {
    if let Some(file) = &frame.file {
        return place(file, frame.line, frame.column, view);
    }
    let module = frame.module.as_deref().unwrap_or_default();
    let module = match view.all {
        true => module,
        false => module.rsplit(['/', '\\']).next().unwrap_or(module),
    };
    format!("{}+{}", text::line(module), text::line(&frame.address))
}

fn trail(out: &mut dyn Write, trace: &Trace, view: &View) -> io::Result<()> {
    const LEAD: &str = "      propagated through  ";
    if trace.trail.is_empty() {
        return Ok(());
    }
    let most = view
        .width
        .map(|width| width.saturating_sub(LEAD.len()).max(16));
    // Lines break only between two places. Within a line, a file is not repeated.
    let mut lines = vec![String::new()];
    let mut last_file = None;
    for location in trace.trail.iter().take(MAX_FRAMES) {
        let place = place_of(location, view);
        let place = places::cut_path(&place, most.unwrap_or(usize::MAX));
        let short = match last_file == Some(&location.file) {
            true => place_in_file(location, view).into(),
            false => place.clone(),
        };
        last_file = Some(&location.file);
        let Some(line) = lines.last_mut() else { break };
        let width = text::width(line) + 3 + text::width(&short);
        if line.is_empty() {
            line.push_str(&place);
        } else if most.is_none_or(|most| width + 2 <= most) {
            line.push_str(" → ");
            line.push_str(&short);
        } else {
            line.push_str(" →");
            lines.push(place.into_owned());
        }
    }
    for (n, line) in lines.iter().enumerate() {
        let lead = if n == 0 {
            LEAD
        } else {
            &" ".repeat(LEAD.len())
        };
        writeln!(out, "{DIM}{lead}{DIM:#}{PLACE}{line}{PLACE:#}")?;
    }
    Ok(())
}
