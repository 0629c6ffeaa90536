//! Names, files and lines for the frames of a dump from a stripped program.
//!
//! The dump's addresses and build-ids (`modules`) are looked up (`lookup`) in files with symbols
//! (`files`, found by `debug_files` if need be); a frame becomes as many as functions were inlined in it
//! (`frames`), and the failure has the fingerprint that it would have had with names (`fingerprint`).
//! All else in the dump stays as it was written (`object`).

mod debug_files;
mod files;
mod fingerprint;
mod frames;
mod lookup;
mod modules;
mod object;

use serde_json::value::RawValue;
use stackerr::symbols::Symbols;

pub(crate) use files::{Asked, Sources};
pub(crate) use modules::Modules;
pub(crate) use object::Object;

use fingerprint::Prints;
use frames::Frame;
use lookup::Lookup;

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
        let lookup = Lookup::new(symbols, frames.iter().filter_map(Frame::place).collect());
        let find = |module, address| lookup.find((module, address));
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
