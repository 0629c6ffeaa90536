//! The frames of one stack, completed.

use stackerr::FrameKind;

use super::binary::Symbol;
use super::modules::Modules;
use super::object::Object;

/// What a frame without a name is called.
const UNKNOWN: &str = "<unknown>";

/// What finds the functions at an address of the n-th module.
pub(super) type Find<'a> = dyn Fn(usize, u64) -> Vec<Symbol> + 'a;

/// A frame, and what of it is looked at.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) object: Object,
    name: Option<String>,
    file: Option<String>,
    address: Option<u64>,
    module_name: Option<String>,
    pub(super) module: Option<usize>,
}

impl Frame {
    pub(super) fn of(object: Object, modules: &Modules) -> Frame {
        let address = object.get::<String>("address");
        let address = address.and_then(|text| {
            let digits = text.strip_prefix("0x")?;
            u64::from_str_radix(digits, 16).ok()
        });
        let module_name = object.get::<String>("module");
        Frame {
            name: object.get("name").filter(|name| name != UNKNOWN),
            file: object.get("file"),
            address,
            module: module_name.as_deref().and_then(|name| modules.find(name)),
            module_name,
            object,
        }
    }

    pub(super) fn is_named(&self) -> bool {
        self.name.is_some()
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn address(&self) -> Option<u64> {
        self.address
    }

    pub(super) fn module_name(&self) -> Option<&str> {
        self.module_name.as_deref()
    }

    pub(super) fn is_noise(&self) -> bool {
        self.object.get("noise").unwrap_or_default()
    }

    /// The number of its module and its address there, if both are known.
    pub(super) fn place(&self) -> Option<(usize, u64)> {
        Some((self.module?, self.address?))
    }

    /// This frame as the frame of one of the functions at its address.
    fn with(&self, symbol: &Symbol) -> serde_json::Result<Frame> {
        let file = symbol.file.as_deref();
        let kind = match (symbol.name.as_deref(), self.module_name.as_deref()) {
            (Some(name), _) => FrameKind::of_function(name, file),
            (None, Some(module)) => FrameKind::of_module(module),
            (None, None) => FrameKind::App,
        };
        let name = symbol.name.as_deref().unwrap_or(UNKNOWN);
        // The recorder's own frames are not the program's either.
        let noise = kind.is_noise() || name.starts_with("flightrec::");
        let mut object = self.object.clone();
        object.set("name", &name)?;
        object.set("file", &file)?;
        object.set("line", &symbol.line)?;
        object.set("column", &symbol.column)?;
        object.set("noise", &noise)?;
        Ok(Frame {
            name: symbol.name.clone(),
            file: symbol.file.clone(),
            address: self.address,
            module_name: self.module_name.clone(),
            module: self.module,
            object,
        })
    }

    /// The frames of the functions at its address, if more is known of them than is here.
    fn expanded(&self, find: &Find<'_>) -> serde_json::Result<Vec<Frame>> {
        let Some((module, address)) = self.place() else {
            return Ok(Vec::new());
        };
        let symbols = find(module, address);
        let has_file = symbols.iter().any(|symbol| symbol.file.is_some());
        if self.is_named() && !has_file {
            return Ok(Vec::new());
        }
        symbols.iter().map(|symbol| self.with(symbol)).collect()
    }
}

/// Which frames have all that can be known: those with a file, and those that were inlined at the
/// same address as one with a file.
fn complete(frames: &[Frame]) -> Vec<bool> {
    let place = |frame: &Frame| (frame.address, frame.module);
    let runs = frames.chunk_by(|a, b| place(a) == place(b));
    runs.flat_map(|run| {
        let complete = run.iter().any(|frame| frame.file.is_some());
        std::iter::repeat_n(complete, run.len())
    })
    .collect()
}

/// What came of the frames of a stack.
#[derive(Debug, Default)]
pub(super) struct Completed {
    pub(super) frames: Vec<Frame>,
    /// How many frames of the stack lacked something, and of how many it was found.
    pub(super) lacking: usize,
    pub(super) found: usize,
    /// About how many bytes of JSON were added.
    pub(super) added: u64,
}

/// Finds what the frames of a stack lack. A stack without names could not be trimmed where it was
/// taken; once it has some, it is.
pub(super) fn finish(
    frames: Vec<Frame>,
    panicking: bool,
    find: &Find<'_>,
    most: u64,
) -> serde_json::Result<Completed> {
    let mut done = Completed::default();
    let complete = complete(&frames);
    for (frame, complete) in frames.into_iter().zip(complete) {
        if complete || done.added > most {
            done.frames.push(frame);
            continue;
        }
        done.lacking += 1;
        let expanded = frame.expanded(find)?;
        if expanded.is_empty() {
            done.frames.push(frame);
            continue;
        }
        done.found += 1;
        done.added += expanded
            .iter()
            .map(|frame| frame.object.size())
            .sum::<u64>();
        done.frames.extend(expanded);
    }
    if done.found > 0 {
        let names = done
            .frames
            .iter()
            .map(|frame| (frame.name.as_deref(), frame.file.as_deref()));
        let top = stackerr::machinery_on_top(names, panicking);
        done.frames.drain(..top);
    }
    Ok(done)
}
