//! The first line: what failed, and when.

use std::io::{self, Write};

use flightrec::{Dump, SCHEMA};
use jiff::Timestamp;

use super::View;
use crate::look::style::{BOLD, DIM, ERROR, WARN};
use crate::look::{text, time};

pub(super) fn print(
    out: &mut dyn Write,
    dump: &Dump,
    failure: Option<Timestamp>,
    view: &View,
) -> io::Result<()> {
    write!(out, "{BOLD}{}{BOLD:#}", name(dump))?;
    let (did, style) = what_it_did(&dump.reason.kind);
    write!(out, " {style}{}{style:#}", text::line(&did))?;
    match failure {
        Some(failure) => writeln!(out, " {DIM}{}{DIM:#}", time::ago(failure, view.now))?,
        None => writeln!(out)?,
    }
    if dump.schema != SCHEMA {
        writeln!(
            out,
            "{WARN}This dump has the schema {}; this program knows {SCHEMA} and shows what it understands.{WARN:#}",
            text::line(&dump.schema),
        )?;
    }
    Ok(())
}

/// `census 0.1.0`
fn name(dump: &Dump) -> String {
    let app = if dump.app.is_empty() {
        "a program without a name"
    } else {
        &dump.app
    };
    let version = dump
        .version
        .as_ref()
        .map(|version| format!(" {version}"))
        .unwrap_or_default();
    text::line(&format!("{app}{version}")).into_owned()
}

fn what_it_did(kind: &str) -> (String, anstyle::Style) {
    let did = match kind {
        "error" => "failed",
        "panic" => "panicked",
        "crash" => "died without a word",
        "level" => "logged something grave",
        "signal" => return ("was told by a signal to make a dump".to_owned(), BOLD),
        "manual" => return ("made a dump".to_owned(), BOLD),
        other => return (format!("made a dump ({other})"), BOLD),
    };
    (did.to_owned(), ERROR)
}
