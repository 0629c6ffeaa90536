//! Names, files and lines for addresses.

#[cfg(target_os = "linux")]
mod elf;
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod mapped;
#[cfg(not(target_os = "linux"))]
mod system;

#[cfg(target_os = "linux")]
use elf::Symbols;
#[cfg(not(target_os = "linux"))]
use system::Symbols;

use crate::frame::Frame;
use crate::modules::{self, Module};
use crate::stack::Origin;
use crate::symbols::Symbol;
use crate::trim;

/// The frames of the addresses, trimmed at the top and at most `depth` of them.
pub(crate) fn frames(addresses: &[usize], depth: usize, origin: Origin) -> Box<[Frame]> {
    let modules = modules::modules();
    let mut symbols = Symbols::open();
    let mut frames = Vec::with_capacity(addresses.len());
    for &ip in addresses {
        let module = module_of(ip, &modules);
        let before = frames.len();
        symbols.find(ip, module, &mut |symbol| {
            frames.push(frame(ip, module, Some(symbol)));
        });
        if frames.len() == before {
            frames.push(frame(ip, module, None));
        }
    }
    trim::trim(&mut frames, origin);
    frames.truncate(depth);
    frames.into_boxed_slice()
}

/// The frames of the addresses, without a name; none is trimmed, since that takes names.
pub(crate) fn unnamed(addresses: &[usize]) -> Box<[Frame]> {
    let modules = modules::modules();
    addresses
        .iter()
        .map(|&ip| frame(ip, module_of(ip, &modules), None))
        .collect()
}

fn module_of(ip: usize, modules: &[Module]) -> Option<&Module> {
    // A return address may be the first byte after the module's code; the call is one before.
    let call = ip.saturating_sub(1);
    modules.iter().find(|module| module.contains(call))
}

fn frame(ip: usize, module: Option<&Module>, symbol: Option<Symbol>) -> Frame {
    let symbol = symbol.unwrap_or_default();
    Frame {
        kind: symbol.kind(module.map(Module::name)),
        name: symbol.name.map(String::into_boxed_str),
        file: symbol.file.map(String::into_boxed_str),
        line: symbol.line,
        column: symbol.column,
        ip,
        address: module.map_or(ip, |module| ip.wrapping_sub(module.base())),
        module: module.map(Module::shared_name),
        build_id: module.and_then(Module::shared_build_id),
    }
}
