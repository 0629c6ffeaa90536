//! Filters that are changed at run time, and random filters.

use std::sync::Arc;

use log::{Level, LevelFilter, Metadata, Record};
use logtee::predicate::{has_key, level_is_at_least, not, target_starts_with};
use logtee::testing::Memory;
use logtee::{Filter, Sink, Tee};
use proptest::prelude::*;

/// `log`'s macros check the global level, even if they are given a logger.
fn builder() -> logtee::TeeBuilder {
    log::set_max_level(LevelFilter::Trace);
    Tee::builder()
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
fn changing_a_filter_reaches_every_depth() {
    let memory = Memory::new();
    let (filter, handle) = logtee::adjustable(LevelFilter::Off);
    let inner = logtee::fanout().sink(filter, memory.clone()).build_sink();
    let tee = builder().sink(LevelFilter::Trace, nested(inner)).build();
    log::error!(logger: tee, "off");
    for (level, is_on) in [
        (LevelFilter::Debug, true),
        (LevelFilter::Info, false),
        (LevelFilter::Trace, true),
        (LevelFilter::Off, false),
    ] {
        handle.set(level);
        assert_eq!(tee.max_level(), level);
        memory.take();
        log::debug!(logger: tee, "filter at {level}");
        assert_eq!(!memory.records().is_empty(), is_on, "{level}");
    }
    handle.set(target_starts_with("filters"));
    log::debug!(logger: tee, target: "filters::inner", "yes");
    log::debug!(logger: tee, target: "filtersx", "no");
    assert_eq!(memory.messages(), ["yes"]);
    handle.set(target_starts_with("filtersx"));
    log::debug!(logger: tee, target: "filters::inner", "no more");
    log::debug!(logger: tee, target: "filtersx", "now");
    assert_eq!(memory.messages(), ["yes", "now"]);
}

/// A record that only one sink wants goes straight to it, until a filter changes.
#[test]
fn a_second_sink_of_a_level_gets_records_after_a_filter_changes() {
    let (quiet, chatty) = (Memory::new(), Memory::new());
    let (filter, handle) = logtee::adjustable(LevelFilter::Info);
    let tee = builder()
        .sink(filter, quiet.clone())
        .sink(LevelFilter::Debug, chatty.clone())
        .build();
    let heard = |level| {
        log::log!(logger: tee, level, "x");
        [quiet.take().len(), chatty.take().len()]
    };
    for _ in 0..2 {
        assert_eq!(heard(Level::Info), [1, 1]);
        assert_eq!(heard(Level::Debug), [0, 1]);
        assert_eq!(heard(Level::Trace), [0, 0]);
    }
    handle.set(LevelFilter::Trace);
    for _ in 0..2 {
        assert_eq!(heard(Level::Debug), [1, 1]);
        assert_eq!(heard(Level::Trace), [1, 0]);
    }
    // The same level, but not all of its records.
    handle.set(target_starts_with("elsewhere"));
    assert_eq!(heard(Level::Trace), [0, 0]);
    handle.set(LevelFilter::Off);
    assert_eq!(heard(Level::Info), [0, 1]);
}

#[test]
fn the_only_sink_is_found_among_many() {
    for many in [1, 6, 7, 8, 9, 20] {
        for only in 0..many {
            let sinks: Vec<Memory> = (0..many).map(|_| Memory::new()).collect();
            let mut tee = builder();
            for (at, sink) in sinks.iter().enumerate() {
                let level = match at == only {
                    true => LevelFilter::Debug,
                    false => LevelFilter::Info,
                };
                tee = tee.sink(level, sink.clone());
            }
            let tee = tee.build();
            for _ in 0..2 {
                log::debug!(logger: tee, "x");
            }
            let heard: Vec<usize> = sinks.iter().map(|sink| sink.records().len()).collect();
            let expected: Vec<usize> = (0..many).map(|at| if at == only { 2 } else { 0 }).collect();
            assert_eq!(heard, expected);
        }
    }
}

#[test]
fn a_filter_that_is_replaced_is_dropped_once_threads_have_moved_on() {
    struct Counted(Arc<()>);
    impl Filter for Counted {
        fn max_level(&self) -> LevelFilter {
            LevelFilter::Trace
        }
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            Arc::strong_count(&self.0) > 0
        }
    }
    let alive = Arc::new(());
    let memory = Memory::new();
    let (filter, handle) = logtee::adjustable(Counted(alive.clone()));
    let tee = builder().sink(filter, memory.clone()).build();
    for _ in 0..100 {
        log::debug!(logger: tee, "through this thread's cache");
        handle.set(Counted(alive.clone()));
    }
    assert_eq!(memory.records().len(), 100);
    assert!(
        Arc::strong_count(&alive) <= 3,
        "{}",
        Arc::strong_count(&alive)
    );
}

