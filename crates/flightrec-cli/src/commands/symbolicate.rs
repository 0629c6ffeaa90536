//! `flightrec symbolicate`

use std::io::{self, Write};

use serde_json::Value;

use crate::cli::{Common, Symbolicate};
use crate::error::{CliError, Outcome, Result};
use crate::input::{self, is_stdin};
use crate::output;
use crate::render::style::{BOLD, DIM};
use crate::render::{count, screen, text};
use crate::symbolicate::{self, Modules, Options, Sources, Tally, file_name};

/// How much larger than a dump a binary with debug information may be.
const BINARY_TO_DUMP: u64 = 4;

/// How many modules are named.
const MAX_MODULES: usize = 20;

pub(super) fn run(args: Symbolicate, common: &Common) -> Result {
    let source = input::one(Some(&args.dump))?;
    if args.in_place && (is_stdin(&source.path) || source.number.is_some()) {
        return Err(CliError::at(
            &input::shown(&args.dump),
            "--in-place needs a file that is one dump and nothing else",
        ));
    }
    let document = input::read_document(&source, common.limits())?;
    let mut dump: Value = serde_json::from_slice(&document.json)
        .map_err(|error| CliError::at(&source.path, error))?;
    let modules = symbolicate::modules(&dump);
    let max_size = common.max_size.saturating_mul(BINARY_TO_DUMP);
    let sources = if args.binary.is_empty() && args.debug_dir.is_empty() {
        recorded(&modules, max_size)?
    } else {
        let options = Options {
            binaries: &args.binary,
            debug_dirs: &args.debug_dir,
            force: args.force,
            max_size,
        };
        Sources::open(&options, &modules)?
    };
    let symbols = sources.symbols()?;
    let tally = symbolicate::complete(&mut dump, &modules, &symbols, common.max_size)
        .map_err(|why| CliError::at(&source.path, why))?;

    let json = |out: &mut dyn Write| Ok(serde_json::to_writer(out, &dump)?);
    match &args.output {
        _ if args.in_place && tally.found == 0 => {}
        _ if args.in_place => output::replace(&source.path, json)?,
        output => output::write(output.as_deref(), json)?,
    }
    report(&mut screen::stderr(), &tally, &modules)?;
    Ok(Outcome::found(tally.lacking == 0 || tally.found > 0))
}

/// The files named in the dump, if they are of the same build.
fn recorded(modules: &Modules, max_size: u64) -> Result<Sources> {
    let sources = Sources::recorded(modules, max_size);
    if !sources.is_empty() {
        return Ok(sources);
    }
    let program = modules.list().first();
    let program = program.map(|module| {
        let id = module.build_id.as_deref().unwrap_or("none");
        format!(
            ": {} with the build-id {} is not on this machine",
            text::line(&module.name),
            text::line(id)
        )
    });
    Err(CliError::new(format!(
        "no file with symbols was found{}; give the unstripped binary of that build with --binary \
         FILE, or a directory of debug files with --debug-dir DIR",
        program.unwrap_or_default()
    )))
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
            text::line(file_name(module)),
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
        writeln!(out, "  {frames} in no known module")?;
    }
    Ok(())
}
