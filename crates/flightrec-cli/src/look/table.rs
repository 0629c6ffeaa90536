//! Tables, of which one column gives way where the terminal is narrow.

use std::io::{self, Write};

use anstyle::Style;

use super::style::DIM;
use super::text::{self, pad};

/// The narrowest that the column gets which gives way.
const MIN_FLEXIBLE: usize = 16;

/// A column: its heading, how it looks, and whether it stands at the right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) style: Style,
    pub(crate) right: bool,
}

/// Prints the rows, whose cells are escaped, with headings; a column that is empty is left out.
pub(crate) fn print<const N: usize>(
    out: &mut dyn Write,
    columns: &[Column; N],
    flexible: usize,
    rows: &[[String; N]],
    width: Option<usize>,
) -> io::Result<()> {
    let mut widths = [0; N];
    for (n, width) in widths.iter_mut().enumerate() {
        let widest = rows
            .iter()
            .map(|row| text::width(&row[n]))
            .max()
            .unwrap_or(0);
        *width = if widest == 0 {
            0
        } else {
            widest.max(text::width(columns[n].name))
        };
    }
    if let Some(width) = width {
        let others: usize = (0..N)
            .filter(|n| *n != flexible && widths[*n] > 0)
            .map(|n| widths[n] + 2)
            .sum();
        widths[flexible] = widths[flexible]
            .min(width.saturating_sub(others))
            .max(MIN_FLEXIBLE);
    }
    let headings = columns.map(|column| column.name.to_owned());
    line(
        out,
        &columns.map(|column| Column {
            style: DIM,
            ..column
        }),
        &widths,
        &headings,
    )?;
    for row in rows {
        line(out, columns, &widths, row)?;
    }
    Ok(())
}

fn line<const N: usize>(
    out: &mut dyn Write,
    columns: &[Column; N],
    widths: &[usize; N],
    row: &[String; N],
) -> io::Result<()> {
    // Nothing is padded where nothing follows.
    let last = (0..N)
        .rfind(|n| widths[*n] > 0 && !row[*n].is_empty())
        .unwrap_or(0);
    for n in (0..=last).filter(|n| widths[*n] > 0) {
        let (style, cell) = (columns[n].style, text::cut(&row[n], widths[n]));
        let gap = pad(&cell, widths[n]);
        match (columns[n].right, n == last) {
            (true, _) => write!(out, "{gap}{style}{cell}{style:#}")?,
            (false, true) => write!(out, "{style}{cell}{style:#}")?,
            (false, false) => write!(out, "{style}{cell}{style:#}{gap}")?,
        }
        write!(out, "{}", if n == last { "\n" } else { "  " })?;
    }
    Ok(())
}
