//! What the commands do with bytes of any origin, without files and a terminal: for fuzz targets.
//!
//! It is there only when compiled with `--cfg fuzzing`.

use std::path::Path;

use clap::ValueEnum;
use flightrec::Dump;
use flightrec::redact::Redactor;
use jiff::Timestamp;

use crate::cli::Format;
use crate::commands;
use crate::export::{self, Chosen};
use crate::input::{self, Limits};
use crate::redact;
use crate::select::Selection;
use crate::show::{self, Paths, View};
use crate::summary::Summary;
use crate::symbolicate::{self, Binary, Modules};

const LIMITS: Limits = Limits { max_size: 4 << 20 };

/// A dump as the commands read one; none if it is refused.
pub fn read(json: &[u8]) -> Option<Dump> {
    input::parse(json, LIMITS).ok()
}

/// Whether the head of it is read, as for lists, and the program's name as it is there.
pub fn summary(json: &[u8]) -> Option<String> {
    let json = input::check(json, LIMITS).ok()?;
    let summary = Summary::of(json).ok()?;
    let _ = (summary.likeness(), summary.program());
    Some(summary.app)
}

fn view(width: Option<usize>, all: bool, paths: Paths) -> View {
    View {
        width,
        now: Timestamp::UNIX_EPOCH,
        all,
        selection: Selection::default(),
        paths,
    }
}

/// What `show` prints, with the colours.
pub fn show(dump: &Dump, width: Option<usize>, all: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let view = view(width, all, Paths::of(dump));
    show::dump(&mut out, dump, &view).expect("a vector takes all");
    out
}

/// What `merge` prints, with the colours.
pub fn merge(dumps: &[Dump], width: Option<usize>) -> Vec<u8> {
    let mut out = Vec::new();
    let view = view(width, true, Paths::default());
    commands::merge::print(&mut out, dumps, &view).expect("a vector takes all");
    out
}

/// What `export` prints, to a format by its name.
pub fn export(dumps: &[Dump], to: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let chosen: Vec<_> = dumps
        .iter()
        .map(|dump| Chosen {
            dump,
            records: Selection::default().choose(&dump.latest_logs).0,
        })
        .collect();
    let format = Format::from_str(to, false).expect("a format's name");
    export::write(&mut out, format, &chosen).expect("what was read as JSON can be written");
    out
}

/// What `redact` masks with; making it takes longer than using it.
#[derive(Debug)]
pub struct Masker(Redactor);

impl Masker {
    /// With this text masked wherever it stands, and addresses.
    pub fn new(literal: &str) -> Masker {
        let redactor = Redactor::default().literal(literal);
        Masker(redact::rules(redactor, true).expect("the rules are sound"))
    }

    /// What `redact` writes; none if it is no dump.
    pub fn redact(&self, json: &[u8]) -> Option<Vec<u8>> {
        let mut dump = commands::redact::parse(json, LIMITS).ok()?;
        let _ = redact::mask(&mut dump, &self.0);
        Some(serde_json::to_vec(&dump).expect("what was read as JSON can be written"))
    }
}

/// What `symbolicate` writes, with `binary` for each module of the dump; none if one of them is
/// refused.
pub fn symbolicate(json: &[u8], binary: Vec<u8>) -> Option<Vec<u8>> {
    let mut dump = commands::symbolicate::parse(json, LIMITS).ok()?;
    let modules = Modules::of(&dump);
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
    Some(serde_json::to_vec(&dump).expect("what was read as JSON can be written"))
}

/// How many things `doctor` says of an executable.
pub fn doctor(binary: &[u8]) -> Option<usize> {
    let path = Path::new("/nonexistent/program");
    let findings = crate::doctor::examine(path, binary).ok()?;
    Some(findings.len())
}
