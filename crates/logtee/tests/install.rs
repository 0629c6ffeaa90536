//! The program's logger. One test, because a process has one logger.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use log::{LevelFilter, Record};
use logtee::testing::Memory;
use logtee::{Sink, Tee};

struct Flushing(Arc<AtomicUsize>);

impl Sink for Flushing {
    fn emit(&self, _: &Record<'_>) -> std::io::Result<()> {
        Ok(())
    }
    fn flush(&self) -> std::io::Result<()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
    fn max_level(&self) -> LevelFilter {
        LevelFilter::Warn
    }
}

#[test]
fn the_life_of_an_installed_tee() {
    let flushed = Arc::new(AtomicUsize::new(0));
    let memory = Memory::new();
    let (filter, handle) = logtee::adjustable(LevelFilter::Off);
    assert!(logtee::global::installed().is_none());
    handle.set(LevelFilter::Trace);
    handle.set(LevelFilter::Off);
    assert_eq!(
        log::max_level(),
        LevelFilter::Off,
        "nothing is installed yet"
    );

    Tee::builder()
        .sink(LevelFilter::Trace, Flushing(flushed.clone()))
        .sink(filter, memory.clone())
        .install()
        .unwrap();
    // The sinks decide, although the filters would let more pass.
    assert_eq!(log::max_level(), LevelFilter::Warn);
    log::debug!("off");

    handle.set(LevelFilter::Debug);
    assert_eq!(log::max_level(), LevelFilter::Debug);
    log::debug!("on");
    handle.set(logtee::predicate::target_starts_with("unused"));
    assert_eq!(log::max_level(), LevelFilter::Trace);
    log::debug!("filtered");
    handle.set(LevelFilter::Off);
    assert_eq!(log::max_level(), LevelFilter::Warn);
    log::error!("off again");
    assert_eq!(memory.messages(), ["on"]);

    log::logger().flush();
    assert_eq!(flushed.load(Ordering::Relaxed), 1);
    drop(logtee::global::flush_on_drop());
    assert_eq!(flushed.load(Ordering::Relaxed), 2);
    assert_eq!(logtee::global::installed().unwrap().failures(), 0);

    handle.set(LevelFilter::Info);
    memory.take();
    late_line_through_the_global();
    assert_eq!(memory.messages(), ["late"]);

    let error = Tee::builder().install().unwrap_err();
    let message = "cannot install the tee: another Tee is this process's logger already, and `log` \
        allows only one; install once, at the start of `main`, and add all sinks to that Tee";
    assert_eq!(error.to_string(), message);
    assert_eq!(format!("{error:?}"), format!("InstallError({message:?})"));
    let panic = std::panic::catch_unwind(|| Tee::builder().init()).unwrap_err();
    assert_eq!(*panic.downcast::<String>().unwrap(), message);
    log::info!("still the first");
    assert_eq!(memory.messages(), ["late", "still the first"]);

    assert_eq!(logtee::global::max_level_override(), None);
    log::set_max_level(LevelFilter::Error);
    assert_eq!(
        logtee::global::max_level_override(),
        Some(LevelFilter::Error)
    );
    handle.set(LevelFilter::Debug);
    assert_eq!(log::max_level(), LevelFilter::Debug);
    assert_eq!(logtee::global::max_level_override(), None);
}

fn late_line_through_the_global() {
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            log::info!("late");
        }
    }
    thread_local! {
        static LATE: RefCell<Option<Late>> = const { RefCell::new(None) };
    }
    std::thread::spawn(|| LATE.set(Some(Late))).join().unwrap();
}
