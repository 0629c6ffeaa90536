//! Tables in which one column shrinks when the terminal is narrow.

use std::io::{self, Write};

use anstyle::Style;

use super::style::DIM;
use super::text::{self, pad};

/// The flexible column gets at least this many columns of the terminal.
const MIN_FLEXIBLE: usize = 16;

/// The other columns get at most this many, and at most a third of the terminal, so that even a long
/// name leaves room for the rest.
const MAX_FIXED: usize = 32;

/// A column of this width or less is not made narrower.
const MIN_FIXED: usize = 12;

/// The limit of a cell where lines may have any length, as in a pipe.
const MAX_FREE: usize = 400;

/// A column: its heading, its style, and whether it is aligned to the right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) style: Style,
    pub(crate) right: bool,
}

/// Prints headings and rows. The cells must be escaped. A column without content is omitted.
pub(crate) fn print<const N: usize>(
    out: &mut dyn Write,
    columns: &[Column; N],
    flexible: usize,
    rows: &[[String; N]],
    width: Option<usize>,
) -> io::Result<()> {
    let fixed = width.map_or(MAX_FIXED, |width| MAX_FIXED.min(width / 3));
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
            let most = if n == flexible { MAX_FREE } else { fixed };
            widest.min(most).max(text::width(columns[n].name))
        };
    }
    if let Some(width) = width {
        shrink(&mut widths, flexible, width.saturating_sub(MIN_FLEXIBLE));
        let others = fixed_width(&widths, flexible);
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

/// The width of the columns beside the flexible one, with the gaps.
fn fixed_width(widths: &[usize], flexible: usize) -> usize {
    let columns = widths.iter().enumerate();
    let columns = columns.filter(|(n, width)| *n != flexible && **width > 0);
    columns.map(|(_, width)| width + 2).sum()
}

/// Makes the widest columns narrower until they leave room for the flexible one.
fn shrink(widths: &mut [usize], flexible: usize, room: usize) {
    while fixed_width(widths, flexible) > room {
        let columns = widths.iter_mut().enumerate();
        let columns = columns.filter(|(n, width)| *n != flexible && **width > MIN_FIXED);
        let Some((_, widest)) = columns.max_by_key(|(_, width)| **width) else {
            return;
        };
        *widest -= 1;
    }
}

fn line<const N: usize>(
    out: &mut dyn Write,
    columns: &[Column; N],
    widths: &[usize; N],
    row: &[String; N],
) -> io::Result<()> {
    // The last cell is not padded.
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
