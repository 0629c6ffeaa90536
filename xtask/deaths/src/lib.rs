//! A program that dies as it is told.
//!
//! With a directory it has a recorder, which is crash-safe and writes there; without one it has
//! none. Both must die in the same way.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod busy;
mod death;

use std::ffi::{CStr, c_char};

/// How many records the program logs before it dies.
pub const RECORDS: usize = 50;

/// Dies, or returns if `death` is "none".
///
/// # Panics
///
/// As it is told, and if there is no such death.
pub fn run(death: &str, dir: Option<&str>) {
    // SAFETY: no preconditions. It ends a program that hangs.
    unsafe { libc::alarm(60) };
    let recorder = dir.map(|dir| {
        let builder = flightrec::builder("deaths").dir(dir).crash_safe(true);
        let builder = builder.console(log::LevelFilter::Off);
        builder.install().expect("the recorder is the first logger")
    });
    for number in 0..RECORDS {
        log::debug!("record {number}");
    }
    death::die(death);
    if let Some(recorder) = recorder {
        recorder.close();
    }
}

/// The same for a program in C. `dir` may be null.
///
/// # Safety
///
/// `death` is a C string, and so is `dir` unless it is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn deaths_run(death: *const c_char, dir: *const c_char) {
    // SAFETY: by the caller.
    let (death, dir) = unsafe {
        let dir = (!dir.is_null()).then(|| CStr::from_ptr(dir).to_string_lossy());
        (CStr::from_ptr(death).to_string_lossy(), dir)
    };
    run(&death, dir.as_deref());
}
