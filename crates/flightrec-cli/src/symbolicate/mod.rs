//! Names, files and lines for the frames of a dump from a stripped program.
//!
//! The addresses of the dump's `modules` are looked up in the `files` that have their symbols,
//! each a `binary`. A frame becomes as many frames as functions were inlined in it (`frames`), and
//! the dump gets the `fingerprint` of the completed stacks. All else stays as it was written
//! (`object`).

mod binary;
mod files;
mod fingerprint;
mod frames;
mod modules;
mod object;

use serde_json::value::RawValue;

#[cfg(fuzzing)]
pub(crate) use binary::Binary;
pub(crate) use binary::Symbols;
pub(crate) use files::{Asked, Sources};
pub(crate) use modules::Modules;
pub(crate) use object::Object;

use binary::Symbol;
use fingerprint::Prints;
use frames::Frame;

/// What came of a dump.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// How many frames lacked a name or a file, and of how many some was found.
    pub(crate) lacking: usize,
    pub(crate) found: usize,
    /// How many frames of each module, and of none, still have no name.
    pub(crate) unnamed: Vec<usize>,
    pub(crate) unnamed_nowhere: usize,
}

/// Completes the stacks of the dump, which may grow by at most `most` bytes.
///
/// # Errors
///
/// If it would grow by more.
pub(crate) fn complete(
    dump: &mut Object,
    modules: &Modules,
    symbols: &[Vec<Symbols<'_>>],
    most: u64,
) -> Result<Tally, String> {
    let json = |error: serde_json::Error| error.to_string();
    let reason = dump.get::<Object>("reason").unwrap_or_default();
    let panicking = reason.get::<String>("kind").as_deref() == Some("panic");
    let mut tally = Tally {
        unnamed: vec![0; modules.list().len()],
        ..Tally::default()
    };
    let mut left = most;
    let mut prints = Prints::new(modules);
    // What is no stack stays as it is.
    let mut traces: Vec<Box<RawValue>> = dump.get("stack_traces").unwrap_or_default();
    for raw in &mut traces {
        let Ok(mut trace) = serde_json::from_str::<Object>(raw.get()) else {
            prints.give_up();
            continue;
        };
        let Some(objects) = trace.get::<Vec<Object>>("frames") else {
            prints.give_up();
            continue;
        };
        let frames = objects.into_iter();
        let frames: Vec<Frame> = frames.map(|object| Frame::of(object, modules)).collect();
        let find = |module: usize, address| find(&symbols[module], address);
        let done = frames::finish(frames, panicking, &find, left).map_err(json)?;
        left = left
            .checked_sub(done.added)
            .ok_or("the names would make it too large; --max-size allows more")?;
        tally.lacking += done.lacking;
        tally.found += done.found;
        for frame in done.frames.iter().filter(|frame| !frame.is_named()) {
            match frame.module {
                Some(module) => tally.unnamed[module] += 1,
                None => tally.unnamed_nowhere += 1,
            }
        }
        prints.add(&trace, &done.frames);
        if done.found > 0 {
            let objects: Vec<&Object> = done.frames.iter().map(|frame| &frame.object).collect();
            trace.set("frames", &objects).map_err(json)?;
            *raw = serde_json::value::to_raw_value(&trace).map_err(json)?;
        }
    }
    if tally.found > 0 {
        dump.set("stack_traces", &traces).map_err(json)?;
        if let Some(print) = prints.finish() {
            dump.set("fingerprint", &print).map_err(json)?;
        }
    }
    Ok(tally)
}

/// The functions at an address, as the file that knows most has them.
fn find(symbols: &[Symbols<'_>], address: u64) -> Vec<Symbol> {
    let mut best = Vec::new();
    for symbols in symbols {
        let found = symbols.find(address);
        // A file with lines is better than one with functions' names only.
        if worth(&found) >= worth(&best) {
            best = found;
        }
    }
    best
}

fn worth(found: &[Symbol]) -> (usize, usize) {
    let lines = found.iter().filter(|symbol| symbol.file.is_some());
    (lines.count(), found.len())
}
