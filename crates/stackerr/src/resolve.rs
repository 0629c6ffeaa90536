//! Looks up names, files and lines of return addresses with the `backtrace` crate.

use crate::foreign_text::guard;
use crate::frame::Frame;
use crate::frame_kind::FrameKind;
use crate::trim;
use forklock::{ForkMutex, LockError};
use stackwalk::Module;
use std::ffi::c_void;
use std::sync::Arc;

/// The state after earlier lookups.
struct State {
    /// The modules at the first lookup. `backtrace` lists them once per process: it finds nothing
    /// in a module that is loaded later, and wrong names in one that is loaded at the address of
    /// another.
    modules: Vec<Arc<Module>>,
    /// Whether this is the child of a fork that interrupted a lookup. `backtrace` has a lock of
    /// its own, which stays locked in such a child.
    is_interrupted: bool,
}

static STATE: ForkMutex<State> = ForkMutex::new(State {
    modules: Vec::new(),
    is_interrupted: false,
});

/// The frames of the addresses, at most `depth` of them, without the frames on top that belong to
/// the capture.
pub(crate) fn frames(addresses: &[usize], depth: usize, panicking: bool) -> Box<[Frame]> {
    let mut frames = frames_at(addresses);
    trim::trim(&mut frames, panicking);
    frames.truncate(depth);
    frames.into_boxed_slice()
}

/// The frames of any addresses of code in this process: return addresses, innermost first.
///
/// It is for stacks that this crate has not captured, such as the stack of a crashed process of the
/// same binary. No frames are left out. Names, files and lines are looked up if there is enough memory.
#[must_use]
pub fn frames_at(addresses: &[usize]) -> Vec<Frame> {
    if has_memory() {
        named(addresses)
    } else {
        Vec::from(unnamed(addresses))
    }
}

/// Like [`frames_at`], but without names, files and lines: one frame per address, with its module.
#[must_use]
pub fn unnamed_frames_at(addresses: &[usize]) -> Vec<Frame> {
    Vec::from(unnamed(addresses))
}

/// The frames of the addresses, without names. No frames are left out, because only names show which ones
/// belong to the capture.
pub(crate) fn unnamed(addresses: &[usize]) -> Box<[Frame]> {
    let modules = loaded();
    let unnamed = |&ip: &usize| frame(ip, module_at(ip, &modules), Symbol::default());
    addresses.iter().map(unnamed).collect()
}

/// Looks up names. One thread at a time can do that.
fn named(addresses: &[usize]) -> Vec<Frame> {
    let mut state = match STATE.lock() {
        Ok(state) => state,
        Err(LockError::Orphaned(mut state)) => {
            state.is_interrupted = true;
            state
        }
        // A signal handler or the program's allocator looks up names during a lookup.
        Err(_) => return Vec::from(unnamed(addresses)),
    };
    if state.is_interrupted {
        return Vec::from(unnamed(addresses));
    }
    let modules = loaded();
    if state.modules.is_empty() {
        state.modules.clone_from(&modules);
    }
    let mut frames = Vec::with_capacity(addresses.len());
    for &ip in addresses {
        let module = module_at(ip, &modules);
        let symbols = match module {
            Some(module) if !state.modules.iter().any(|known| is_same(known, module)) => Vec::new(),
            _ => symbols(ip),
        };
        if symbols.is_empty() {
            frames.push(frame(ip, module, Symbol::default()));
        }
        frames.extend(symbols.into_iter().map(|symbol| frame(ip, module, symbol)));
    }
    frames
}

fn loaded() -> Vec<Arc<Module>> {
    stackwalk::modules().into_iter().map(Arc::new).collect()
}

fn module_at(ip: usize, modules: &[Arc<Module>]) -> Option<&Arc<Module>> {
    // A return address may be the first byte after the module's code; the call is before it.
    let call = ip.saturating_sub(1);
    modules.iter().find(|module| module.contains(call))
}

fn is_same(a: &Module, b: &Module) -> bool {
    (a.base(), a.name(), a.build_id()) == (b.base(), b.name(), b.build_id())
}

/// Looking up names takes tens of megabytes, and an allocation that fails would end the program.
fn has_memory() -> bool {
    const NEEDED: usize = 64 << 20;
    Vec::<u8>::new().try_reserve_exact(NEEDED).is_ok()
}

/// A function at an address.
#[derive(Default)]
struct Symbol {
    name: Option<Box<str>>,
    file: Option<Box<str>>,
    line: Option<u32>,
    column: Option<u32>,
}

/// The functions at a return address, innermost first. There are several if some are inlined.
fn symbols(ip: usize) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    // The lookup itself subtracts 1 from the address. The unsynchronized functions of `backtrace` take
    // no lock, but can't be used: another crate of the program may use its cache at the same time.
    guard(|| {
        backtrace::resolve(ip as *mut c_void, |symbol| {
            symbols.push(Symbol {
                // `{:#}` leaves out the hash of the symbol.
                name: symbol.name().map(|name| format!("{name:#}").into()),
                file: symbol.filename().map(|path| path.to_string_lossy().into()),
                line: symbol.lineno(),
                column: symbol.colno(),
            });
        });
    });
    symbols
}

fn frame(ip: usize, module: Option<&Arc<Module>>, symbol: Symbol) -> Frame {
    let kind = match (&symbol.name, module) {
        (Some(name), _) => FrameKind::of_function(name, symbol.file.as_deref()),
        (None, Some(module)) => FrameKind::of_module(module.name()),
        (None, None) => FrameKind::App,
    };
    Frame {
        name: symbol.name,
        file: symbol.file,
        line: symbol.line,
        column: symbol.column,
        ip,
        address: module.map_or(ip, |module| ip.wrapping_sub(module.base())),
        module: module.cloned(),
        kind,
    }
}
