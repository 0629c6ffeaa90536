//! Names, files and lines for addresses.

#[cfg(target_os = "linux")]
mod elf;
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod mapped;
#[cfg(not(target_os = "linux"))]
mod system;

#[cfg(target_os = "linux")]
use elf::find;
#[cfg(not(target_os = "linux"))]
use system::find;

use crate::frame::Frame;
use crate::stack::Origin;
use crate::symbols::Symbol;
use crate::trim;
use stackwalk::Module;
use std::sync::Arc;

/// The frames of the addresses, trimmed at the top and at most `depth` of them.
pub(crate) fn frames(addresses: &[usize], depth: usize, origin: Origin) -> Box<[Frame]> {
    let modules = loaded();
    let places: Vec<_> = addresses.iter().map(|&ip| place(ip, &modules)).collect();
    let symbols = symbols(addresses, &places, &modules);
    let mut frames = Vec::with_capacity(addresses.len());
    for ((&ip, place), symbols) in addresses.iter().zip(places).zip(symbols) {
        let module = place.map(|place| &modules[place]);
        if symbols.is_empty() {
            frames.push(frame(ip, module, None));
        }
        for symbol in symbols {
            frames.push(frame(ip, module, Some(symbol)));
        }
    }
    trim::trim(&mut frames, origin);
    frames.truncate(depth);
    frames.into_boxed_slice()
}

/// The frames of the addresses, without a name; none is trimmed, since that takes names.
pub(crate) fn unnamed(addresses: &[usize]) -> Box<[Frame]> {
    let modules = loaded();
    let unnamed = |&ip: &usize| frame(ip, place(ip, &modules).map(|place| &modules[place]), None);
    addresses.iter().map(unnamed).collect()
}

fn loaded() -> Vec<Arc<Module>> {
    stackwalk::modules().into_iter().map(Arc::new).collect()
}

/// The place of the module that an address is in.
fn place(ip: usize, modules: &[Arc<Module>]) -> Option<usize> {
    // A return address may be the first byte after the module's code; the call is one before.
    let call = ip.saturating_sub(1);
    modules.iter().position(|module| module.contains(call))
}

/// The functions at each of the addresses, each of which is in the module at its place: those of
/// one module are looked up together.
fn symbols(
    addresses: &[usize],
    places: &[Option<usize>],
    modules: &[Arc<Module>],
) -> Vec<Vec<Symbol>> {
    let mut symbols = Vec::new();
    symbols.resize_with(addresses.len(), Vec::new);
    for module in (0..modules.len()).map(Some).chain([None]) {
        let mut here = Vec::new();
        for (&ip, &place) in addresses.iter().zip(places) {
            if place == module {
                here.push(ip);
            }
        }
        if here.is_empty() {
            continue;
        }
        let slots = symbols.iter_mut().zip(places);
        let slots = slots.filter(|&(_, &place)| place == module);
        let found = find(
            module.map(|module| &*modules[module]),
            module == Some(0),
            &here,
        );
        for ((slot, _), found) in slots.zip(found) {
            *slot = found;
        }
    }
    symbols
}

fn frame(ip: usize, module: Option<&Arc<Module>>, symbol: Option<Symbol>) -> Frame {
    let symbol = symbol.unwrap_or_default();
    Frame {
        kind: symbol.kind(module.map(|module| module.name())),
        name: symbol.name.map(String::into_boxed_str),
        file: symbol.file.map(String::into_boxed_str),
        line: symbol.line,
        column: symbol.column,
        ip,
        address: module.map_or(ip, |module| ip.wrapping_sub(module.base())),
        module: module.cloned(),
    }
}
