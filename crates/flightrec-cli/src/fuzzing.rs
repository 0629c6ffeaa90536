//! For fuzz targets: runs the commands on any bytes, without files and terminal.
//!
//! Compiled only with `--cfg fuzzing`.

use std::path::Path;

use clap::ValueEnum;
use flightrec_dump::{Dump, Summary};
use jiff::Timestamp;
use logredact::Redactor;
use serde_json::Value;

use crate::commands;
use crate::export::{self, Format, Selected};
use crate::input::{self, Limits};
use crate::paths::Paths;
use crate::redact::{self, Personal};
use crate::select::Selection;
use crate::show::{self, LogAmount, View};
use crate::symbolicate::{self, Binary};

const LIMITS: Limits = Limits {
    max_size: 4 << 20,
    lenient: true,
};

/// The JSON of the last dump in a file; `None` if there is none.
fn document(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut documents = input::documents(bytes.to_vec(), LIMITS).ok()?;
    Some(documents.pop()?.json)
}

/// Reads a dump like the commands; `None` if it is refused.
pub fn read(bytes: &[u8]) -> Option<Dump> {
    Dump::from_json(&document(bytes)?).ok()
}

/// Returns the name of the program, as shown in lists.
pub fn summary(bytes: &[u8]) -> Option<String> {
    let json = document(bytes)?;
    Some(Summary::from_json(&json).ok()?.app)
}

fn view(width: Option<usize>, all: bool, paths: Paths) -> View {
    View {
        width,
        now: Timestamp::UNIX_EPOCH,
        all,
        spans: all,
        source: false,
        log: LogAmount::All,
        selection: Selection::default(),
        paths,
        name: "dump.json".to_owned(),
    }
}

/// Returns the output of `show`, with colours.
pub fn show(dump: &Dump, width: Option<usize>, all: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let view = view(width, all, Paths::of(dump));
    show::dump(&mut out, dump, &view).expect("a vector can be written to");
    out
}

/// Returns the output of `merge`, with colours.
pub fn merge(dumps: &[Dump], width: Option<usize>) -> Vec<u8> {
    let mut out = Vec::new();
    let view = view(width, true, Paths::default());
    commands::merge::print(&mut out, dumps, &view).expect("a vector can be written to");
    out
}

/// Returns the output of `export` in the format with this name.
pub fn export(dumps: &[Dump], to: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let format = Format::from_str(to, false).expect("the name of a format");
    let selected: Vec<_> = dumps
        .iter()
        .map(|dump| Selected {
            dump,
            records: Selection::default().select(dump).records,
        })
        .collect();
    export::write(&mut out, format, &selected).expect("a vector can be written to");
    out
}

/// The redactor of `redact`, which takes longer to create than to use.
#[derive(Debug)]
pub struct Masker(Redactor);

impl Masker {
    /// Creates a masker for this text, and for everything else that can be masked.
    pub fn new(literal: &str) -> Masker {
        let redactor = Redactor::default().literal(literal);
        let what = Personal {
            ip: true,
            hosts: &[],
            paths: true,
        };
        Masker(redact::rules(redactor, &what).expect("the rules are valid"))
    }

    /// Returns the output of `redact`; `None` if the bytes are not a dump.
    pub fn redact(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut dump: Value = serde_json::from_slice(&document(bytes)?).ok()?;
        let _ = redact::mask(&mut dump, &self.0);
        Some(serde_json::to_vec(&dump).expect("it was read as JSON"))
    }
}

/// Returns the output of `symbolicate`, with `binary` for each module of the dump; `None` if the dump or
/// the binary is refused.
pub fn symbolicate(bytes: &[u8], binary: Vec<u8>) -> Option<Vec<u8>> {
    let mut dump: Value = serde_json::from_slice(&document(bytes)?).ok()?;
    let modules = symbolicate::modules(&dump);
    let file = Binary::parse(binary, LIMITS.max_size).ok()?;
    let symbols: Result<Vec<_>, _> = modules
        .list()
        .iter()
        .take(2)
        .map(|_| file.symbols().map(|symbols| vec![symbols]))
        .collect();
    let mut symbols = symbols.ok()?;
    symbols.resize_with(modules.list().len(), Vec::new);
    symbolicate::complete(&mut dump, &modules, &symbols, LIMITS.max_size).ok()?;
    Some(serde_json::to_vec(&dump).expect("it was read as JSON"))
}

/// Returns how many findings `doctor` has about an executable.
pub fn doctor(binary: &[u8]) -> Option<usize> {
    let path = Path::new("/nonexistent/program");
    let findings = crate::doctor::examine(path, binary).ok()?;
    Some(findings.len())
}
