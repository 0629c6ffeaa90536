//! Exceptions (errors), threads, stacks, and the modules of their addresses.

use std::collections::HashMap;

use flightrec_dump::{Dump, ErrorNode, Frame, Kind, StackOrigin, Thread, Trace};
use serde_json::{Value as Json, json};

use super::limits;
use crate::export::{object, text};
use crate::paths::Paths;
use crate::render::text as render;
use crate::show;

/// Addresses in a dump are relative to their module. Services need absolute ones, so each module gets a
/// made-up base address, which is a multiple of this.
const MODULE_SPACE: u64 = 1 << 40;

/// The stacks of a dump in the form of an event.
pub(super) struct Stacks<'a> {
    dump: &'a Dump,
    paths: Paths,
    /// The made-up base address of each module.
    bases: HashMap<&'a str, u64>,
}

impl<'a> Stacks<'a> {
    pub(super) fn of(dump: &'a Dump) -> Stacks<'a> {
        let names = dump.modules.iter().map(|module| module.name.as_str());
        // This many base addresses fit into 64 bits.
        let bases = (1..1 << 20).map(|n| n * MODULE_SPACE);
        Stacks {
            dump,
            paths: Paths::of(dump),
            bases: names.zip(bases).collect(),
        }
    }

    /// One exception for each error of the tree and for each stack of another error, causes first.
    pub(super) fn exceptions(&self) -> Vec<Json> {
        let dump = self.dump;
        let mut errors = Vec::new();
        let whole;
        let root = match &dump.error {
            Some(error) => error,
            None => {
                whole = ErrorNode::new(show::message(dump), None);
                &whole
            }
        };
        flatten(root, None, &mut errors);
        let mut traces: Vec<Option<&Trace>> = vec![None; errors.len()];
        let mut others = Vec::new();
        for trace in &dump.stack_traces {
            // Causes come last here, and are tried first: several errors of a chain may have the same
            // message.
            let is_same = |at: usize| first_line(&errors[at].0.message) == first_line(&trace.error);
            let fits = |at: &usize| traces[*at].is_none() && is_same(*at);
            match (0..errors.len()).rev().find(fits) {
                Some(at) => traces[at] = Some(trace),
                // The dump of a panic, a crash or a record has a stack but no error tree.
                None if errors.len() == 1 && traces[0].is_none() => traces[0] = Some(trace),
                None => others.push(trace),
            }
        }
        let mut values = Vec::new();
        for (n, trace) in others.iter().take(limits::EXCEPTIONS).enumerate() {
            let id = errors.len() + n;
            values.push(self.exception(&trace.error, Some(trace), id, Some(0), false));
        }
        values.reverse();
        for (id, (error, parent)) in errors.iter().enumerate().rev() {
            let is_join = error.sources.len() > 1;
            values.push(self.exception(&error.message, traces[id], id, *parent, is_join));
        }
        values
    }

    fn exception(
        &self,
        message: &str,
        trace: Option<&Trace>,
        id: usize,
        parent: Option<usize>,
        is_join: bool,
    ) -> Json {
        let crash = self.dump.crash.as_ref();
        let signal = crash.and_then(|crash| crash.signal_name.clone());
        let kind = match (&self.dump.reason.kind, &signal) {
            (Kind::Panic, _) => "panic",
            (Kind::Crash, Some(signal)) => signal,
            (Kind::Crash, None) => "crash",
            (Kind::Error, _) => "Error",
            (other, _) => other.as_str(),
        };
        let known = trace.and_then(|trace| trace.error_type.as_deref());
        let meta = crash.and_then(|crash| {
            let number = crash.signal?;
            let signal = object([
                ("number", number.into()),
                ("name", signal.clone().into()),
                ("code", crash.code.into()),
            ]);
            Some(json!({ "signal": signal }))
        });
        let handled = !matches!(self.dump.reason.kind, Kind::Panic | Kind::Crash);
        let origin = trace.map(|trace| trace.origin.as_str());
        let mechanism = object([
            (
                "type",
                if parent.is_some() {
                    "chained"
                } else {
                    "generic"
                }
                .into(),
            ),
            ("handled", handled.into()),
            ("exception_id", id.into()),
            ("parent_id", parent.into()),
            ("is_exception_group", is_join.then_some(true).into()),
            (
                "data",
                origin.map_or(Json::Null, |origin| json!({"stack_origin": origin})),
            ),
            ("meta", meta.unwrap_or_default()),
        ]);
        let frames = trace
            .map(|trace| self.stack(&trace.frames))
            .unwrap_or_default();
        object([
            ("type", known.unwrap_or(kind).into()),
            ("value", message.into()),
            ("thread_id", self.thread_of(trace)),
            ("mechanism", mechanism),
            ("stacktrace", frames),
        ])
    }

    /// The thread that failed, if its number is known.
    fn failed_thread(&self) -> Option<&'a Thread> {
        let threads = &self.dump.threads;
        let crashed = threads.iter().find(|thread| thread.crashed);
        let name = self.dump.process.thread.as_str();
        let named = || {
            threads
                .iter()
                .find(|thread| thread.name.as_deref() == Some(name))
        };
        crashed.or_else(named)
    }

