//! Errors that are noted for the next dump.

mod common;

use std::fs::{self, File};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{build, dumps, quiet};
use flightrec::stackerr;
use tempfile::tempdir;

#[inline(never)]
fn connect(attempt: u32) -> stackerr::Error {
    stackerr::err!("attempt {attempt}: connection refused").context("cannot reach the server")
}

#[test]
fn noted_errors_are_only_in_the_next_dump() {
    let dir = tempdir().unwrap();
    let (recorder, _tee) = build(dir.path());
    for attempt in 1..=10 {
        recorder.note(&connect(attempt));
    }
    assert!(dumps(dir.path()).is_empty(), "no dump is made");
    assert_eq!(recorder.snapshot().noted_errors.len(), 6);
    recorder.dump_error(&connect(11)).unwrap();
    recorder.dump("one more").unwrap();

    let dumps = dumps(dir.path());
    let noted = &dumps[0].1.noted_errors;
    let messages: Vec<_> = noted
        .iter()
        .map(|noted| &*noted.error.sources[0].message)
        .collect();
    let expected = [1, 2, 3, 8, 9, 10].map(|n| format!("attempt {n}: connection refused"));
    assert_eq!(messages, expected);
    assert_eq!(dumps[0].1.omitted_noted_errors, 4);
    assert!(noted[0].noted_at.file.ends_with("noted.rs"), "{noted:?}");
    let frames = &noted[0].stack_traces[0].frames;
    let is_origin = |frame: &flightrec::Frame| frame.name.ends_with("noted::connect");
    assert!(frames.iter().any(is_origin), "{frames:?}");
    assert!(dumps[1].1.noted_errors.is_empty());
}

#[test]
fn equal_errors_are_counted_in_one_entry() {
    let dir = tempdir().unwrap();
    let (recorder, _tee) = build(dir.path());
    for _ in 0..1_000 {
        recorder.note(&std::fmt::Error);
    }
    let noted = recorder.snapshot().noted_errors;
    assert_eq!(noted.len(), 1);
    assert_eq!(noted[0].count, 1_000);
    assert!(noted[0].first_at <= noted[0].last_at);
}

#[test]
fn any_kind_of_error_can_be_noted() {
    let dir = tempdir().unwrap();
    let (recorder, _tee) = build(dir.path());
    let boxed: Box<dyn std::error::Error + Send + Sync> = "a box".into();
    recorder.note(&boxed);
    recorder.note(&*boxed);
    recorder.note(&stackerr::err!("of stackerr"));
    #[cfg(feature = "anyhow")]
    recorder.note(&anyhow::anyhow!("of anyhow"));
    let noted = recorder.snapshot().noted_errors;
    assert_eq!(noted.len(), if cfg!(feature = "anyhow") { 4 } else { 3 });
}

#[test]
fn noted_errors_are_kept_if_a_dump_cannot_be_written() {
    let dir = tempdir().unwrap();
    let is_broken = Arc::new(AtomicBool::new(true));
    struct Fragile(Arc<AtomicBool>, File);
    impl Write for Fragile {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.1.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            self.1.flush()
        }
    }
    let path = dir.path().join("dump");
    let writer = Fragile(is_broken.clone(), File::create(&path).unwrap());
    let builder = quiet(dir.path()).dump_to(writer).notice(false);
    let (recorder, _tee) = builder.build();
    recorder.note(&std::fmt::Error);
    recorder.dump("is lost").unwrap_err();
    is_broken.store(false, Ordering::Relaxed);
    recorder.dump("is written").unwrap();
    let dump = flightrec::Dump::from_json(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(dump.noted_errors.len(), 1);
}

#[test]
fn an_error_whose_display_panics_does_not_affect_others() {
    #[derive(Debug)]
    struct Panics;
    impl std::fmt::Display for Panics {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("in Display")
        }
    }
    impl std::error::Error for Panics {}
    let dir = tempdir().unwrap();
    let (recorder, _tee) = build(dir.path());
    recorder.note(&Panics);
    recorder.note(&std::fmt::Error);
    let messages: Vec<_> = recorder
        .snapshot()
        .noted_errors
        .into_iter()
        .map(|noted| noted.error.message)
        .collect();
    assert!(
        messages.contains(&std::fmt::Error.to_string()),
        "{messages:?}"
    );
}
