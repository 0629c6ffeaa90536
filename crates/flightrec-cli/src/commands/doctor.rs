//! `flightrec doctor`

use std::fs::File;
use std::io::{Read, Write};

use crate::cli::{Common, Doctor};
use crate::doctor::{self, Verdict};
use crate::look::screen::Screen;
use crate::look::style::{BOLD, DIM, ERROR, WARN};
use crate::look::text;
use crate::outcome::{Outcome, Result, Trouble};
use crate::places;

/// A larger file is hardly a program. Binaries with full debug information are much larger than
/// dumps.
const MAX_SIZE: u64 = 4 << 30;

pub(super) fn run(args: Doctor, common: &Common) -> Result {
    let path = &args.binary;
    let mut data = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_SIZE).read_to_end(&mut data));
    read.map_err(|error| Trouble::at(path, format!("cannot read it: {error}")))?;
    let mut findings = doctor::examine(path, &data).map_err(|error| {
        Trouble::at(
            path,
            format!("this is no executable that can be read: {error}"),
        )
    })?;
    findings.push(doctor::writable(places::state_dir().as_deref()));

    let mut screen = Screen::open(common);
    for finding in &findings {
        let (mark, style) = match finding.verdict {
            Verdict::Good => ("✓", anstyle::AnsiColor::Green.on_default()),
            Verdict::Unsure => ("?", WARN),
            Verdict::Bad => ("✗", ERROR),
        };
        let subject = finding.subject;
        let gap = text::pad(subject, 15);
        writeln!(
            screen,
            "{style}{mark}{style:#} {BOLD}{subject}{BOLD:#}{gap}  {}",
            text::line(&finding.state)
        )?;
        if !finding.advice.is_empty() {
            writeln!(screen, "                   {DIM}{}{DIM:#}", finding.advice)?;
        }
    }
    screen.close()?;
    let all_well = findings
        .iter()
        .all(|finding| finding.verdict != Verdict::Bad);
    Ok(if all_well {
        Outcome::Done
    } else {
        Outcome::Nothing
    })
}