    fn thread_of(&self, trace: Option<&Trace>) -> Json {
        let is_elsewhere = trace.is_some_and(|trace| {
            // Another thread may have created the error.
            matches!(trace.origin, StackOrigin::Creation | StackOrigin::Foreign)
        });
        let thread = self.failed_thread().filter(|_| !is_elsewhere);
        thread.map(|thread| thread.id).into()
    }

    pub(super) fn threads(&self) -> Json {
        let failed = self.failed_thread().map(|thread| thread.id);
        let threads = self.dump.threads.iter().take(limits::THREADS);
        let values: Vec<Json> = threads
            .map(|thread| {
                object([
                    ("id", thread.id.into()),
                    ("name", thread.name.as_deref().into()),
                    ("state", thread.state.as_deref().into()),
                    ("crashed", thread.crashed.into()),
                    ("current", (Some(thread.id) == failed).into()),
                    ("stacktrace", self.stack(&thread.frames)),
                ])
            })
            .collect();
        if values.is_empty() {
            return Json::Null;
        }
        json!({ "values": values })
    }

    /// Frames, the outermost first; null if there are none.
    fn stack(&self, frames: &[Frame]) -> Json {
        let frames: Vec<Json> = frames.iter().rev().map(|frame| self.frame(frame)).collect();
        if frames.is_empty() {
            return Json::Null;
        }
        json!({ "frames": frames })
    }

    fn frame(&self, frame: &Frame) -> Json {
        let module = frame.module.as_deref();
        let base = module.and_then(|module| self.bases.get(module));
        let address = frame.address_value().zip(base);
        // A forged address could be in the next module.
        let address = address.filter(|(address, _)| *address < MODULE_SPACE);
        let file = frame.file.as_deref();
        let name = frame.is_named().then(|| render::without_hash(&frame.name));
        object([
            ("function", name.into()),
            ("filename", file.map(|file| self.paths.short(file)).into()),
            ("abs_path", file.into()),
            ("lineno", frame.line.into()),
            ("colno", frame.column.into()),
            ("package", module.into()),
            (
                "instruction_addr",
                address
                    .map(|(address, base)| format!("{:#x}", base + address))
                    .into(),
            ),
            ("in_app", (!frame.noise).into()),
        ])
    }

    /// The modules with a build-id.
    pub(super) fn images(&self) -> Json {
        let kind = match self.dump.host.os.as_str() {
            "macos" | "ios" => "macho",
            "windows" => "pe",
            _ => "elf",
        };
        let modules = self.dump.modules.iter();
        let images: Vec<Json> = modules
            .filter_map(|module| {
                let id = module.build_id.as_deref()?;
                let base = self.bases.get(module.name.as_str())?;
                let code_id = (kind == "elf").then_some(id);
                Some(object([
                    ("type", kind.into()),
                    ("code_id", code_id.into()),
                    ("debug_id", debug_id(id, kind == "elf")?.into()),
                    ("code_file", text(&module.name)),
                    ("image_addr", format!("{base:#x}").into()),
                ]))
            })
            .collect();
        if images.is_empty() {
            return Json::Null;
        }
        json!({ "images": images })
    }
}

fn first_line(text: &str) -> Option<&str> {
    text.trim().lines().next()
}

/// The errors of a tree. Each comes after the error that it caused, with the index of that error.
fn flatten<'a>(
    error: &'a ErrorNode,
    parent: Option<usize>,
    errors: &mut Vec<(&'a ErrorNode, Option<usize>)>,
) {
    if errors.len() >= limits::EXCEPTIONS {
        return;
    }
    let id = errors.len();
    errors.push((error, parent));
    for source in &error.sources {
        flatten(source, Some(id), errors);
    }
}

/// The first 16 bytes of a build-id as a UUID. For ELF, the first three fields are little-endian numbers.
fn debug_id(build_id: &str, is_elf: bool) -> Option<String> {
    let digits: String = build_id.chars().filter(|char| *char != '-').collect();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut digits = format!("{digits:0<32}").to_ascii_lowercase();
    digits.truncate(32);
    let swapped = |from: usize, to: usize| {
        let bytes = digits.as_bytes()[from..to].chunks(2);
        let bytes = bytes.map(|pair| String::from_utf8_lossy(pair).into_owned());
        let bytes: Vec<String> = if is_elf {
            bytes.rev().collect()
        } else {
            bytes.collect()
        };
        bytes.concat()
    };
    Some(format!(
        "{}-{}-{}-{}-{}",
        swapped(0, 8),
        swapped(8, 12),
        swapped(12, 16),
        &digits[16..20],
        &digits[20..]
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_id_becomes_a_debug_id() {
        let id = "93ac61ec5a8eb1396f9fbd350e3169a558528a40";
        assert_eq!(
            debug_id(id, true).unwrap(),
            "ec61ac93-8e5a-39b1-6f9f-bd350e3169a5"
        );
        assert_eq!(
            debug_id("ab", true).unwrap(),
            "000000ab-0000-0000-0000-000000000000"
        );
        assert_eq!(
            debug_id("C8374B6D-6E96-34D8-AE38-EFAA5FEC424F", false).unwrap(),
            "c8374b6d-6e96-34d8-ae38-efaa5fec424f"
        );
        assert_eq!(debug_id("no hex", true), None);
    }
}
