//! `flightrec redact`

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flightrec::redact::Redactor;
use serde_json::Value;

use crate::cli::{Common, Redact};
use crate::input::{self, Limits};
use crate::look::count;
use crate::look::style::{BOLD, DIM, PLACE};
use crate::look::text;
use crate::outcome::{Outcome, Result, Trouble};
use crate::places;
use crate::redact::{self, Masked};

/// Places that are printed.
const SHOWN: usize = 20;

pub(super) fn run(args: Redact, common: &Common) -> Result {
    let path = places::resolve(Some(&args.dump))?;
    let output = match &args.output {
        Some(output) => output.clone(),
        None if input::is_stdin(&path) => {
            return Err(Trouble::new("say with --output where to write it"));
        }
        None => beside(&path),
    };
    let mut dump = read(&path, common)?;
    if let (true, Value::Object(dump)) = (args.no_log, &mut dump) {
        dump.insert("latest_logs".to_owned(), Value::Array(Vec::new()));
    }
    let masked = redact::mask(&mut dump, &redactor(&args)?);
    if input::is_stdin(&output) {
        let mut out = BufWriter::new(io::stdout().lock());
        serde_json::to_writer(&mut out, &dump).map_err(io::Error::from)?;
        out.flush()?;
        report(&mut anstream::stderr().lock(), &masked)?;
    } else {
        write(&output, &dump)
            .map_err(|error| Trouble::at(&output, format!("cannot write it: {error}")))?;
        let mut out = anstream::stdout().lock();
        report(&mut out, &masked)?;
        writeln!(
            out,
            "written to {BOLD}{}{BOLD:#}; look at it before you share it",
            text::line(&output.to_string_lossy())
        )?;
    }
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
    redact::rules(redactor, args.ip)
}

fn read(path: &Path, common: &Common) -> Result<Value> {
    let json = input::read(path, common.limits())?;
    parse(&json, common.limits()).map_err(|why| Trouble::at(path, why))
}

/// A dump out of JSON, all keys of it; or why it is none.
pub(crate) fn parse(json: &[u8], limits: Limits) -> std::result::Result<Value, String> {
    let json = input::check(json, limits)?;
    let value: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let schema = value
        .get("schema")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !schema.starts_with("flightrec/") {
        return Err("it has no \"schema\": \"flightrec/…\"".to_owned());
    }
    Ok(value)
}

/// `NAME.redacted.json`, here.
fn beside(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    PathBuf::from(format!("{stem}.redacted.json"))
}

/// A new file for its owner alone: what the rules don't know is still in it.
fn write(path: &Path, dump: &Value) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = BufWriter::new(options.open(path)?);
    serde_json::to_writer(&mut out, dump)?;
    out.flush()
}

fn report(out: &mut dyn Write, masked: &Masked) -> io::Result<()> {
    if masked.count == 0 {
        return writeln!(out, "nothing more was found to mask");
    }
    let rules: Vec<_> = masked
        .rules
        .iter()
        .map(|(rule, count)| format!("{} {}", text::line(rule), count::grouped(*count)))
        .collect();
    writeln!(
        out,
        "{BOLD}masked in {}{BOLD:#} ({})",
        count::of(masked.count as usize, "place"),
        rules.join(", ")
    )?;
    for place in masked.places.iter().take(SHOWN) {
        writeln!(out, "  {PLACE}{}{PLACE:#}", text::line(place))?;
    }
    let more = masked.count as usize - masked.places.len().min(SHOWN);
    if more > 0 {
        writeln!(out, "  {DIM}… and {}{DIM:#}", count::of(more, "more place"))?;
    }
    Ok(())
}
