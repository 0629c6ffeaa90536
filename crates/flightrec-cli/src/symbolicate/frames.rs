//! Completes the frames of one stack.

use flightrec_dump::Frame;
use serde_json::{Map, Value};
use stackerr::FrameKind;

use super::binary::Symbol;
use super::modules::Modules;

/// Returns the functions at an address of the n-th module.
pub(super) type Find<'a> = dyn Fn(usize, u64) -> Vec<Symbol> + 'a;

/// A frame as JSON with all its keys, and in its parsed form.
#[derive(Debug)]
pub(super) struct JsonFrame {
    pub(super) json: Map<String, Value>,
    frame: Frame,
    /// The number of its module.
    pub(super) module: Option<usize>,
}

impl JsonFrame {
    /// `None` if it is not an object.
    pub(super) fn new(json: Value, modules: &Modules) -> Option<JsonFrame> {
        let frame: Frame = serde_json::from_value(json.clone()).ok()?;
        let Value::Object(json) = json else {
            return None;
        };
        let module = frame.module.as_deref().and_then(|name| modules.find(name));
        Some(JsonFrame {
            json,
            frame,
            module,
        })
    }

    pub(super) fn is_named(&self) -> bool {
        self.frame.is_named()
    }

    /// This frame, changed to the frame of one of the functions at its address.
    fn with(&self, symbol: Symbol) -> JsonFrame {
        let file = symbol.file.as_deref();
        let kind = match (symbol.name.as_deref(), self.frame.module.as_deref()) {
            (Some(name), _) => FrameKind::of_function(name, file),
            (None, Some(module)) => FrameKind::of_module(module),
            (None, None) => FrameKind::App,
        };
        let name = symbol.name.unwrap_or_else(|| Frame::UNKNOWN.to_owned());
        let noise = kind.is_noise() || Frame::is_of_recorder(&name);
        let mut frame = self.frame.clone();
        frame.name = name;
        frame.file = symbol.file;
        frame.line = symbol.line;
        frame.column = symbol.column;
        frame.noise = noise;
        let mut json = self.json.clone();
        json.insert("name".to_owned(), frame.name.clone().into());
        json.insert("file".to_owned(), frame.file.clone().into());
        json.insert("line".to_owned(), frame.line.into());
        json.insert("column".to_owned(), frame.column.into());
        json.insert("noise".to_owned(), noise.into());
        JsonFrame {
            json,
            frame,
            module: self.module,
        }
    }

    /// The frames of the functions at its address, if this adds information to the frame.
    fn expanded(&self, find: &Find<'_>) -> Vec<JsonFrame> {
        let place = self.module.zip(self.frame.address_value());
        let symbols = place.map(|(module, address)| find(module, address));
        let symbols = symbols.unwrap_or_default();
        let has_file = symbols.iter().any(|symbol| symbol.file.is_some());
        if self.is_named() && !has_file {
            return Vec::new();
        }
        symbols
            .into_iter()
            .map(|symbol| self.with(symbol))
            .collect()
    }

    /// The approximate size as JSON, in bytes.
    fn size(&self) -> u64 {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let frame = &self.frame;
        (frame.name.len() + text(&frame.file) + text(&frame.module) + 128) as u64
    }
}

/// Which frames are complete: those with a file, and those that were inlined at the same address
/// as one with a file.
fn complete(frames: &[JsonFrame]) -> Vec<bool> {
    let same =
        |a: &JsonFrame, b: &JsonFrame| (&a.frame.address, a.module) == (&b.frame.address, b.module);
    let runs = frames.chunk_by(same);
    runs.flat_map(|run| {
        let complete = run.iter().any(|frame| frame.frame.file.is_some());
        std::iter::repeat_n(complete, run.len())
    })
    .collect()
}

/// The frames of a completed stack.
#[derive(Debug, Default)]
pub(super) struct Completed {
    pub(super) frames: Vec<JsonFrame>,
    /// How many frames of the stack lacked a name or a file, and how many of these got one.
    pub(super) lacking: usize,
    pub(super) found: usize,
    /// The approximate size of the added JSON, in bytes.
    pub(super) added: u64,
}

/// Finds the missing names and files of a stack, up to about `most` bytes of JSON.
///
/// A stack without names could not be trimmed where it was captured. It is trimmed here, now that it
/// has names.
pub(super) fn finish(
    frames: Vec<JsonFrame>,
    panicking: bool,
    find: &Find<'_>,
    most: u64,
) -> Completed {
    let mut done = Completed::default();
    let complete = complete(&frames);
    for (frame, complete) in frames.into_iter().zip(complete) {
        if complete || done.added > most {
            done.frames.push(frame);
            continue;
        }
        done.lacking += 1;
        let expanded = frame.expanded(find);
        if expanded.is_empty() {
            done.frames.push(frame);
            continue;
        }
        done.found += 1;
        done.added += expanded.iter().map(JsonFrame::size).sum::<u64>();
        done.frames.extend(expanded);
    }
    if done.found > 0 {
        let functions = done.frames.iter().map(|frame| {
            let name = frame.is_named().then_some(frame.frame.name.as_str());
            (name, frame.frame.file.as_deref())
        });
        let top = stackerr::machinery_on_top(functions, panicking);
        done.frames.drain(..top);
    }
    done
}
