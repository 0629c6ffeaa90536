//! The first context of a program is entered after the first records.

use std::sync::Barrier;

use log::{Level, LevelFilter, Log, Record};
use logtee::testing::Memory;
use logtee::{Context, Tee};

/// The only test in its file, because no other test of the process may enter a context.
#[test]
fn a_context_is_joined_to_records_after_others_had_none() {
    let memory = Memory::new();
    let tee = Tee::builder()
        .sink(LevelFilter::Info, logtee::from_fn(|_| Ok(())))
        .sink(LevelFilter::Debug, memory.clone())
        .build();
    let log = |level, text| {
        let mut record = Record::builder();
        tee.log(&record.level(level).args(format_args!("{text}")).build());
    };
    // From here on it is cached that only one sink wants DEBUG.
    for _ in 0..3 {
        log(Level::Debug, "without");
        log(Level::Info, "without");
    }
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (start, log) = (&start, &log);
            scope.spawn(move || {
                start.wait();
                let _entered = Context::new().with("thread", thread).enter();
                log(Level::Debug, "with");
            });
        }
    });
    log(Level::Debug, "without");
    let records = memory.records();
    assert_eq!(records.len(), 11);
    for record in records {
        let has_field = !record.fields.is_empty();
        assert_eq!(has_field, record.message == "with", "{record:?}");
    }
}
