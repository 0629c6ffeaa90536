//! Reads the file of a mapped tail, and makes a dump of it.
//!
//! The first byte says whether checksums are verified; the rest is the file.
#![no_main]

use std::cell::LazyCell;
use std::io;

use flightrec::FlightRecorder;
use flightrec_fuzz::{Meter, Place, within};
use libfuzzer_sys::{Corpus, fuzz_target};
use tailwriter::{Recovered, fuzzing};

#[global_allocator]
static METER: Meter = Meter;

thread_local! {
    static PLACE: LazyCell<Place> = LazyCell::new(Place::new);
    static RECORDER: LazyCell<FlightRecorder> =
        LazyCell::new(|| flightrec::builder("unknown").dump_to(io::sink()).build().0);
}

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((choice, file)) = data.split_first() else {
        return Corpus::Reject;
    };
    fuzzing::ignore_checksums(choice & 1 != 0);
    let path = PLACE.with(|place| place.write("x.ring", file));
    // The documented bound, plus room for paths and a message.
    let most = 2 * file.len() + (16 << 10);
    let recovered = match within(most, || Recovered::read(&path)) {
        Ok(recovered) => recovered,
        Err(error) => {
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
            return Corpus::Keep;
        }
    };
    let snapshot = recovered.snapshot();
    let mut bytes = 0;
    for (entry, line) in snapshot.entries().zip(snapshot.lines()) {
        assert_eq!(entry.line(), line);
        let _ = (entry.seq(), entry.time());
        bytes += line.len();
    }
    assert!(bytes <= file.len());
    let _ = format!("{recovered:?} {:?}", recovered.elapsed());

    let dump = RECORDER.with(|recorder| recorder.recover(&path));
    let dump = dump.expect("the file could be read before");
    assert_eq!(dump.latest_logs.len(), snapshot.len());
    let mut json = Vec::new();
    dump.write_to(&mut json).expect("writing to a vector");
    flightrec::Dump::from_json(&json).expect("a written dump can be read");
    Corpus::Keep
});
