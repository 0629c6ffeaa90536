//! Lines of text with the place in the source that belongs to each, in a column of their own.

use std::io::{self, Write};

use anstyle::Style;
use flightrec::Location;

use super::View;
use crate::look::style::{DIM, PLACE};
use crate::look::text::{self, pad};

/// How far right the places stand at most if lines may be of any length.
const FREE_WIDTH: usize = 130;

/// One line; everything in it is escaped already.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// What leads to the text, such as the branches of a tree.
    pub(super) lead: String,
    /// What stands before the text's further lines, should it need them.
    pub(super) lead_on: String,
    pub(super) text: String,
    pub(super) style: Style,
    pub(super) place: Option<String>,
}

/// Prints the rows, calling `after` behind each with its number.
pub(super) fn print(
    out: &mut dyn Write,
    rows: &[Row],
    view: &View,
    mut after: impl FnMut(&mut dyn Write, usize) -> io::Result<()>,
) -> io::Result<()> {
    let column = column(rows, view);
    for (n, row) in rows.iter().enumerate() {
        let most = view
            .width
            .map(|width| width.saturating_sub(text::width(&row.lead)));
        let pieces = text::wrap(&row.text, most);
        for (piece_n, piece) in pieces.iter().enumerate() {
            let lead = if piece_n == 0 {
                &row.lead
            } else {
                &row.lead_on
            };
            let style = row.style;
            write!(out, "{DIM}{lead}{DIM:#}{style}{piece}{style:#}")?;
            match &row.place {
                Some(place) if piece_n + 1 == pieces.len() => {
                    let used = text::width(lead) + text::width(piece);
                    let fits = used + 2 + text::width(place);
                    if view.width.is_none_or(|width| fits <= width) {
                        let gap = text::Spaces(column.saturating_sub(used).max(2));
                        writeln!(out, "{gap}{PLACE}{place}{PLACE:#}")?;
                    } else {
                        writeln!(out)?;
                        place_below(out, row, place, view)?;
                    }
                }
                _ => writeln!(out)?,
            }
        }
        after(out, n)?;
    }
    Ok(())
}

/// The place on a line of its own, at the right margin if it can be.
fn place_below(out: &mut dyn Write, row: &Row, place: &str, view: &View) -> io::Result<()> {
    let lead = &row.lead_on;
    let width = view.width.unwrap_or(FREE_WIDTH);
    let place = text::cut_start(place, width.saturating_sub(text::width(lead) + 2).max(8));
    writeln!(out, "{DIM}{lead}{DIM:#}  {PLACE}{place}{PLACE:#}")
}

/// Where the places begin: right of as many texts as possible, as long as all of them fit.
fn column(rows: &[Row], view: &View) -> usize {
    let with_place = || {
        rows.iter()
            .filter_map(|row| Some((row, row.place.as_deref()?)))
    };
    let widest = with_place()
        .map(|(_, place)| text::width(place))
        .max()
        .unwrap_or(0);
    let most = view.width.unwrap_or(FREE_WIDTH).saturating_sub(widest);
    let used = |row: &Row| text::width(&row.lead) + text::width(&row.text) + 2;
    with_place()
        .map(|(row, _)| used(row))
        .filter(|used| *used <= most)
        .max()
        .unwrap_or(0)
}

/// `src/main.rs:62`
pub(super) fn place(file: &str, line: Option<u32>, view: &View) -> String {
    let file = if view.all {
        file
    } else {
        view.paths.short(file)
    };
    let file = text::line(file);
    match line {
        Some(line) => format!("{file}:{line}"),
        None => file.into_owned(),
    }
}

pub(super) fn place_of(location: &Location, view: &View) -> String {
    place(&location.file, Some(location.line), view)
}

/// Prints `name` in a column and its text, wrapped, beside it.
pub(super) fn pair(out: &mut dyn Write, name: &str, what: &str, view: &View) -> io::Result<()> {
    const COLUMN: usize = 12;
    let most = view.width.map(|width| width.saturating_sub(COLUMN));
    for (n, piece) in text::wrap(&text::line(what), most).into_iter().enumerate() {
        let name = if n == 0 { name } else { "" };
        writeln!(out, "  {DIM}{name}{DIM:#}{}{piece}", pad(name, COLUMN - 2))?;
    }
    Ok(())
}
