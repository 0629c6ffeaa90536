//! Properties of every composition, at any depth.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use log::{Level, LevelFilter, Log, Metadata, Record};
use logtee::predicate::has_key;
use logtee::testing::{Bytes, Memory};
use logtee::{Logfmt, Middleware, OwnedValue, Sink, Tee};

/// `log`'s macros check the global level, even if they are given a logger.
fn builder() -> logtee::TeeBuilder {
    log::set_max_level(LevelFilter::Trace);
    Tee::builder()
}

fn metadata(level: Level) -> Metadata<'static> {
    Metadata::builder().level(level).target("app").build()
}

fn to_memory(level: LevelFilter, memory: &Memory) -> logtee::Fanout {
    logtee::fanout().sink(level, memory.clone()).build_sink()
}

/// Nests `inner` in one composition of each kind.
fn nested(inner: impl Sink + 'static) -> impl Sink {
    let pool = logtee::pool().sink(inner).build();
    let failover = logtee::failover().sink(pool).build();
    let recover = logtee::recover(|_, _| {}).sink(failover);
    let pipe = logtee::pipe(|record: &Record<'_>, next: &dyn Sink| next.emit(record)).to(recover);
    let first = logtee::first_match()
        .route(LevelFilter::Trace, pipe)
        .build();
    let router = logtee::router().otherwise(first).build();
    logtee::fanout()
        .sink(LevelFilter::Trace, router)
        .build_sink()
}

#[test]
fn levels_are_known_through_every_nesting() {
    for level in LevelFilter::iter() {
        let memory = Memory::new();
        let tee = builder()
            .sink(LevelFilter::Trace, nested(to_memory(level, &memory)))
            .build();
        assert_eq!(tee.max_level(), level);
        for asked in Level::iter() {
            assert_eq!(Tee::enabled(&tee, &metadata(asked)), asked <= level);
            tee.log(&Record::builder().level(asked).build());
        }
        assert_eq!(
            memory.records().len(),
            Level::iter().filter(|l| *l <= level).count()
        );
    }
}

#[test]
fn a_tee_whose_sinks_want_nothing_is_off() {
    assert_eq!(builder().build().max_level(), LevelFilter::Off);
    assert_eq!(
        logtee::Sink::max_level(&logtee::pool().build()),
        LevelFilter::Off
    );
    logtee::pool()
        .build()
        .emit(&Record::builder().build())
        .unwrap();
    logtee::router()
        .build()
        .emit(&Record::builder().build())
        .unwrap();
    logtee::failover()
        .build()
        .emit(&Record::builder().build())
        .unwrap();
}

#[test]
fn the_original_record_arrives_through_every_nesting() {
    struct Look(Arc<AtomicUsize>);
    impl Sink for Look {
        fn emit(&self, record: &Record<'_>) -> io::Result<()> {
            assert_eq!(record.level(), Level::Debug);
            assert_eq!(record.target(), "the target");
            assert_eq!(record.module_path_static(), Some("a::module"));
            assert_eq!(record.file_static(), Some("a/file.rs"));
            assert_eq!(record.line(), Some(7));
            assert_eq!(record.args().to_string(), "a 1");
            let value = record.key_values().get("key".into()).unwrap();
            assert_eq!(value.to_i64(), Some(5));
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }
    let seen = Arc::new(AtomicUsize::new(0));
    let tee = builder()
        .sink(LevelFilter::Trace, nested(Look(seen.clone())))
        .build();
    tee.log(
        &Record::builder()
            .level(Level::Debug)
            .target("the target")
            .module_path_static(Some("a::module"))
            .file_static(Some("a/file.rs"))
            .line(Some(7))
            .args(format_args!("a {}", 1))
            .key_values(&[("key", 5)])
            .build(),
    );
    assert_eq!(tee.failures(), 0);
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}

#[test]
fn sinks_that_fail_or_panic_do_not_affect_others() {
    let [before, after] = [Memory::new(), Memory::new()];
    let tee = builder()
        .sink(LevelFilter::Info, before.clone())
        .sink(
            LevelFilter::Info,
            logtee::from_fn(|_| Err(io::Error::other("full"))),
        )
        .sink(
            LevelFilter::Info,
            logtee::from_fn(|_| panic!("a sink of the test's panics")),
        )
        .sink(
            logtee::filter_fn(|_| panic!("a filter of the test's panics")),
            Memory::new(),
        )
        .sink(LevelFilter::Info, after.clone())
        .build();
    log::info!(logger: tee, "one");
    log::info!(logger: tee, "two");
    assert_eq!(before.messages(), ["one", "two"]);
    assert_eq!(after.messages(), ["one", "two"]);
    assert_eq!(tee.failures(), 6);
    assert_eq!(tee.failures_by_sink(), [0, 2, 2, 2, 0]);
}

#[test]
fn a_payload_whose_destructor_panics_is_survived() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("the destructor of the test's payload panics");
        }
    }
    let tee = builder()
        .sink(
            LevelFilter::Info,
            logtee::from_fn(|_| std::panic::panic_any(Bomb)),
        )
        .build();
    log::info!(logger: tee, "one");
    assert_eq!(tee.failures(), 1);
}

