//! `flightrec symbolicate`

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::cli::{Common, Symbolicate};
use crate::input::{self, Limits};
use crate::look::count;
use crate::look::style::{BOLD, DIM};
use crate::look::text;
use crate::outcome::{Outcome, Result, Trouble};
use crate::output::create;
use crate::places;
use crate::symbolicate::{self, Asked, Modules, Object, Sources, Tally};

/// Binaries with their debug information are larger than dumps.
const BINARY_TO_DUMP: u64 = 4;

/// Modules that are told of.
const MAX_MODULES: usize = 20;

pub(super) fn run(args: Symbolicate, common: &Common) -> Result {
    if args.binary.is_empty() && args.debug_dir.is_empty() {
        return Err(Trouble::new(
            "say where the symbols are: --binary FILE, the unstripped binary, or --debug-dir DIR",
        ));
    }
    let path = places::resolve(Some(&args.dump))?;
    if args.in_place && input::is_stdin(&path) {
        return Err(Trouble::new("standard input can't be changed in place"));
    }
    let mut dump = read(&path, common)?;
    let modules = Modules::of(&dump);
    let sources = Sources::open(
        &Asked {
            binaries: &args.binary,
            debug_dirs: &args.debug_dir,
            force: args.force,
            max_size: common.max_size.saturating_mul(BINARY_TO_DUMP),
        },
        &modules,
    )?;
    let tally = symbolicate::complete(&mut dump, &modules, &sources.symbols()?, common.max_size)
        .map_err(|why| Trouble::at(&path, why))?;

    match &args.output {
        _ if args.in_place && tally.found == 0 => {}
        _ if args.in_place => replace(&path, &dump)
            .map_err(|error| Trouble::at(&path, format!("cannot write it: {error}")))?,
        Some(output) if !input::is_stdin(output) => create(output)
            .and_then(|file| write(file, &dump))
            .map_err(|error| Trouble::at(output, format!("cannot write it: {error}")))?,
        _ => write(io::stdout().lock(), &dump)?,
    }
    report(&mut anstream::stderr().lock(), &tally, &modules)?;
    Ok(if tally.lacking > 0 && tally.found == 0 {
        Outcome::Nothing
    } else {
        Outcome::Done
    })
}

fn read(path: &Path, common: &Common) -> Result<Object> {
    let json = input::read(path, common.limits())?;
    parse(&json, common.limits()).map_err(|why| Trouble::at(path, why))
}

/// A dump out of JSON, as it is written there; or why it is none.
pub(crate) fn parse(json: &[u8], limits: Limits) -> std::result::Result<Object, String> {
    let json = input::check(json, limits)?;
    let dump: Object = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let schema = dump.get::<String>("schema").unwrap_or_default();
    if !schema.starts_with("flightrec/") {
        return Err("it has no \"schema\": \"flightrec/…\"".to_owned());
    }
    Ok(dump)
}

fn write(to: impl Write, dump: &Object) -> io::Result<()> {
    let mut out = BufWriter::new(to);
    serde_json::to_writer(&mut out, dump)?;
    out.flush()
}

/// The whole dump or the old one, whatever happens meanwhile.
fn replace(path: &Path, dump: &Object) -> io::Result<()> {
    // Where a link leads rather than the link.
    let path = fs::canonicalize(path)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".tmp-{}", std::process::id()));
    let temporary: PathBuf = path.with_file_name(name);
    let file = create(&temporary)?;
    let written = write(&file, dump)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        // What failed is told; that a remnant stays as well is not worth a word.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn report(out: &mut dyn Write, tally: &Tally, modules: &Modules) -> io::Result<()> {
    if tally.lacking == 0 {
        return writeln!(out, "every frame has its name, file and line already");
    }
    let frames = count::of(tally.lacking, "frame");
    let found = count::grouped(tally.found as u64);
    writeln!(out, "{BOLD}completed {found} of {frames}{BOLD:#}")?;
    let left = modules.list().iter().zip(&tally.unnamed);
    let left = left.filter(|(_, unnamed)| **unnamed > 0);
    for (module, unnamed) in left.clone().take(MAX_MODULES) {
        let build_id = module.build_id.as_deref().unwrap_or("none");
        writeln!(
            out,
            "  {} of {} without a name {DIM}(build-id {}){DIM:#}",
            count::of(*unnamed, "frame"),
            text::line(module.file_name()),
            text::line(build_id)
        )?;
    }
    let more = left.count().saturating_sub(MAX_MODULES);
    if more > 0 {
        writeln!(
            out,
            "  {DIM}… and of {}{DIM:#}",
            count::of(more, "more module")
        )?;
    }
    if tally.unnamed_nowhere > 0 {
        let frames = count::of(tally.unnamed_nowhere, "frame");
        writeln!(out, "  {frames} of no module that is known")?;
    }
    Ok(())
}
