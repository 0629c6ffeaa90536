//! Faults that make other loggers hang, abort or stay broken.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex, OnceLock};

use log::{LevelFilter, Log};
use logtee::testing::{Bytes, Memory};
use logtee::{Json, Logfmt, Sink, Tee, Text, WriteSink};

fn builder() -> logtee::TeeBuilder {
    log::set_max_level(LevelFilter::Trace);
    Tee::builder()
}

fn lines(bytes: &Bytes) -> Vec<String> {
    bytes.text().lines().map(str::to_owned).collect()
}

#[test]
fn a_display_that_logs_to_the_same_sinks() {
    static TEE: OnceLock<Tee> = OnceLock::new();
    struct Logs;
    impl fmt::Display for Logs {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            log::info!(logger: TEE.get().unwrap(), "inner");
            f.write_str("outer")
        }
    }
    let [text, json, logfmt, one, two] = [const { 0 }; 5].map(|_| Bytes::new());
    let memory = Memory::new();
    let once = logtee::format_once(Text::new())
        .writer(LevelFilter::Info, one.clone())
        .writer(LevelFilter::Info, two.clone());
    let tee = builder()
        .sink(LevelFilter::Info, WriteSink::new(Text::new(), text.clone()))
        .sink(LevelFilter::Info, WriteSink::new(Json::new(), json.clone()))
        .sink(
            LevelFilter::Info,
            WriteSink::new(Logfmt::new(), logfmt.clone()),
        )
        .sink(LevelFilter::Info, once.build())
        .sink(LevelFilter::Info, memory.clone())
        .build();
    let tee = TEE.get_or_init(|| tee);
    log::info!(logger: tee, "an {Logs} line");
    assert_eq!(tee.failures(), 0);
    for bytes in [text, json, logfmt, one, two] {
        let lines = lines(&bytes);
        assert!(lines[0].contains("inner"), "{lines:?}");
        assert!(
            lines.iter().any(|line| line.contains("an outer line")),
            "{lines:?}"
        );
        // Each of the five sinks that format writes the inner line once.
        assert_eq!(lines.len(), 6, "{lines:?}");
    }
}

#[test]
fn a_display_that_panics_does_no_harm() {
    struct Panics;
    impl fmt::Display for Panics {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("a Display of the test's panics");
        }
    }
    let bytes = Bytes::new();
    let tee = builder()
        .sink(
            LevelFilter::Info,
            WriteSink::new(Text::new(), bytes.clone()),
        )
        .build();
    log::info!(logger: tee, "before {Panics} after");
    log::info!(logger: tee, "next");
    let lines = lines(&bytes);
    assert!(
        lines[0].ends_with("before [formatting failed]"),
        "{lines:?}"
    );
    assert!(lines[1].ends_with("next"), "{lines:?}");
    assert_eq!(tee.failures(), 0);
}

