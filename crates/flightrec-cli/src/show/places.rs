//! Lines of text, each with a place in the source in a column beside it.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::Style;
use flightrec_dump::Location;

use super::View;
use crate::render::style::{DIM, PLACE};
use crate::render::text::{self, pad};

/// The end of the column of places if lines may have any length.
const FREE_WIDTH: usize = 130;

/// A longer path is cut, in columns.
const MAX_PATH: usize = 400;

/// One line. All its texts are escaped.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// The prefix of the first line, such as the branches of a tree.
    pub(super) lead: String,
    /// The prefix of further lines.
    pub(super) lead_on: String,
    pub(super) text: String,
    pub(super) style: Style,
    pub(super) place: Option<String>,
}

/// Prints the rows. Calls `after` after each row, with the number of the row.
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

/// The place on a line of its own.
fn place_below(out: &mut dyn Write, row: &Row, place: &str, view: &View) -> io::Result<()> {
    let lead = &row.lead_on;
    let width = view.width.unwrap_or(FREE_WIDTH);
    let place = cut_path(place, width.saturating_sub(text::width(lead) + 2).max(8));
    writeln!(out, "{DIM}{lead}{DIM:#}  {PLACE}{place}{PLACE:#}")
}

/// The column of the places: to the right of as many texts as possible, so that all places still fit.
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

/// A path without its first directories if it is too long.
pub(super) fn cut_path(path: &str, most: usize) -> Cow<'_, str> {
    match text::cut_start(path, most) {
        Cow::Owned(end) => match end.find('/') {
            Some(at) => format!("…{}", &end[at..]).into(),
            None => end.into(),
        },
        whole => whole,
    }
}

/// `src/main.rs:62`, or with `--all` `/home/ci/census/src/main.rs:62:9`
pub(super) fn place(file: &str, line: Option<u32>, column: Option<u32>, view: &View) -> String {
    let file = match view.all {
        true => file,
        false => view.paths.short(file),
    };
    let file = text::line(file);
    let file = match view.all {
        true => file,
        false => text::cut_start(&file, MAX_PATH).into_owned().into(),
    };
    match (line, column.filter(|_| view.all)) {
        (Some(line), Some(column)) => format!("{file}:{line}:{column}"),
        (Some(line), None) => format!("{file}:{line}"),
        (None, _) => file.into_owned(),
    }
}

pub(super) fn place_of(location: &Location, view: &View) -> String {
    place(
        &location.file,
        Some(location.line),
        Some(location.column),
        view,
    )
}

/// `:66`, the part of [`place_of`] after the file.
pub(super) fn place_in_file(location: &Location, view: &View) -> String {
    place("", Some(location.line), Some(location.column), view)
}

/// Prints `name` in a column and its text, wrapped, beside it.
pub(super) fn pair(out: &mut dyn Write, name: &str, what: &str, view: &View) -> io::Result<()> {
    const COLUMN: usize = 15;
    let most = view.width.map(|width| width.saturating_sub(COLUMN));
    let what = text::shown_in_one(what, view.all);
    for (n, piece) in text::wrap(&text::line(&what), most).into_iter().enumerate() {
        let name = if n == 0 { name } else { "" };
        writeln!(out, "  {DIM}{name}{DIM:#}{}{piece}", pad(name, COLUMN - 2))?;
    }
    Ok(())
}
