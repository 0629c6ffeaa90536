//! The platform's own way, through `backtrace`: dbghelp, dSYM and the like.

use crate::symbols::Symbol;
use stackwalk::Module;
use std::ffi::c_void;

/// The functions at each of the return addresses, the innermost first.
pub(super) fn find(_: Option<&Module>, _: bool, ips: &[usize]) -> Vec<Vec<Symbol>> {
    ips.iter().map(|&ip| at(ip)).collect()
}

fn at(ip: usize) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    // `resolve` itself looks one byte before the address.
    backtrace::resolve(ip as *mut c_void, |symbol| {
        symbols.push(Symbol {
            // `{:#}` leaves out the hash of the symbol.
            name: symbol.name().map(|name| format!("{name:#}")),
            file: symbol
                .filename()
                .map(|path| path.to_string_lossy().into_owned()),
            line: symbol.lineno(),
            column: symbol.colno(),
        });
    });
    symbols
}
