//! Writes a stream of bytes to a tail, in pieces of any length.
//!
//! The first two bytes are the bounds, the third sets the lengths of the pieces; the rest is the stream.
#![no_main]

use std::io::Write;

use flightrec_fuzz::{Meter, within};
use libfuzzer_sys::fuzz_target;
use tailwriter::TailWriter;

#[global_allocator]
static METER: Meter = Meter;

fuzz_target!(|data: &[u8]| {
    let &[lines, line_bytes, seed, ref stream @ ..] = data else {
        return;
    };
    // An empty line exists only once it is complete, and would have to be counted separately.
    let line_bytes = usize::from(line_bytes) + 1;
    let (max_lines, max_bytes) = (usize::from(lines), 16 * line_bytes + 1);
    let build = || {
        TailWriter::builder()
            .max_lines(max_lines)
            .max_bytes(max_bytes)
            .max_line_bytes(line_bytes)
            .build()
    };
    let mut whole = build();
    whole.write_all(stream).expect("writing to a tail");
    let mut pieces = build();
    let mut rest = stream;
    let mut len = 1 + usize::from(seed) % 16;
    within(16 * max_bytes + (64 << 10), || {
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(len.min(rest.len()));
            pieces.write_all(piece).expect("writing to a tail");
            rest = after;
            len = 1 + (len * 7 + usize::from(seed)) % 97;
        }
    });
    assert_eq!(pieces.to_vec(), whole.to_vec());
    assert_eq!(pieces.evicted(), whole.evicted());
    assert_eq!(pieces.len(), pieces.lines().count());
    assert!(pieces.len() <= max_lines);
    assert!(pieces.to_vec().len() <= max_bytes);
    let ends = stream.split(|byte| *byte == b'\n').count();
    let pushed = ends - usize::from(stream.is_empty() || stream.ends_with(b"\n"));
    if max_lines > 0 {
        assert_eq!(pieces.len() as u64 + pieces.evicted(), pushed as u64);
    }
});