#[test]
fn a_filter_can_be_changed_while_others_log() {
    let memory = Memory::new();
    let (filter, handle) = logtee::adjustable(LevelFilter::Off);
    let tee = builder().sink(filter, memory.clone()).build();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for at in 0..2000 {
                    log::debug!(logger: tee, "{at}");
                }
            });
        }
        for at in 0..500 {
            match at % 3 {
                0 => handle.set(LevelFilter::Off),
                1 => handle.set(LevelFilter::Debug),
                _ => handle.set(target_starts_with("unused")),
            }
        }
    });
    // After all the concurrent changes, the last one counts.
    handle.set(LevelFilter::Debug);
    memory.take();
    log::debug!(logger: tee, "after");
    assert_eq!(memory.messages(), ["after"]);
}

/// A random filter.
#[derive(Clone, Debug)]
enum Tree {
    Leaf(usize, Level),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
    Not(Box<Tree>),
}

fn filter_of(tree: &Tree) -> Box<dyn Filter> {
    match tree {
        Tree::Leaf(0, level) => Box::new(level.to_level_filter()),
        Tree::Leaf(1, level) => Box::new(logtee::predicate::level_is(*level)),
        Tree::Leaf(2, level) => Box::new(logtee::predicate::level_is_not(*level)),
        Tree::Leaf(3, level) => Box::new(level_is_at_least(*level)),
        Tree::Leaf(4, _) => Box::new(target_starts_with("a")),
        Tree::Leaf(5, _) => Box::new(has_key("k")),
        Tree::Leaf(6, level) => Box::new(logtee::adjustable(level.to_level_filter()).0),
        #[cfg(feature = "env-filter")]
        Tree::Leaf(7, _) => Box::new(logtee::Directives::parse("warn,a=trace").unwrap()),
        Tree::Leaf(..) => Box::new(LevelFilter::Off),
        Tree::And(one, other) => Box::new(filter_of(one).and(filter_of(other))),
        Tree::Or(one, other) => Box::new(filter_of(one).or(filter_of(other))),
        Tree::Not(tree) => Box::new(not(filter_of(tree))),
    }
}

fn any_tree() -> impl Strategy<Value = Tree> {
    let level = prop::sample::select(Level::iter().collect::<Vec<_>>());
    let leaf = (0..9usize, level).prop_map(|(kind, level)| Tree::Leaf(kind, level));
    leaf.prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Tree::And(a.into(), b.into())),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Tree::Or(a.into(), b.into())),
            inner.prop_map(|a| Tree::Not(a.into())),
        ]
    })
}

proptest! {
    #[test]
    fn hints_never_reject_a_record_that_matches(tree in any_tree()) {
        let filter = filter_of(&tree);
        for level in Level::iter() {
            for target in ["a", "a::b", "b"] {
                for with_key in [false, true] {
                    let pairs = [("k", 1)];
                    let pairs = if with_key { &pairs[..] } else { &[] };
                    let record = Record::builder()
                        .level(level).target(target).key_values(&pairs).build();
                    if filter.matches(&record) {
                        prop_assert!(filter.enabled(record.metadata()));
                        prop_assert!(level <= filter.max_level());
                    }
                }
            }
        }
    }
}
