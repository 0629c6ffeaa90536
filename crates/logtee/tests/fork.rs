//! A process forks while its other threads log. The child has only one thread, but a copy of all locks.
#![cfg(unix)]

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
#[cfg(target_os = "linux")]
use std::time::Duration;

use log::LevelFilter;
use logtee::{Tee, Text, WriteSink};

unsafe extern "C" {
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(code: i32) -> !;
    fn alarm(seconds: u32) -> u32;
}

/// Holds the sink's lock until it gets a message.
struct Holds(Sender<()>, Receiver<()>);

impl Write for Holds {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.send(()).is_ok() {
            let _ = self.1.recv();
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_child_forked_while_another_thread_writes_does_not_hang() {
    static TEE: OnceLock<Tee> = OnceLock::new();
    log::set_max_level(LevelFilter::Info);
    let (begun, has_begun) = channel();
    let (go_on, goes_on) = channel();
    let tee = TEE.get_or_init(|| {
        Tee::builder()
            .sink(
                LevelFilter::Info,
                WriteSink::new(Text::new(), Holds(begun, goes_on)),
            )
            .sink(LevelFilter::Info, WriteSink::new(Text::new(), io::sink()))
            .build()
    });
    let writing = std::thread::spawn(|| log::info!(logger: TEE.get().unwrap(), "held"));
    has_begun.recv().unwrap();

    // SAFETY: the child calls only the logger under test, and `_exit`.
    let child = unsafe { fork() };
    assert!(child >= 0, "{}", io::Error::last_os_error());
    if child == 0 {
        // A child that hangs is killed, and not counted as a success.
        // SAFETY: a plain system call.
        unsafe { alarm(20) };
        log::info!(logger: tee, "the lock's owner does not exist here");
        log::info!(logger: tee, "nor now");
        let as_it_should = tee.failures_by_sink() == [2, 0];
        // SAFETY: ends the child without running exit handlers of the parent.
        unsafe { _exit(if as_it_should { 42 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: the child is ours, and `status` is valid for writes.
    assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
    go_on.send(()).unwrap();
    writing.join().unwrap();
    assert_eq!(
        (status & 0x7f, status >> 8),
        (0, 42),
        "a signal, or an exit code"
    );
    assert_eq!(tee.failures(), 0, "a failure in the parent");
}

/// Writes so slowly that the other threads wait for its lock.
#[cfg(target_os = "linux")]
struct SlowWriter;

#[cfg(target_os = "linux")]
impl Write for SlowWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        std::thread::yield_now();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Holds the lock while another thread waits for it, and checks that the thread does not return early.
#[cfg(target_os = "linux")]
struct HoldsLong {
    begun: Sender<()>,
    came_back: Receiver<()>,
    calls: usize,
}

#[cfg(target_os = "linux")]
impl Write for HoldsLong {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls += 1;
        if self.calls == 1 {
            self.begun.send(()).unwrap();
            let early = self.came_back.recv_timeout(Duration::from_millis(500));
            assert!(early.is_err(), "a thread did not wait for the lock");
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A thread of a forked child waits for a slow writer without a timeout.
#[cfg(target_os = "linux")]
#[test]
fn threads_of_a_forked_child_wait_for_a_slow_writer() {
    log::set_max_level(LevelFilter::Info);
    // SAFETY: the tests of this file leave no locks behind that the child's threads need.
    let child = unsafe { fork() };
    assert!(child >= 0, "{}", io::Error::last_os_error());
    if child == 0 {
        // SAFETY: a plain system call.
        unsafe { alarm(20) };
        let code = std::panic::catch_unwind(|| {
            let (begun, has_begun) = channel();
            let (come_back, came_back) = channel();
            let writer = HoldsLong {
                begun,
                came_back,
                calls: 0,
            };
            let tee = Tee::builder()
                .sink(LevelFilter::Info, WriteSink::new(Text::new(), writer))
                .build();
            std::thread::scope(|scope| {
                scope.spawn(|| log::info!(logger: tee, "held"));
                has_begun.recv().unwrap();
                log::info!(logger: tee, "waiting");
                let _ = come_back.send(());
            });
            if tee.failures() == 0 { 42 } else { 1 }
        });
        // SAFETY: ends the child without running exit handlers of the parent.
        unsafe { _exit(code.unwrap_or(2)) };
    }
    let mut status = 0;
    // SAFETY: the child is ours, and `status` is valid for writes.
    assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
    assert_eq!(
        (status & 0x7f, status >> 8),
        (0, 42),
        "a signal, or an exit code"
    );
}

/// In a forked child, threads wait for a lock that another thread of the child holds.
#[cfg(target_os = "linux")]
#[test]
fn threads_of_a_forked_child_wait_for_each_other() {
    static TEE: OnceLock<Tee> = OnceLock::new();
    log::set_max_level(LevelFilter::Info);
    let tee = TEE.get_or_init(|| {
        Tee::builder()
            .sink(LevelFilter::Info, WriteSink::new(Text::new(), SlowWriter))
            .build()
    });
    // SAFETY: the tests of this file leave no locks behind that the child's threads need.
    let child = unsafe { fork() };
    assert!(child >= 0, "{}", io::Error::last_os_error());
    if child == 0 {
        // SAFETY: a plain system call.
        unsafe { alarm(20) };
        let code = std::panic::catch_unwind(|| {
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for at in 0..2000 {
                            log::info!(logger: tee, "{at}");
                        }
                    });
                }
            });
            if tee.failures() == 0 { 42 } else { 1 }
        });
        // SAFETY: ends the child without running exit handlers of the parent.
        unsafe { _exit(code.unwrap_or(2)) };
    }
    let mut status = 0;
    // SAFETY: the child is ours, and `status` is valid for writes.
    assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
    assert_eq!(
        (status & 0x7f, status >> 8),
        (0, 42),
        "a signal, or an exit code"
    );
}

/// Whether a child forked now completes `act` without waiting for a thread that does not exist in it.
fn child_does(act: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child calls only the logger under test, and `_exit`.
    let child = unsafe { fork() };
    assert!(child >= 0, "{}", io::Error::last_os_error());
    if child == 0 {
        // SAFETY: a plain system call; it kills a child that hangs.
        unsafe { alarm(20) };
        let code = if act() { 42 } else { 1 };
        // SAFETY: ends the child without running exit handlers of the parent.
        unsafe { _exit(code) };
    }
    let mut status = 0;
    // SAFETY: the child is ours, and `status` is valid for writes.
    assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
    status == 42 << 8
}

#[test]
fn a_child_can_change_filters_that_another_thread_was_changing_at_the_fork() {
    /// Waits in `max_level`, like a filter with its own lock.
    struct Waits(Mutex<(Sender<()>, Receiver<()>)>, AtomicBool);

    impl logtee::Filter for Waits {
        fn max_level(&self) -> LevelFilter {
            if self.1.swap(false, Ordering::Relaxed) {
                let (asked, go_on) = &*self.0.lock().unwrap();
                asked.send(()).unwrap();
                go_on.recv().unwrap();
            }
            LevelFilter::Info
        }

        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }
    }

    let (asked, was_asked) = channel();
    let (go_on, goes_on) = channel();
    let waits = Arc::new(Waits(Mutex::new((asked, goes_on)), AtomicBool::new(false)));
    let (filter, handle) = logtee::adjustable(LevelFilter::Warn);
    Tee::builder()
        .sink(filter, logtee::from_fn(|_| Ok(())))
        .sink(Shared(Arc::clone(&waits)), logtee::from_fn(|_| Ok(())))
        .install()
        .unwrap();
    waits.1.store(true, Ordering::Relaxed);
    let changing = std::thread::spawn(logtee::global::reconfigured);
    was_asked.recv().unwrap();
    assert!(child_does(|| {
        handle.set(LevelFilter::Trace);
        log::max_level() == LevelFilter::Trace
    }));
    go_on.send(()).unwrap();
    changing.join().unwrap();

    struct Shared(Arc<Waits>);

    impl logtee::Filter for Shared {
        fn max_level(&self) -> LevelFilter {
            self.0.max_level()
        }

        fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
            self.0.enabled(metadata)
        }
    }
}
