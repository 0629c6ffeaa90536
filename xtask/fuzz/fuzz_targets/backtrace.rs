//! Reads the text of another crate's backtrace.
#![no_main]

use flightrec_fuzz::{Meter, within};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static METER: Meter = Meter;

/// A frame needs about 150 bytes of memory, and has at least four bytes of text.
const BYTES_A_BYTE: usize = 128;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let most = BYTES_A_BYTE * text.len() + (16 << 10);
    let frames = within(most, || stackerr::fuzzing::frames_of_text(text));
    assert!(frames.len() <= text.lines().count());
    for frame in frames {
        assert!(!frame.name().contains('\n'));
        let _ = (frame.file(), frame.line(), frame.column(), frame.kind());
    }
});
