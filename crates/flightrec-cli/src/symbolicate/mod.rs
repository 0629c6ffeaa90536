//! Finds names, files and lines for the frames of a dump from a stripped program.
//!
//! Each address in the dump is relative to one of its `modules`. It is looked up in the `files` with
//! symbols of that module, each of which is a `binary`. If functions were inlined at an address, one
//! frame becomes several (`frames`). The dump gets the fingerprint of the completed stacks. Everything
//! else stays as it was written.

mod binary;
mod files;
mod frames;
mod modules;

use flightrec_dump::{Dump, Kind, Module};
use serde_json::Value;

#[cfg(fuzzing)]
pub(crate) use binary::Binary;
pub(crate) use binary::{Symbols, read_binary};
pub(crate) use files::{Options, Sources};
pub(crate) use modules::{Modules, file_name};

use binary::Symbol;
use frames::JsonFrame;

/// The result for a dump.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// How many frames lacked a name or a file, and how many of these got one.
    pub(crate) lacking: usize,
    pub(crate) found: usize,
    /// How many frames of each module still have no name, and how many frames without a module.
    pub(crate) unnamed: Vec<usize>,
    pub(crate) unnamed_nowhere: usize,
}

/// The modules of a dump.
pub(crate) fn modules(dump: &Value) -> Modules {
    let list = dump.get("modules").cloned().unwrap_or_default();
    let modules: Vec<Value> = serde_json::from_value(list).unwrap_or_default();
    let modules = modules.into_iter();
    let modules = modules.filter_map(|module| serde_json::from_value::<Module>(module).ok());
    Modules::new(modules.filter(|module| !module.name.is_empty()).collect())
}

/// Completes the stacks of errors and threads in the dump, which may grow by at most `most` bytes.
///
/// # Errors
///
/// If the dump would grow by more.
pub(crate) fn complete(
    dump: &mut Value,
    modules: &Modules,
    symbols: &[Vec<Symbols<'_>>],
    most: u64,
) -> Result<Tally, String> {
    let kind = dump.pointer("/reason/kind").and_then(Value::as_str);
    let panicking = kind == Some(Kind::Panic.as_str());
    let mut tally = Tally {
        unnamed: vec![0; modules.list().len()],
        ..Tally::default()
    };
    let find = |module: usize, address| find(&symbols[module], address);
    let mut left = most;
    for path in stacks(dump) {
        let Some(Value::Array(traces)) = dump.pointer_mut(&path) else {
            continue;
        };
        for trace in traces {
            let Some(Value::Array(frames)) = trace.get_mut("frames") else {
                continue;
            };
            let old = std::mem::take(frames);
            let new = old.iter().cloned();
            let new = new.filter_map(|frame| JsonFrame::new(frame, modules));
            let done = frames::finish(new.collect(), panicking, &find, left);
            left = left
                .checked_sub(done.added)
                .ok_or("the names would make it too large; a larger --max-size allows more")?;
            tally.lacking += done.lacking;
            tally.found += done.found;
            for frame in done.frames.iter().filter(|frame| !frame.is_named()) {
                match frame.module {
                    Some(module) => tally.unnamed[module] += 1,
                    None => tally.unnamed_nowhere += 1,
                }
            }
            *frames = if done.found > 0 {
                let completed = done.frames.into_iter();
                completed.map(|frame| Value::Object(frame.json)).collect()
            } else {
                old
            };
        }
    }
    if tally.found > 0
        && let Ok(completed) = serde_json::from_value::<Dump>(dump.clone())
    {
        dump["fingerprint"] = completed.fingerprint_of().into();
    }
    Ok(tally)
}

/// The lists of stacks in the dump, as JSON pointers.
fn stacks(dump: &Value) -> Vec<String> {
    let mut stacks = ["/stack_traces", "/threads"].map(str::to_owned).to_vec();
    for key in ["also", "noted_errors"] {
        let list = dump.get(key).and_then(Value::as_array);
        let each = 0..list.map_or(0, Vec::len);
        stacks.extend(each.map(|n| format!("/{key}/{n}/stack_traces")));
    }
    stacks
}

/// The functions at an address, from the file with the most information.
fn find(symbols: &[Symbols<'_>], address: u64) -> Vec<Symbol> {
    let mut best = Vec::new();
    for symbols in symbols {
        let found = symbols.find(address);
        // A file with lines is better than one with only the names of functions.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_are_found_in_all_places_of_a_dump() {
        let dump = serde_json::json!({ "also": [{}], "noted_errors": [{}, {}] });
        assert_eq!(
            stacks(&dump),
            [
                "/stack_traces",
                "/threads",
                "/also/0/stack_traces",
                "/noted_errors/0/stack_traces",
                "/noted_errors/1/stack_traces",
            ]
        );
    }
}