#[test]
fn flush_reaches_every_sink_and_returns_the_first_error() {
    struct Flushing(Arc<AtomicUsize>, Option<&'static str>);
    impl Sink for Flushing {
        fn emit(&self, _: &Record<'_>) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            self.0.fetch_add(1, Ordering::Relaxed);
            self.1.map_or(Ok(()), |error| Err(io::Error::other(error)))
        }
    }
    let flushed = Arc::new(AtomicUsize::new(0));
    let sink = |error| nested(Flushing(flushed.clone(), error));
    let router = logtee::router()
        .route(LevelFilter::Off, sink(None))
        .otherwise(sink(Some("late")));
    let tee = builder()
        .sink(LevelFilter::Off, sink(None))
        .sink(LevelFilter::Info, sink(Some("first")))
        .sink(LevelFilter::Info, sink(Some("second")))
        .sink(LevelFilter::Info, router.build())
        .build();
    assert_eq!(tee.flush().unwrap_err().to_string(), "first");
    assert_eq!(flushed.load(Ordering::Relaxed), 5);
    assert_eq!(tee.failures_by_sink(), [0, 1, 1, 1]);
}

#[test]
fn middleware_that_raises_levels_reports_its_own_level() {
    struct Raise;
    impl Middleware for Raise {
        fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()> {
            next.emit(&record.to_builder().level(Level::Warn).build())
        }
        fn max_level(&self, _: LevelFilter) -> LevelFilter {
            LevelFilter::Trace
        }
        fn enabled(&self, _: &Metadata<'_>, next: &dyn Sink) -> bool {
            next.enabled(&metadata(Level::Warn))
        }
    }
    let memory = Memory::new();
    let tee = builder()
        .sink(
            LevelFilter::Trace,
            logtee::pipe(Raise).to(to_memory(LevelFilter::Warn, &memory)),
        )
        .build();
    log::trace!(logger: tee, "raised");
    assert_eq!(memory.records()[0].level, Level::Warn);
}

#[test]
fn middleware_that_is_not_enabled_does_not_get_the_record() {
    struct OneTarget;
    impl Middleware for OneTarget {
        fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()> {
            assert_eq!(record.target(), "wanted");
            next.emit(record)
        }
        fn enabled(&self, metadata: &Metadata<'_>, next: &dyn Sink) -> bool {
            metadata.target() == "wanted" && next.enabled(metadata)
        }
    }
    let memory = Memory::new();
    let pipe = logtee::pipe(OneTarget).to(memory.clone());
    pipe.emit(&Record::builder().target("unwanted").build())
        .unwrap();
    let tee = builder().sink(LevelFilter::Trace, pipe).build();
    log::info!(logger: tee, target: "unwanted", "no");
    log::info!(logger: tee, target: "wanted", "yes");
    assert_eq!(memory.messages(), ["yes"]);
    assert_eq!(tee.failures(), 0);
}

#[cfg(feature = "env-filter")]
#[test]
fn a_closure_may_change_the_target_to_one_that_the_sink_wants() {
    let memory = Memory::new();
    let directives: logtee::Directives = "audit=info".parse().unwrap();
    let audit = logtee::fanout()
        .sink(directives, memory.clone())
        .build_sink();
    let pipe = logtee::pipe(|record: &Record<'_>, next: &dyn Sink| {
        next.emit(&record.to_builder().target("audit").build())
    })
    .to(audit);
    let tee = builder().sink(LevelFilter::Trace, pipe).build();
    log::info!(logger: tee, target: "elsewhere", "yes");
    assert_eq!(memory.messages(), ["yes"]);
}

