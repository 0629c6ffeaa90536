//! Reads the outline beside a ring, which another program may have written.
#![no_main]

use std::cell::LazyCell;
use std::io;
use std::path::PathBuf;

use flightrec::{Dump, FlightRecorder};
use flightrec_fuzz::Place;
use libfuzzer_sys::fuzz_target;

struct Setting {
    place: Place,
    ring: PathBuf,
    recorder: FlightRecorder,
}

thread_local! {
    static SETTING: LazyCell<Setting> = LazyCell::new(|| {
        let place = Place::new();
        let ring = place.path("x.ring");
        let tail = tailwriter::fuzzing::small_tail(&ring).expect("a ring");
        let record = log::Record::builder()
            .args(format_args!("password=hunter2"))
            .build();
        packlog::pack(&record, |bytes| tail.push(bytes));
        let recorder = flightrec::builder("unknown").dump_to(io::sink()).build().0;
        Setting { place, ring, recorder }
    });
}

fuzz_target!(|data: &[u8]| {
    SETTING.with(|setting| {
        let Setting {
            place,
            ring,
            recorder,
        } = &**setting;
        place.write("x.outline", data);
        let dump = recorder.recover(ring).expect("the ring is intact");
        assert_eq!(dump.reason.kind, "crash");
        let message = &dump.latest_logs.first().expect("there is a record").msg;
        assert_eq!(message, "password=[redacted]");
        let mut json = Vec::new();
        dump.write_to(&mut json).expect("writing to a vector");
        assert_eq!(Dump::from_json(&json).expect("it is a dump"), dump);
    });
});
