//! The stacks, with the machinery hidden and counted.

use std::collections::HashSet;
use std::io::{self, Write};

use flightrec::{Dump, Frame, Trace};
use jiff::Timestamp;

use super::columns::{self, Row, place, place_of};
use super::{View, source};
use crate::look::count;
use crate::look::style::{BOLD, DIM, PLACE, PLAIN};
use crate::look::text;

/// Stacks that are shown.
const MAX_STACKS: usize = 100;

/// Frames of one stack that are shown.
const MAX_FRAMES: usize = 500;

/// Frames of one stack that are shown with their source.
const WITH_SOURCE: usize = 2;

/// A function's name that is longer is cut.
const MAX_NAME: usize = 400;

pub(super) fn print(
    out: &mut dyn Write,
    dump: &Dump,
    failure: Option<Timestamp>,
    view: &View,
) -> io::Result<()> {
    let traces = &dump.stack_traces;
    // Stacks have much in common.
    let mut sources = HashSet::new();
    for (n, trace) in traces.iter().take(MAX_STACKS).enumerate() {
        let number = if traces.len() > 1 {
            format!(" {} of {}", n + 1, traces.len())
        } else {
            String::new()
        };
        let error = text::first_line(&trace.error);
        let most = view
            .width
            .map_or(MAX_NAME, |width| width.saturating_sub(number.len() + 10));
        writeln!(
            out,
            "\n{BOLD}Stack{number}{BOLD:#}{DIM}:{DIM:#} {}",
            text::cut(&error, most)
        )?;
        one(out, trace, failure, &mut sources, view)?;
    }
    if traces.len() > MAX_STACKS {
        let more = count::of(traces.len() - MAX_STACKS, "more stack");
        writeln!(out, "\n{DIM}… {more} (cut){DIM:#}")?;
    }
    Ok(())
}

fn one<'a>(
    out: &mut dyn Write,
    trace: &'a Trace,
    failure: Option<Timestamp>,
    sources: &mut HashSet<(Option<&'a str>, Option<u32>)>,
    view: &View,
) -> io::Result<()> {
    // Where nothing is known to be the program's own, everything is shown.
    let all = view.all || trace.frames.iter().all(|frame| frame.noise);
    let shown = trace
        .frames
        .iter()
        .enumerate()
        .filter(|(_, frame)| all || !frame.noise);
    let frames: Vec<(usize, &Frame)> = shown.take(MAX_FRAMES).collect();
    let digits = frames.last().map_or(1, |(n, _)| n.to_string().len()).max(2);
    let born = frames.iter().position(|(_, frame)| !frame.noise);
    let row = |(shown, &(n, frame)): (usize, &(usize, &Frame))| {
        let mark = if born == Some(shown) { "▶" } else { " " };
        let name = text::line(text::without_hash(&frame.name));
        Row {
            lead: format!("{mark} {n:>digits$}  "),
            lead_on: " ".repeat(digits + 4),
            text: text::cut(&name, MAX_NAME).into_owned(),
            style: if frame.noise {
                DIM
            } else if born == Some(shown) {
                BOLD
            } else {
                PLAIN
            },
            place: Some(where_it_is(frame, view)),
        }
    };
    let rows: Vec<Row> = frames.iter().enumerate().map(row).collect();
    let mut asked = 0;
    columns::print(out, &rows, view, |out, n| {
        let (_, frame) = frames[n];
        asked += usize::from(!frame.noise);
        if !frame.noise
            && asked <= WITH_SOURCE
            && sources.insert((frame.file.as_deref(), frame.line))
        {
            source::print(out, frame, failure, view)?;
        }
        Ok(())
    })?;
    let hidden = trace.frames.iter().filter(|frame| frame.noise).count();
    if !all && hidden > 0 {
        writeln!(
            out,
            "{DIM}      … {} of the runtime hidden (--all shows them){DIM:#}",
            count::of(hidden, "frame")
        )?;
    }
    let cut = trace.frames.len() - frames.len() - if all { 0 } else { hidden };
    if cut > 0 {
        writeln!(
            out,
            "{DIM}      … {} (cut){DIM:#}",
            count::of(cut, "more frame")
        )?;
    }
    way_up(out, trace, view)
}

/// The place in the source, or in the module where that is unknown.
fn where_it_is(frame: &Frame, view: &View) -> String {
    if let Some(file) = &frame.file {
        return place(file, frame.line, view);
    }
    let module = frame.module.as_deref().unwrap_or_default();
    let module = if view.all {
        module
    } else {
        module.rsplit(['/', '\\']).next().unwrap_or(module)
    };
    format!("{}+{}", text::line(module), text::line(&frame.address))
}

fn way_up(out: &mut dyn Write, trace: &Trace, view: &View) -> io::Result<()> {
    const LEAD: &str = "      way up  ";
    if trace.trail.is_empty() {
        return Ok(());
    }
    let places: Vec<_> = trace
        .trail
        .iter()
        .take(MAX_FRAMES)
        .map(|location| place_of(location, view))
        .collect();
    let most = view.width.map(|width| width.saturating_sub(LEAD.len()));
    for (n, piece) in text::wrap(&places.join(" → "), most)
        .into_iter()
        .enumerate()
    {
        let lead = if n == 0 { LEAD } else { "              " };
        writeln!(out, "{DIM}{lead}{DIM:#}{PLACE}{piece}{PLACE:#}")?;
    }
    Ok(())
}
