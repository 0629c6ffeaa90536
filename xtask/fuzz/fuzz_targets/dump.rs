//! Reads the JSON of a dump. If it can be read, writing and reading it again gives the same dump.
#![no_main]

use flightrec::Dump;
use flightrec_fuzz::{Meter, within};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static METER: Meter = Meter;

/// A record without a key needs about 300 bytes of memory, and has three bytes of JSON.
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
    dump.write_to(&mut json).expect("writing to a vector");
    json
}
