//! `flightrec doctor`

use std::io::Write;

use crate::cli::{Common, Doctor};
use crate::doctor::{self, Verdict};
use crate::error::{CliError, Outcome, Result};
use crate::input;
use crate::render::screen::Screen;
use crate::render::style::{BOLD, DIM, ERROR, WARN};
use crate::render::text;
use crate::symbolicate;

/// Binaries with full debug information are much larger than dumps.
const MAX_SIZE: u64 = 4 << 30;

/// The column in which the findings begin.
const COLUMN: usize = 19;

pub(super) fn run(args: Doctor, common: &Common) -> Result {
    let path = &args.binary;
    let data = symbolicate::read_binary(path, MAX_SIZE, |_| true)?;
    let mut findings = doctor::examine(path, &data)
        .map_err(|error| CliError::at(path, format!("it is not an executable: {error}")))?;
    findings.push(doctor::writable(input::state_dir().ok().as_deref()));

    let mut screen = Screen::open(!common.no_pager);
    for finding in &findings {
        let (mark, style) = match finding.verdict {
            Verdict::Good => ("✓", anstyle::AnsiColor::Green.on_default()),
            Verdict::Unsure => ("?", WARN),
            Verdict::Bad => ("✗", ERROR),
        };
        let subject = finding.subject;
        let gap = text::pad(subject, 15);
        write!(
            screen,
            "{style}{mark}{style:#} {BOLD}{subject}{BOLD:#}{gap}  "
        )?;
        let state = text::line(&finding.state);
        let most = screen.width().map(|width| width.saturating_sub(COLUMN));
        for (n, piece) in text::wrap(&state, most).into_iter().enumerate() {
            let indent = if n == 0 { 0 } else { COLUMN };
            writeln!(screen, "{}{piece}", text::Spaces(indent))?;
        }
        let advice = Some(finding.advice).filter(|advice| !advice.is_empty());
        for piece in advice
            .into_iter()
            .flat_map(|advice| text::wrap(advice, most))
        {
            writeln!(screen, "{}{DIM}{piece}{DIM:#}", text::Spaces(COLUMN))?;
        }
    }
    screen.close()?;
    let is_bad = |finding: &doctor::Finding| finding.verdict == Verdict::Bad;
    Ok(Outcome::found(!findings.iter().any(is_bad)))
}
