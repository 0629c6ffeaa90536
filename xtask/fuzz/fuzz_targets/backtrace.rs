//! The text of a backtrace that another crate took.
#![no_main]

use flightrec_fuzz::{Meter, within};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static METER: Meter = Meter;

/// A frame takes some 150 bytes of memory and four of text at least.
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
