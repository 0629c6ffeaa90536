//! The commands on bytes of any origin, without files and terminal: for fuzz targets.
//!
//! Compiled with `--cfg fuzzing` only.

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

/// A dump as the commands read one; `None` if it is refused.
pub fn read(bytes: &[u8]) -> Option<Dump> {
    Dump::from_json(&document(bytes)?).ok()
}

/// The name of the program, as lists read it.
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

/// What `show` prints, with the colours.
pub fn show(dump: &Dump, width: Option<usize>, all: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let view = view(width, all, Paths::of(dump));
    show::dump(&mut out, dump, &view).expect("a vector can be written to");
    out
}

/// What `merge` prints, with the colours.
pub fn merge(dumps: &[Dump], width: Option<usize>) -> Vec<u8> {
    let mut out = Vec::new();
    let view = view(width, true, Paths::default());
    commands::merge::print(&mut out, dumps, &view).expect("a vector can be written to");
    out
}

/// What `export` prints, to a format by its name.
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

/// What `redact` masks with; making it takes longer than using it.
#[derive(Debug)]
pub struct Masker(Redactor);

impl Masker {
    /// With this text masked everywhere, and everything else that can be masked.
    pub fn new(literal: &str) -> Masker {
        let redactor = Redactor::default().literal(literal);
        let what = Personal {
            ip: true,
            hosts: &[],
            paths: true,
        };
        Masker(redact::rules(redactor, &what).expect("the rules are valid"))
    }

    /// What `redact` writes; `None` if it is not a dump.
    pub fn redact(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut dump: Value = serde_json::from_slice(&document(bytes)?).ok()?;
        let _ = redact::mask(&mut dump, &self.0);
        Some(serde_json::to_vec(&dump).expect("it was read as JSON"))
    }
}

/// What `symbolicate` writes, with `binary` for each module of the dump; `None` if one of them is
/// refused.
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

/// How many findings `doctor` has about an executable.
pub fn doctor(binary: &[u8]) -> Option<usize> {
    let path = Path::new("/nonexistent/program");
    let findings = crate::doctor::examine(path, binary).ok()?;
    Some(findings.len())
}
