//! Names, files and lines for addresses, by way of `backtrace`.

use crate::frame::Frame;
use crate::modules::{self, Module};
use crate::noise::FrameKind;
use crate::stack::Origin;
use crate::trim;
use std::ffi::c_void;

/// The frames of the addresses, trimmed at the top and at most `depth` of them.
pub(crate) fn frames(addresses: &[usize], depth: usize, origin: Origin) -> Box<[Frame]> {
    let modules = modules::modules();
    let mut frames = Vec::with_capacity(addresses.len());
    for &ip in addresses {
        resolve(ip, &modules, &mut frames);
    }
    frames.drain(..trim::machinery(&frames, origin));
    frames.truncate(depth);
    frames.into_boxed_slice()
}

fn resolve(ip: usize, modules: &[Module], frames: &mut Vec<Frame>) {
    // A return address may be the first byte after the module's code; the call is one before.
    let module = modules
        .iter()
        .find(|module| module.contains(ip.saturating_sub(1)));
    let blank = Frame {
        name: None,
        file: None,
        line: None,
        column: None,
        ip,
        address: module.map_or(ip, |module| ip.wrapping_sub(module.base())),
        module: module.map(Module::shared_name),
        build_id: module.and_then(Module::shared_build_id),
        kind: FrameKind::App,
    };
    let before = frames.len();
    // `resolve` itself looks one byte before the address.
    backtrace::resolve(ip as *mut c_void, |symbol| {
        // `{:#}` leaves out the hash of the symbol.
        let name = symbol
            .name()
            .map(|name| format!("{name:#}").into_boxed_str());
        let file = symbol
            .filename()
            .map(|path| path.to_string_lossy().into_owned().into_boxed_str());
        let kind = name.as_deref().map_or(FrameKind::App, |name| {
            FrameKind::of_function(name, file.as_deref())
        });
        frames.push(Frame {
            kind,
            name,
            file,
            line: symbol.lineno(),
            column: symbol.colno(),
            ..blank.clone()
        });
    });
    if frames.len() == before {
        frames.push(blank);
    }
}
