//! A bug that fails many times, and similar bugs: which failures are dumped, which are counted, and which
//! earlier dumps are kept.

mod common;

use std::collections::BTreeSet;
use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use common::{child, dumps, quiet, scenario, stderr};
use flightrec::{Dump, FlightRecorder, Kind};
use tempfile::tempdir;

type Boxed = Box<dyn StdError + Send + Sync>;

/// The child process: runs one scenario.
#[test]
fn program() {
    let Some((scenario, dir)) = scenario() else {
        return;
    };
    let recorder = quiet(&dir).install().unwrap();
    match scenario.as_str() {
        "parallel loop" => parallel_loop(&recorder),
        "task" => task(&recorder),
        "two closures" => two_closures(),
        other => panic!("no scenario {other}"),
    }
    std::process::exit(0);
}

/// A bug in a loop that is split among threads, as in rayon. The items fail with different numbers of
/// frames on the stack, called from eight places of the splitting code. `main` gets the first panic.
fn parallel_loop(recorder: &FlightRecorder) {
    for number in 0..3 {
        let error: Boxed = ["disk", "network", "memory"][number].into();
        let _ = recorder.dump_error(&error);
    }
    recorder.run(|| {
        let items = (0..400).collect::<Vec<_>>();
        let results = std::thread::scope(|scope| {
            let worker =
                |items: Vec<i32>| scope.spawn(move || items.into_iter().map(run).collect());
            let workers: Vec<_> = items.chunks(50).map(<[_]>::to_vec).map(worker).collect();
            let results = workers.into_iter().map(|worker| worker.join().unwrap());
            results.collect::<Vec<Vec<_>>>()
        });
        let first = results.into_iter().flatten().find_map(Result::err);
        resume_unwind(first.unwrap());
        #[expect(unreachable_code)]
        Ok::<(), Boxed>(())
    });
}

fn run(item: i32) -> std::thread::Result<()> {
    catch_unwind(|| split(item, item as u32 % 60))
}

#[inline(never)]
fn split(item: i32, depth: u32) {
    // Each call has a different address.
    match depth.checked_sub(1).map(|left| (left, left % 8)) {
        None => panic!("item {item}"),
        Some((left, 0)) => split(item, left),
        Some((left, 1)) => (split)(item, left + u32::from(item < 0)),
        Some((left, 2)) => split(item + i32::from(depth == 99), left),
        Some((left, 3)) => split(item * i32::from(depth < 99), left),
        Some((left, 4)) => split(item - i32::from(depth == 98), left),
        Some((left, 5)) => split(item | i32::from(depth == 97), left),
        Some((left, 6)) => split(item ^ i32::from(depth == 96), left),
        Some((left, _)) => split(item & !i32::from(depth == 95), left),
    }
}

fn task(recorder: &FlightRecorder) {
    recorder.run(|| {
        let task = std::thread::spawn(|| panic!("the cause"));
        task.join().map_err(|_| "a task panicked")
    });
}

fn two_closures() {
    let work = |fail: &dyn Fn() -> u32| catch_unwind(AssertUnwindSafe(fail)).is_err();
    let empty: Vec<u32> = Vec::new();
    assert!(work(&|| empty[std::process::id() as usize]));
    assert!(work(&|| empty.iter().copied().next().unwrap()));
}

fn of_kind<'a>(dumps: &'a [(std::path::PathBuf, Dump)], kind: &Kind) -> Vec<&'a Dump> {
    let dumps = dumps.iter().map(|(_, dump)| dump);
    dumps.filter(|dump| dump.reason.kind == *kind).collect()
}

