//! A program that crashes in a given way.
//!
//! If a directory is given, it has a crash-safe recorder that writes there. With and without the
//! recorder, it must end in the same way.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod busy;
mod death;

use std::ffi::{CStr, c_char};

/// How many records the program logs before the crash.
pub const RECORDS: usize = 50;

/// Crashes, or returns if `death` is "none".
///
/// # Panics
///
/// If `death` is a kind of panic, or unknown.
pub fn run(death: &str, dir: Option<&str>) {
    // SAFETY: no preconditions. The alarm ends a program that hangs.
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

/// [`run`] for a program in C. `dir` may be null.
///
/// # Safety
///
/// `death` is a C string, and so is `dir` unless it is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn deaths_run(death: *const c_char, dir: *const c_char) {
    // SAFETY: the caller's contract.
    let (death, dir) = unsafe {
        let dir = (!dir.is_null()).then(|| CStr::from_ptr(dir).to_string_lossy());
        (CStr::from_ptr(death).to_string_lossy(), dir)
    };
    run(&death, dir.as_deref());
}