#[test]
fn a_renamed_key_replaces_one_of_that_name() {
    let memory = Memory::new();
    let pipe = logtee::pipe(logtee::rename_key("mail", "email")).to(memory.clone());
    let tee = builder().sink(LevelFilter::Info, pipe).build();
    log::info!(logger: tee, email = "old", mail = "new", n = 1; "");
    log::info!(logger: tee, email = "only", n = 1; "");
    let pair = |key: &str, value: &str| (key.to_owned(), value.into());
    let n = ("n".to_owned(), 1.into());
    let records = memory.records();
    assert_eq!(records[0].fields, [pair("email", "new"), n.clone()]);
    assert_eq!(records[1].fields, [pair("email", "only"), n]);
}

#[test]
fn a_filter_that_panics_costs_only_its_own_sink_the_record() {
    let panics = || logtee::filter_fn(|_| panic!("a filter of the test's panics"));
    let kept: [Memory; 4] = Default::default();
    let [first, all, fallback, other] = kept.clone();
    let router = logtee::router()
        .route(panics(), Memory::new())
        .route(LevelFilter::Info, all)
        .build();
    let first = logtee::first_match()
        .route(panics(), Memory::new())
        .route(LevelFilter::Info, first)
        .build();
    let none = logtee::first_match()
        .route(panics(), Memory::new())
        .otherwise(fallback)
        .build();
    let bytes = [Bytes::new(), Bytes::new()];
    let once = logtee::format_once(Logfmt::new())
        .writer(LevelFilter::Info, bytes[0].clone())
        .writer(panics(), Bytes::new())
        .writer(LevelFilter::Info, bytes[1].clone())
        .build();
    let once = Arc::new(once);
    let tee = builder()
        .sink(LevelFilter::Info, router)
        .sink(LevelFilter::Info, first)
        .sink(LevelFilter::Info, none)
        .sink(LevelFilter::Info, once.clone())
        .sink(LevelFilter::Info, other)
        .build();
    log::info!(logger: tee, "one");
    for memory in kept {
        assert_eq!(memory.messages(), ["one"]);
    }
    for bytes in bytes {
        assert!(bytes.text().contains("msg=\"one\""), "{}", bytes.text());
    }
    assert_eq!(once.failures_by_writer(), [0, 1, 0]);
    assert_eq!(tee.failures_by_sink(), [1, 1, 1, 1, 0]);
}

#[test]
fn sampling_and_dropping() {
    let [sampled, kept] = [Memory::new(), Memory::new()];
    let tee = builder()
        .sink(
            LevelFilter::Info,
            logtee::pipe(logtee::sample(10)).to(sampled.clone()),
        )
        .sink(
            LevelFilter::Info,
            logtee::pipe(logtee::drop_if(has_key("noise")))
                .then(logtee::remove_key("x"))
                .then(logtee::map_message(|text| text + "!"))
                .to(kept.clone()),
        )
        .build();
    for _ in 0..25 {
        log::info!(logger: tee, noise = true; "noise");
    }
    log::info!(logger: tee, x = 1; "kept");
    assert_eq!(sampled.records().len(), 3);
    assert_eq!(kept.messages(), ["kept!"]);
    assert!(kept.records()[0].fields.is_empty());
}

