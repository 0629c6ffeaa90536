//! The platform's own way, through `backtrace`: dbghelp, dSYM and the like.

use crate::modules::Module;
use crate::symbols::Symbol;
use std::ffi::c_void;

pub(super) struct Symbols;

impl Symbols {
    pub(super) fn open() -> Self {
        Self
    }

    pub(super) fn find(&mut self, ip: usize, _: Option<&Module>, found: &mut dyn FnMut(Symbol)) {
        // `resolve` itself looks one byte before the address.
        backtrace::resolve(ip as *mut c_void, |symbol| {
            found(Symbol {
                // `{:#}` leaves out the hash of the symbol.
                name: symbol.name().map(|name| format!("{name:#}")),
                file: symbol
                    .filename()
                    .map(|path| path.to_string_lossy().into_owned()),
                line: symbol.lineno(),
                column: symbol.colno(),
            });
        });
    }
}
