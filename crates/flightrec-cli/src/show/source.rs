//! Prints the source lines around a frame.

use std::io::{self, Write};

use flightrec_dump::Frame;
use jiff::Timestamp;

use super::View;
use crate::render::style::{BOLD, DIM, ERROR, WARN};
use crate::render::text;
use crate::source;

/// Prints the lines around the frame, if there are any. The first time there is a label above them.
pub(super) fn print(
    out: &mut dyn Write,
    frame: &Frame,
    failure: Option<Timestamp>,
    labelled: &mut bool,
    view: &View,
) -> io::Result<()> {
    let Some(source) = source::around(frame, failure, &view.paths) else {
        return Ok(());
    };
    if !std::mem::replace(labelled, true) {
        let label = "source lines are from this machine's files (--no-source hides them)";
        for piece in text::wrap(label, view.width.map(|width| width.saturating_sub(10))) {
            writeln!(out, "          {DIM}{piece}{DIM:#}")?;
        }
    }
    if let Some(doubt) = source.doubt {
        writeln!(out, "          {WARN}{doubt}{WARN:#}")?;
    }
    let digits = (source.first + source.lines.len() - 1).to_string().len();
    let most = view
        .width
        .map_or(200, |width| width.saturating_sub(digits + 14));
    for (number, line) in (source.first..).zip(&source.lines) {
        let line = text::line(line);
        let line = text::cut(&line, most);
        if Some(number) == frame.line.map(|line| line as usize) {
            writeln!(
                out,
                "        {ERROR}>{ERROR:#} {number:>digits$} {DIM}│{DIM:#} {BOLD}{line}{BOLD:#}"
            )?;
        } else {
            writeln!(
                out,
                "          {DIM}{number:>digits$} │{DIM:#}{}{line}",
                if line.is_empty() { "" } else { " " }
            )?;
        }
    }
    Ok(())
}
