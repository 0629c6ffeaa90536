//! `flightrec redact`

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use logredact::Redactor;
use serde_json::Value;

use crate::cli::{Common, Redact};
use crate::error::{CliError, Outcome, Result};
use crate::input::{self, is_stdin};
use crate::output;
use crate::redact::{self, Masked, Personal};
use crate::render::style::{BOLD, DIM, PLACE};
use crate::render::{count, screen, text};

/// How many places are printed.
const SHOWN: usize = 20;

pub(super) fn run(args: Redact, common: &Common) -> Result {
    let source = input::one(Some(&args.dump))?;
    let output = match &args.output {
        Some(output) => output.clone(),
        None if is_stdin(&source.path) => {
            return Err(CliError::new(
                "standard input has no file name; give --output",
            ));
        }
        None => here(&source.path),
    };
    let document = input::read_document(&source, common.limits())?;
    let mut dump: Value = serde_json::from_slice(&document.json)
        .map_err(|error| CliError::at(&source.path, error))?;
    let left_out = match (args.no_log, dump.get_mut("latest_logs")) {
        (true, Some(Value::Array(records))) => std::mem::take(records).len(),
        _ => 0,
    };
    let masked = redact::mask(&mut dump, &redactor(&args)?);
    let json = |out: &mut dyn Write| Ok(serde_json::to_writer(out, &dump)?);
    output::write(Some(&output), json)?;
    if is_stdin(&output) {
        return report(&mut screen::stderr(), &masked, left_out);
    }
    let mut out = screen::stdout();
    report(&mut out, &masked, left_out)?;
    writeln!(
        out,
        "written to {BOLD}{}{BOLD:#}; read it before you share it",
        text::line(&output.to_string_lossy())
    )?;
    Ok(Outcome::Done)
}

fn redactor(args: &Redact) -> Result<Redactor> {
    let mut redactor = Redactor::default();
    for key in &args.key {
        redactor = redactor.key(key);
    }
    for literal in &args.literal {
        redactor = redactor.literal(literal);
    }
    redact::rules(
        redactor,
        &Personal {
            ip: args.ip,
            hosts: &args.host,
            paths: args.paths,
        },
    )
}

/// `NAME.redacted.json` in the current directory.
fn here(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
    let stem = name.strip_suffix(".json").unwrap_or(name);
    PathBuf::from(format!("{stem}.redacted.json"))
}

fn report(out: &mut dyn Write, masked: &Masked, left_out: usize) -> Result {
    if left_out > 0 {
        let records = count::of(left_out, "record");
        writeln!(out, "{BOLD}left out{BOLD:#} the log ({records})")?;
    }
    if masked.count == 0 {
        writeln!(out, "nothing else looked like a secret or personal data")?;
        return Ok(Outcome::Done);
    }
    let rules: Vec<_> = masked
        .rules
        .iter()
        .map(|(rule, count)| format!("{} {}", text::line(rule), count::grouped(*count)))
        .collect();
    let rules = match rules.is_empty() {
        true => String::new(),
        false => format!(" ({})", rules.join(", ")),
    };
    let places = count::of(masked.count as usize, "place");
    writeln!(out, "{BOLD}masked in {places}{BOLD:#}{rules}")?;
    print_places(out, masked)?;
    Ok(Outcome::Done)
}

/// Prints the places and their counts. Places in the log are combined as `latest_logs[…].msg`.
fn print_places(out: &mut dyn Write, masked: &Masked) -> io::Result<()> {
    for (place, count) in masked.places.iter().take(SHOWN) {
        let times = match count {
            1 => String::new(),
            count => format!(" {DIM}{}×{DIM:#}", count::grouped(*count)),
        };
        writeln!(out, "  {PLACE}{}{PLACE:#}{times}", text::line(place))?;
    }
    let more = masked.places.len().saturating_sub(SHOWN);
    if more > 0 {
        writeln!(out, "  {DIM}… and {}{DIM:#}", count::of(more, "more place"))?;
    }
    Ok(())
}
