//! The JSON of a dump: whatever is read is written, and read again as the same.
#![no_main]

use flightrec::Dump;
use flightrec_fuzz::{Meter, within};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static METER: Meter = Meter;

/// A record without a key takes some 300 bytes of memory and three of JSON.
const BYTES_A_BYTE: usize = 256;

fuzz_target!(|data: &[u8]| {
    let most = data.len() * BYTES_A_BYTE + (16 << 10);
    let Ok(dump) = within(most, || Dump::from_json(data)) else {
        return;
    };
    let json = write(&dump);
    let again = Dump::from_json(&json).expect("what was written is a dump");
    assert_eq!(again, dump);
    assert_eq!(write(&again), json);
});

fn write(dump: &Dump) -> Vec<u8> {
    let mut json = Vec::new();
    dump.write_to(&mut json).expect("a vector takes all");
    json
}
