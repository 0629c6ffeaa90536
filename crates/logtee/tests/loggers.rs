//! Types that can be passed as a sink, and implementations of `log::Log`.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use log::{Level, LevelFilter, Log, Metadata, Record};
use logtee::testing::Memory;
use logtee::{IntoSink, Sink, Tee};

/// A logger that passes records to a sink. Its methods call each other with `Log` and `Sink` in
/// scope; the test is that this compiles.
struct ToSink<S> {
    sink: S,
    flushed: AtomicUsize,
}

impl<S: Sink> Log for ToSink<S> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Info && self.sink.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let _ = self.sink.emit(record);
            self.flush();
        }
    }

    fn flush(&self) {
        let _ = self.sink.flush();
        self.flushed.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_logger_calls_its_own_methods_with_both_traits_in_scope() {
    let memory = Memory::new();
    let logger = ToSink {
        sink: memory.clone(),
        flushed: AtomicUsize::new(0),
    };
    log::set_max_level(LevelFilter::Trace);
    log::info!(logger: logger, "yes");
    log::debug!(logger: logger, "no");
    assert_eq!(memory.messages(), ["yes"]);
    assert_eq!(logger.flushed.load(Ordering::Relaxed), 1);
}

#[test]
fn sinks_and_loggers_are_accepted_by_value_in_boxes_and_in_arcs() {
    fn accept<Kind>(sink: impl IntoSink<Kind>) -> Tee {
        Tee::builder().sink(LevelFilter::Info, sink).build()
    }
    let memory = Memory::new();
    let logger = || ToSink {
        sink: memory.clone(),
        flushed: AtomicUsize::new(0),
    };
    let boxed_sink: Box<dyn Sink> = Box::new(memory.clone());
    let boxed_log: Box<dyn Log> = Box::new(logger());
    let shared_sink: Arc<dyn Sink> = Arc::new(memory.clone());
    let shared_log: Arc<dyn Log> = Arc::new(logger());
    let static_log: &'static dyn Log = Box::leak(Box::new(logger()));
    let tees = [
        accept(memory.clone()),
        accept(logger()),
        accept(boxed_sink),
        accept(boxed_log),
        accept(shared_sink),
        accept(shared_log),
        accept(static_log),
        accept(log::logger()),
        accept(logtee::from_fn(|_| Ok(()))),
        accept(accept(memory.clone())),
    ];
    for tee in tees {
        tee.log(&Record::builder().level(Level::Info).build());
        assert_eq!(tee.failures(), 0);
    }
    assert_eq!(memory.records().len(), 8);
}

#[test]
fn every_composition_accepts_loggers() {
    let memory = Memory::new();
    let logger = || ToSink {
        sink: memory.clone(),
        flushed: AtomicUsize::new(0),
    };
    let pass = |record: &Record<'_>, next: &dyn Sink| next.emit(record);
    let tee = Tee::builder()
        .sink(LevelFilter::Info, logger())
        .sink(
            LevelFilter::Info,
            logtee::router().route(LevelFilter::Info, logger()).build(),
        )
        .sink(
            LevelFilter::Info,
            logtee::first_match().otherwise(logger()).build(),
        )
        .sink(LevelFilter::Info, logtee::failover().sink(logger()).build())
        .sink(LevelFilter::Info, logtee::pool().sink(logger()).build())
        .sink(LevelFilter::Info, logtee::pipe(pass).to(logger()))
        .sink(LevelFilter::Info, logtee::recover(|_, _| {}).sink(logger()))
        .build();
    tee.log(&Record::builder().level(Level::Info).build());
    assert_eq!(memory.records().len(), 7);
}

/// A sink that is enabled for one target, and fails the test if it gets another one.
struct Picky(Arc<AtomicUsize>);

impl Sink for Picky {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        assert_eq!(record.target(), "wanted");
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "wanted"
    }
}

#[test]
fn no_composition_emits_what_a_sink_is_not_enabled_for() {
    let taken = Arc::new(AtomicUsize::new(0));
    let sink = || Picky(taken.clone());
    let pass = |record: &Record<'_>, next: &dyn Sink| next.emit(record);
    let all = LevelFilter::Trace;
    let compositions: Vec<Box<dyn Sink>> = vec![
        Box::new(logtee::fanout().sink(all, sink()).build_sink()),
        Box::new(logtee::router().route(all, sink()).build()),
        Box::new(logtee::router().otherwise(sink()).build()),
        Box::new(logtee::first_match().route(all, sink()).build()),
        Box::new(logtee::failover().sink(sink()).build()),
        Box::new(logtee::pool().sink(sink()).build()),
        Box::new(logtee::recover(|_, _| {}).sink(sink())),
        Box::new(logtee::pipe(pass).to(sink())),
        Box::new(logtee::pipe(pass).then(pass).to(sink())),
        Box::new(logtee::pipe(logtee::enrich("a", 1)).to(sink())),
        Box::new(logtee::pipe(logtee::map_text(|text| text.into())).to(sink())),
    ];
    let count = compositions.len();
    let record = |target| Record::builder().target(target).level(Level::Info).build();
    for composition in &compositions {
        composition.emit(&record("unwanted")).unwrap();
        composition.emit(&record("wanted")).unwrap();
        composition.emit_if_enabled(&record("unwanted")).unwrap();
        composition.emit_if_enabled(&record("wanted")).unwrap();
    }
    assert_eq!(taken.swap(0, Ordering::Relaxed), 2 * count);

    let mut tee = Tee::builder();
    for composition in compositions {
        tee = tee.sink(all, composition);
    }
    let tee = tee.build();
    tee.log(&record("unwanted"));
    tee.log(&record("wanted"));
    assert_eq!(tee.failures(), 0);
    assert_eq!(taken.load(Ordering::Relaxed), count);
}
