//! A library with Go's runtime.

use std::ffi::{CString, c_int};
use std::mem::transmute;

use super::Peer;

pub(crate) struct Go {
    work: extern "C" fn() -> c_int,
    call: extern "C" fn(extern "C" fn()),
    end: extern "C" fn(),
}

impl Go {
    /// Loads the library named by `HANDLERS_GO`.
    pub(crate) fn install() -> Go {
        let path = std::env::var("HANDLERS_GO").expect("HANDLERS_GO names the library");
        let path = CString::new(path).expect("a path");
        // SAFETY: the library's constructor starts Go's runtime. The functions have these types.
        unsafe {
            let library = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
            assert!(!library.is_null(), "the library cannot be loaded");
            let symbol = |name: &std::ffi::CStr| {
                let symbol = libc::dlsym(library, name.as_ptr());
                assert!(!symbol.is_null(), "{name:?} is missing");
                symbol
            };
            Go {
                work: transmute::<*mut libc::c_void, extern "C" fn() -> c_int>(symbol(
                    c"peer_work",
                )),
                call: transmute::<*mut libc::c_void, extern "C" fn(extern "C" fn())>(symbol(
                    c"peer_call",
                )),
                end: transmute::<*mut libc::c_void, extern "C" fn()>(symbol(c"peer_end")),
            }
        }
    }
}

impl Peer for Go {
    fn work(&self) -> String {
        format!("{} panics recovered", (self.work)())
    }

    fn call(&self, function: extern "C" fn()) {
        (self.call)(function);
    }

    fn end(&self) {
        (self.end)();
    }
}