#[test]
fn a_writer_that_panics_does_not_poison_its_sink() {
    struct Once(bool, Bytes);
    impl Write for Once {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if !std::mem::replace(&mut self.0, true) {
                panic!("a writer of the test's panics");
            }
            self.1.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let [bytes, other] = [Bytes::new(), Bytes::new()];
    let once = logtee::format_once(Text::new())
        .writer(LevelFilter::Info, Once(false, other.clone()))
        .build();
    let tee = builder()
        .sink(
            LevelFilter::Info,
            WriteSink::new(Text::new(), Once(false, bytes.clone())),
        )
        .sink(LevelFilter::Info, once)
        .build();
    log::info!(logger: tee, "lost");
    log::info!(logger: tee, "kept");
    assert_eq!(tee.failures_by_sink(), [1, 1]);
    assert_eq!(lines(&bytes).len(), 1);
    assert_eq!(lines(&other).len(), 1);
}

#[test]
fn a_writer_that_logs_to_its_own_sink_gets_an_error_instead_of_a_deadlock() {
    static TEE: OnceLock<Tee> = OnceLock::new();
    struct Logs(Bytes);
    impl Write for Logs {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            log::info!(logger: TEE.get().unwrap(), "writing");
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let bytes = Bytes::new();
    let tee = builder()
        .sink(
            LevelFilter::Info,
            WriteSink::new(Text::new(), Logs(bytes.clone())),
        )
        .build();
    let tee = TEE.get_or_init(|| tee);
    log::info!(logger: tee, "one");
    log::info!(logger: tee, "two");
    assert_eq!(lines(&bytes).len(), 2);
    assert_eq!(tee.failures(), 2);
}

#[test]
fn a_line_logged_by_a_thread_locals_destructor() {
    struct Late(Arc<Tee>);
    impl Drop for Late {
        fn drop(&mut self) {
            log::info!(logger: self.0, number = 1; "late {}", 1);
        }
    }
    thread_local! {
        static FIRST: RefCell<Option<Late>> = const { RefCell::new(None) };
        static LAST: RefCell<Option<Late>> = const { RefCell::new(None) };
    }
    let [text, once] = [Bytes::new(), Bytes::new()];
    let memory = Memory::new();
    let (filter, _handle) = logtee::adjustable(logtee::predicate::message_contains("l"));
    let tee = Arc::new(
        builder()
            .sink(filter, WriteSink::new(Text::new(), text.clone()))
            .sink(
                LevelFilter::Info,
                logtee::format_once(Json::new())
                    .writer(LevelFilter::Info, once.clone())
                    .build(),
            )
            .sink(LevelFilter::Info, memory.clone())
            .build(),
    );
    let logging = tee.clone();
    std::thread::spawn(move || {
        // This thread-local is registered before those of the logger, and so dropped after them.
        FIRST.set(Some(Late(logging.clone())));
        let _entered = logtee::Context::new().with("a", 1).enter();
        log::info!(logger: logging, "alive");
        LAST.set(Some(Late(logging)));
    })
    .join()
    .unwrap();
    assert_eq!(lines(&text).len(), 3, "{:?}", text.text());
    assert_eq!(lines(&once).len(), 3);
    assert_eq!(memory.records().len(), 3);
    assert_eq!(tee.failures(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_counted() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let memory = Memory::new();
    let buffered = io::BufWriter::new(full.try_clone().unwrap());
    let tee = builder()
        .sink(LevelFilter::Info, WriteSink::new(Text::new(), full))
        .sink(LevelFilter::Info, WriteSink::new(Text::new(), buffered))
        .sink(LevelFilter::Info, memory.clone())
        .build();
    log::info!(logger: tee, "one");
    assert_eq!(tee.failures_by_sink(), [1, 0, 0]);
    assert_eq!(tee.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(tee.failures_by_sink(), [1, 1, 0]);
    assert_eq!(memory.messages(), ["one"]);
}

/// Signals that it has begun, and then waits.
struct Blocks(Sender<()>, Receiver<()>);

impl Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(());
        let _ = self.1.recv();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_sink_that_blocks_delays_neither_changes_nor_other_sinks() {
    let (begun, has_begun) = channel();
    let (go_on, goes_on) = channel();
    let [before, after] = [Memory::new(), Memory::new()];
    let (filter, handle) = logtee::adjustable(LevelFilter::Info);
    let tee = builder()
        .sink(LevelFilter::Debug, before.clone())
        .sink(filter, WriteSink::new(Text::new(), Blocks(begun, goes_on)))
        .sink(LevelFilter::Debug, after.clone())
        .build();
    std::thread::scope(|scope| {
        scope.spawn(|| log::info!(logger: tee, "blocked"));
        has_begun.recv().unwrap();
        // While that thread hangs in the writer, other records, the filter and the counts work.
        log::debug!(logger: tee, "for the others");
        assert_eq!(after.messages(), ["for the others"]);
        handle.set(LevelFilter::Off);
        log::info!(logger: tee, "the blocked one is off");
        assert_eq!(after.messages().len(), 2);
        assert_eq!(tee.failures(), 0);
        go_on.send(()).unwrap();
    });
    assert_eq!(before.records().len(), 3);
    assert_eq!(after.records().len(), 3);
}

#[test]
fn a_blocking_sink_behind_a_channel_blocks_no_thread() {
    let (sink, records) = logtee::channel(10);
    let (begun, has_begun) = channel();
    let (go_on, goes_on) = channel();
    let blocking = WriteSink::new(Text::new(), Blocks(begun, goes_on));
    let tee = builder().sink(LevelFilter::Info, sink).build();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for record in records {
                record.with_record(|record| blocking.emit(record)).unwrap();
            }
        });
        log::info!(logger: tee, "first");
        has_begun.recv().unwrap();
        for at in 0..15 {
            log::info!(logger: tee, "{at}");
        }
        assert_eq!(
            tee.failures(),
            5,
            "ten wait in the channel, one in the writer"
        );
        drop(tee);
        drop(go_on);
    });
}

#[test]
fn lines_of_a_hundred_threads_are_not_mixed_or_lost() {
    let [text, json] = [Bytes::new(), Bytes::new()];
    let tee = builder()
        .sink(LevelFilter::Info, WriteSink::new(Text::new(), text.clone()))
        .sink(LevelFilter::Info, WriteSink::new(Json::new(), json.clone()))
        .build();
    let together = Barrier::new(100);
    std::thread::scope(|scope| {
        for thread in 0..100 {
            let (tee, together) = (&tee, &together);
            scope.spawn(move || {
                together.wait();
                for at in 0..50 {
                    log::info!(logger: tee, thread, at; "line {at} of {thread}");
                }
            });
        }
    });
    let mut seen = vec![Vec::new(); 100];
    for line in lines(&json) {
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        let thread = read["fields"]["thread"].as_u64().unwrap() as usize;
        seen[thread].push(read["fields"]["at"].as_u64().unwrap());
    }
    for lines in seen {
        assert_eq!(
            lines,
            (0..50).collect::<Vec<_>>(),
            "complete, and in the thread's order"
        );
    }
    assert_eq!(lines(&text).len(), 5000);
}

#[test]
fn ten_thousand_key_values_and_ten_megabytes() {
    let [text, json, logfmt] = [Bytes::new(), Bytes::new(), Bytes::new()];
    let memory = Memory::new();
    let tee = builder()
        .sink(LevelFilter::Info, WriteSink::new(Text::new(), text.clone()))
        .sink(LevelFilter::Info, WriteSink::new(Json::new(), json.clone()))
        .sink(
            LevelFilter::Info,
            WriteSink::new(Logfmt::new(), logfmt.clone()),
        )
        .sink(LevelFilter::Info, memory.clone())
        .build();
    let pairs: Vec<_> = (0..10_000).map(|at| (format!("key{at}"), at)).collect();
    let huge = "x\n".repeat(5 << 20);
    tee.log(
        &log::Record::builder()
            .level(log::Level::Info)
            .key_values(&pairs)
            .build(),
    );
    log::info!(logger: tee, "{huge}");
    assert_eq!(memory.records()[0].fields.len(), 10_000);
    assert_eq!(memory.records()[1].message.len(), 10 << 20);
    for bytes in [&text, &json, &logfmt] {
        let lines = lines(bytes);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("key9999"));
        assert!(lines[1].len() > 15 << 20);
    }
    let read: serde_json::Value = serde_json::from_str(&lines(&json)[0]).unwrap();
    assert_eq!(read["fields"].as_object().unwrap().len(), 10_000);
    assert_eq!(tee.failures(), 0);
}