#[test]
fn a_bug_in_a_parallel_loop_makes_few_dumps_with_one_fingerprint_and_keeps_earlier_ones() {
    let dir = tempdir().unwrap();
    let output = child("program", "parallel loop", dir.path());
    assert_eq!(output.status.code(), Some(101), "{output:?}");
    let dumps = dumps(dir.path());
    let panics = of_kind(&dumps, &Kind::Panic);
    // At most three of the workers, and the one that ended the process.
    assert!((1..=4).contains(&panics.len()), "{} dumps", panics.len());
    let fingerprints: BTreeSet<_> = panics.iter().map(|dump| &dump.fingerprint).collect();
    assert_eq!(fingerprints.len(), 1);
    for dump in &panics {
        let mut notes = dump.notes.iter();
        assert!(notes.all(|note| note.starts_with("there are no records")));
    }
    assert_eq!(of_kind(&dumps, &Kind::Error).len(), 3);
    // The others are counted, in a dump or in a line on stderr.
    let counted: u64 = panics.iter().map(|dump| dump.suppressed_dumps).sum();
    let text = stderr(&output);
    let reported = text.lines().find_map(|line| {
        let line = line.strip_prefix("flightrec: ")?;
        line.split_once(" more failures not dumped")?
            .0
            .parse::<u64>()
            .ok()
    });
    assert_eq!(
        panics.len() as u64 + counted + reported.unwrap_or(0),
        400,
        "{text}"
    );
}

#[test]
fn the_dump_of_a_task_s_error_refers_to_the_dump_of_its_panic() {
    let dir = tempdir().unwrap();
    let output = child("program", "task", dir.path());
    assert!(output.status.success(), "{output:?}");
    let dumps = dumps(dir.path());
    let [(path, panic), (_, error)] = &dumps[..] else {
        panic!("{} dumps", dumps.len());
    };
    assert_eq!(panic.reason.kind, Kind::Panic);
    assert_eq!(error.reason.message, "a task panicked");
    let name = path.file_name().unwrap().to_string_lossy();
    assert_eq!(error.related_dumps, [name]);
}

#[test]
fn panics_in_two_closures_of_a_function_are_two_failures() {
    let dir = tempdir().unwrap();
    let output = child("program", "two closures", dir.path());
    assert!(output.status.success(), "{output:?}");
    let dumps = dumps(dir.path());
    assert_eq!(dumps.len(), 2);
    assert_ne!(dumps[0].1.fingerprint, dumps[1].1.fingerprint);
}

/// In a program with boxed errors, no error has a stack.
#[test]
fn unrelated_errors_without_stacks_are_different_failures() {
    fn load(profile: usize) -> Result<(), Boxed> {
        match profile {
            0 => Err("no such profile".into()),
            1 => Err(std::io::Error::other("no such host").into()),
            2 => "x".parse::<u16>().map(drop).map_err(Into::into),
            _ => Err(std::fmt::Error.into()),
        }
    }
    let dir = tempdir().unwrap();
    let (recorder, _tee) = quiet(dir.path()).build();
    for profile in 0..4 {
        let outcome = recorder.dump_error(&load(profile).unwrap_err()).unwrap();
        assert!(outcome.path().is_some(), "{outcome:?}");
    }
    // An error that differs only in a number is the same failure.
    for port in [80, 443] {
        let error: Boxed = format!("port {port} is taken").into();
        recorder.dump_error(&error).unwrap();
    }
    let dumps = dumps(dir.path());
    let messages: Vec<_> = dumps
        .iter()
        .map(|(_, dump)| dump.reason.message.as_str())
        .collect();
    assert_eq!(messages.len(), 5, "{messages:?}");
    let fingerprints: BTreeSet<_> = dumps.iter().map(|(_, dump)| &dump.fingerprint).collect();
    assert_eq!(fingerprints.len(), 5);
}

#[test]
fn a_dump_describes_the_failures_that_it_counts() {
    let dir = tempdir().unwrap();
    let (recorder, _tee) = quiet(dir.path()).build();
    for _ in 0..5 {
        let error: Boxed = "the repeated one".into();
        recorder.dump_error(&error).unwrap();
    }
    let other: Boxed = "another one".into();
    recorder.dump_error(&other).unwrap();
    let dumps = dumps(dir.path());
    let [(_, first), (_, second)] = &dumps[..] else {
        panic!("{} dumps", dumps.len());
    };
    assert_eq!(first.suppressed_dumps, 0);
    assert_eq!(second.reason.message, "another one");
    let [counted] = &second.suppressed[..] else {
        panic!("{:?}", second.suppressed);
    };
    assert_eq!(
        (counted.message.as_str(), counted.count),
        ("the repeated one", 4)
    );
}