#[test]
fn map_text_rewrites_message_target_keys_and_strings() {
    let memory = Memory::new();
    let pipe = logtee::pipe(logtee::map_text(|text| text.replace("hunter2", "*").into()));
    let tee = builder()
        .sink(LevelFilter::Info, pipe.to(memory.clone()))
        .build();
    log::info!(
        logger: tee, target: "app::hunter2", n = 3, nothing = (), "hunter2" = "is hunter2";
        "login with {}", "hunter2"
    );
    let record = &memory.records()[0];
    assert_eq!(record.message, "login with *");
    assert_eq!(record.target, "app::*");
    let fields = [
        ("n".to_owned(), 3.into()),
        ("nothing".to_owned(), OwnedValue::Null),
        ("*".to_owned(), "is *".into()),
    ];
    assert_eq!(record.fields, fields);
}

#[test]
fn map_values_gets_keys_and_values_and_does_not_change_text() {
    let memory = Memory::new();
    let mask = |key: &str, value| match key {
        "token" => "*".into(),
        _ => value,
    };
    let pipe = logtee::pipe(logtee::map_values(mask)).to(memory.clone());
    let tee = builder().sink(LevelFilter::Info, pipe).build();
    log::info!(logger: tee, token = 1234, note = "token=x"; "token=y");
    log::info!(logger: tee, "token=z");
    let records = memory.records();
    let fields = [
        ("token".to_owned(), "*".into()),
        ("note".to_owned(), "token=x".into()),
    ];
    assert_eq!(records[0].fields, fields);
    assert!(records[1].fields.is_empty());
    assert_eq!(memory.messages(), ["token=y", "token=z"]);
}

#[test]
fn a_channel_never_blocks() {
    let (sink, received) = logtee::channel(2);
    let tee = builder().sink(LevelFilter::Info, sink).build();
    for at in 0..5 {
        log::info!(logger: tee, at = at; "number {at}");
    }
    assert_eq!(tee.failures(), 3);
    let messages: Vec<_> = received.try_iter().map(|record| record.message).collect();
    assert_eq!(messages, ["number 0", "number 1"]);
    drop(received);
    log::info!(logger: tee, "gone");
    assert_eq!(tee.failures(), 4);
}

#[test]
fn an_owned_record_becomes_the_same_record_again() {
    let memory = Memory::new();
    let sink: &dyn Sink = &memory;
    sink.emit(
        &Record::builder()
            .level(Level::Trace)
            .target("t")
            .file(Some("f"))
            .line(Some(3))
            .args(format_args!("m {}", 1))
            .key_values(&[("a", 1.5f64)])
            .build(),
    )
    .unwrap();
    memory.records()[0].with_record(|again| memory.emit(again).unwrap());
    let records = memory.records();
    assert_eq!(records[0], records[1]);
    assert_eq!(records[0].fields, [("a".to_owned(), 1.5.into())]);
}

#[test]
fn a_tee_of_many_sinks_passes_records_to_all_of_them() {
    let levels: Vec<_> = LevelFilter::iter().collect();
    let memories: Vec<_> = (0..20).map(|_| Memory::new()).collect();
    let mut builder = Tee::builder();
    for (memory, level) in memories.iter().zip(levels.iter().cycle()) {
        builder = builder.sink(*level, memory.clone());
    }
    let tee = builder.build();
    for _ in 0..2 {
        for level in Level::iter() {
            tee.log(&Record::builder().level(level).build());
        }
    }
    for (memory, max) in memories.iter().zip(levels.iter().cycle()) {
        assert_eq!(memory.records().len(), 2 * *max as usize);
    }
}