#[test]
fn a_message_is_formatted_once_for_sinks_that_share_a_format() {
    struct Counts(Mutex<usize>);
    impl fmt::Display for Counts {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            *self.0.lock().unwrap() += 1;
            f.write_str("counted")
        }
    }
    let [info, debug, elsewhere] = [Bytes::new(), Bytes::new(), Bytes::new()];
    let once = logtee::format_once(Text::new())
        .writer(LevelFilter::Info, info.clone())
        .writer(LevelFilter::Debug, debug.clone())
        .writer(
            logtee::predicate::target_starts_with("elsewhere"),
            elsewhere.clone(),
        )
        .build();
    let tee = builder().sink(LevelFilter::Trace, once).build();
    assert_eq!(tee.max_level(), LevelFilter::Trace);
    let counts = Counts(Mutex::new(0));
    log::trace!(logger: tee, "{counts}");
    let formatted = || *counts.0.lock().unwrap();
    assert_eq!(formatted(), 0, "formatted although no writer wants it");
    log::debug!(logger: tee, "{counts}");
    log::info!(logger: tee, "{counts}");
    assert_eq!(formatted(), 2);
    let written = [info, debug, elsewhere].map(|bytes| lines(&bytes).len());
    assert_eq!(written, [1, 2, 0]);
}
