//! Programs that fail: their output, exit codes and dumps.

mod common;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::process::{ExitCode, Output};

use common::{child, dumps, quiet, scenario, stderr};
use flightrec::FlightRecorder;
use flightrec::stackerr::{Error, err};
use log::{debug, info};
use tempfile::tempdir;

/// The child process: runs one scenario and exits with its code.
#[test]
fn program() {
    let Some((scenario, dir)) = scenario() else {
        return;
    };
    let exits_in_hook = scenario == "hook exits";
    if exits_in_hook {
        std::panic::set_hook(Box::new(|_| std::process::exit(3)));
    }
    let recorder = quiet(&dir)
        .console(log::LevelFilter::Info)
        .panic_hook_first(exits_in_hook)
        .install()
        .unwrap();
    info!("the console shows this");
    debug!("and not this");
    let code = run(&recorder, &scenario);
    // As `main` would. After a panic, this is not reached.
    std::process::exit(if code == ExitCode::SUCCESS {
        0
    } else if code == ExitCode::from(7) {
        7
    } else {
        1
    });
}

fn run(recorder: &FlightRecorder, scenario: &str) -> ExitCode {
    match scenario {
        "well" => recorder.run(|| Ok::<_, Error>(())),
        "own code" => recorder.run(|| Ok::<_, Error>(ExitCode::from(7))),
        "stackerr" => recorder.run(|| Err::<(), _>(err!("it broke").context("cannot start"))),
        "anyhow" => {
            recorder.run(|| Err::<(), _>(anyhow::anyhow!("it broke").context("cannot start")))
        }
        "box" => recorder.run(|| {
            let _: u8 = "x".parse()?;
            Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
        }),
        "string" => recorder.run(|| Err::<(), _>("just text".to_owned())),
        "str" => recorder.run(|| Err::<(), _>("just text")),
        "empty message" => recorder.run(|| {
            Err::<(), _>(Odd {
                text: "",
                then: Then::Nothing,
            })
        }),
        "display panics" => recorder.run(|| {
            Err::<(), _>(Odd {
                text: "half",
                then: Then::Panic,
            })
        }),
        "display logs" => recorder.run(|| {
            Err::<(), _>(Odd {
                text: "logged",
                then: Then::Log,
            })
        }),
        "escape" => recorder.run(|| Err::<(), _>(err!("red \x1b[31m text"))),
        "cyclic" => recorder.run(|| Err::<(), _>(Cyclic)),
        "deep" => recorder.run(|| {
            let deep = (0..10_000).fold(err!("bottom"), |error, number| error.context(number));
            Err::<(), _>(deep)
        }),
        "panic" | "hook exits" => recorder.run(|| {
            if true {
                panic!("at the disco")
            } else {
                Ok::<(), Error>(())
            }
        }),
        "panic in thread" => {
            let thread = std::thread::Builder::new().name("worker".into());
            let joined = thread
                .spawn(|| panic!("{} at the disco", 1))
                .unwrap()
                .join();
            recorder
                .run(|| joined.map_err(|_: Box<dyn std::any::Any + Send>| "the worker panicked"))
        }
        "many panics" => {
            let thread = |_| std::thread::spawn(|| panic!("all at once"));
            for thread in (0..8).map(thread).collect::<Vec<_>>() {
                assert!(thread.join().is_err());
            }
            ExitCode::SUCCESS
        }
        "born early" => recorder.run(|| {
            let early = err!("born here");
            std::thread::sleep(std::time::Duration::from_millis(20));
            for number in 0..10 {
                debug!("much later {number}");
            }
            Err::<(), _>(early)
        }),
        "storm, then an error" | "storm, then a panic" => recorder.run(|| {
            for number in 0..20 {
                let text = char::from(b'a' + number).to_string();
                let _ = std::panic::catch_unwind(|| panic_at(number, &text));
            }
            if scenario.ends_with("panic") {
                panic!("the last one");
            }
            Err::<(), _>("the last one")
        }),
        "passed on" | "storm, then passed on" => recorder.run(|| {
            let panics_before = if scenario == "passed on" { 0 } else { 20 };
            for number in 0..panics_before {
                let text = char::from(b'a' + number).to_string();
                let _ = std::panic::catch_unwind(|| panic_at(number, &text));
            }
            let worker = std::thread::spawn(|| {
                if true {
                    panic!("the worker's");
                }
            });
            if let Err(payload) = worker.join() {
                std::panic::resume_unwind(payload);
            }
            Ok::<_, Error>(())
        }),
        "caught, then hook replaced" => recorder.run(|| {
            let fail = |job: i32| -> Result<(), Error> { panic!("job {job} failed") };
            let _kept = std::panic::catch_unwind(|| fail(1));
            std::panic::set_hook(Box::new(|_| eprintln!("another hook")));
            fail(1)
        }),
        "hook replaced" => {
            std::panic::set_hook(Box::new(|_| eprintln!("another hook")));
            recorder.run(|| {
                if true {
                    panic!("unseen");
                }
                Ok::<_, Error>(())
            })
        }
        "error payloads" => {
            let boxed: Box<dyn std::error::Error + Send + Sync> = "a boxed error".into();
            let own = err!("the cause").context("an error of stackerr");
            let foreign = anyhow::anyhow!("the cause").context("an error of anyhow");
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| std::panic::panic_any(boxed)));
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| std::panic::panic_any(own)));
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| std::panic::panic_any(foreign)));
            ExitCode::SUCCESS
        }
        "odd payload" => {
            let _ = std::panic::catch_unwind(|| std::panic::panic_any(7));
            ExitCode::SUCCESS
        }
        "logged display panics" => {
            info!(
                "{}",
                Odd {
                    text: "half",
                    then: Then::Panic
                }
            );
            ExitCode::SUCCESS
        }
        other => panic!("no scenario {other}"),
    }
}

/// Panics at one of twenty places, so that each panic is a different failure.
fn panic_at(place: u8, text: &str) {
    macro_rules! places {
        ($($number:literal)*) => {
            match place {
                $($number => panic!("caught {text}{}", $number),)*
                _ => {}
            }
        };
    }
    places!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19);
}

#[derive(Debug)]
struct Odd {
    text: &'static str,
    then: Then,
}

#[derive(Debug)]
enum Then {
    Nothing,
    Panic,
    Log,
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)?;
        match self.then {
            Then::Nothing => {}
            Then::Panic => panic!("in a Display"),
            Then::Log => debug!("from a Display"),
        }
        Ok(())
    }
}

impl std::error::Error for Odd {}

#[derive(Debug)]
struct Cyclic;

impl fmt::Display for Cyclic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("again")
    }
}

impl std::error::Error for Cyclic {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&Cyclic)
    }
}

fn program_with(scenario: &str) -> (Output, Vec<flightrec::Dump>) {
    let dir = tempdir().unwrap();
    let output = child("program", scenario, dir.path());
    let text = stderr(&output);
    assert!(
        text.contains("the console shows this") && !text.contains("and not this"),
        "{text}"
    );
    let dumps = dumps(dir.path());
    for (path, _) in &dumps {
        assert!(
            text.contains(&*path.to_string_lossy()),
            "{text} does not name {}",
            path.display()
        );
    }
    (output, dumps.into_iter().map(|(_, dump)| dump).collect())
}

/// Runs a scenario that returns an error, and checks that it is shown, that there is one dump, and that the
/// exit code is 1.
#[track_caller]
fn fails(scenario: &str, shown: &str) -> flightrec::Dump {
    let (output, dumps) = program_with(scenario);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(shown), "{text}");
    assert!(
        text.find(shown) < text.find("flightrec: crash report written to"),
        "{text}"
    );
    let [dump] = <[_; 1]>::try_from(dumps).expect("one dump");
    assert_eq!(dump.reason.kind, "error");
    assert!(
        dump.latest_logs
            .iter()
            .any(|log| log.msg == "and not this" && log.level == "DEBUG")
    );
    dump
}

#[test]
fn a_program_that_succeeds_leaves_nothing() {
    for (scenario, code) in [("well", 0), ("own code", 7)] {
        let (output, dumps) = program_with(scenario);
        assert_eq!(
            (output.status.code(), dumps.len()),
            (Some(code), 0),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn every_kind_of_error_is_shown_and_dumped() {
    let begins = |dump: &flightrec::Dump| dump.stack_traces[0].frames[0].name.clone();
    for scenario in ["stackerr", "anyhow"] {
        let dump = fails(scenario, "Error: cannot start\ncaused by: it broke\n");
        assert_eq!(dump.error.as_ref().unwrap().sources[0].message, "it broke");
    }
    assert!(begins(&fails("stackerr", "Error: ")).starts_with("failing::run::{"));
    let dump = fails("box", "Error: invalid digit found in string\n");
    assert_eq!(dump.stack_traces.len(), 1, "the stack of the call of `run`");
    fails("string", "Error: just text\n");
    fails("str", "Error: just text\n");
}

#[test]
fn an_unusual_error_is_shown_and_dumped() {
    assert_eq!(
        fails("empty message", "Error: <no message>\n")
            .reason
            .message,
        "<no message>"
    );
    let dump = fails("display logs", "Error: logged\n");
    assert!(
        dump.latest_logs
            .iter()
            .any(|log| log.msg == "from a Display")
    );
    fails("escape", "Error: red \\u{1b}[31m text\n");
    fails("cyclic", "Error: again\n");
    let dump = fails("deep", "Error: 9999\ncaused by: 9998\n");
    assert_eq!(dump.stack_traces[0].error, "bottom");
}

#[test]
fn a_display_that_panics_changes_only_the_message() {
    let (output, dumps) = program_with("display panics");
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("Error: half <Display panicked>\n"), "{text}");
    let errors = dumps.iter().filter(|dump| dump.reason.kind == "error");
    assert_eq!(errors.count(), 1);
    let (output, _) = program_with("logged display panics");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn a_panic_is_dumped_and_ends_the_program_as_usual() {
    let (output, dumps) = program_with("panic");
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(101), "{text}");
    assert!(text.contains("at the disco"), "{text}");
    let [dump] = &dumps[..] else {
        panic!("{} dumps", dumps.len())
    };
    assert_eq!(dump.reason.kind, "panic");
    assert!(
        dump.reason.message.ends_with(": at the disco"),
        "{}",
        dump.reason.message
    );
    let error = dump.error.as_ref().unwrap();
    assert_eq!(error.message, "at the disco");
    assert!(
        error
            .location
            .as_ref()
            .unwrap()
            .file
            .ends_with("failing.rs")
    );
    assert!(
        dump.stack_traces[0].frames[0]
            .name
            .starts_with("failing::run::{"),
        "{:#?}",
        dump.stack_traces[0].frames[0]
    );
}

#[test]
fn the_dump_of_a_panic_has_the_name_of_the_thread() {
    let (output, dumps) = program_with("panic in thread");
    assert_eq!(output.status.code(), Some(1));
    let kinds: Vec<_> = dumps.iter().map(|dump| dump.reason.kind.as_str()).collect();
    assert_eq!(kinds, ["panic", "error"]);
    assert_eq!(dumps[0].process.thread, "worker");
    assert!(
        dumps[0]
            .reason
            .message
            .starts_with("thread 'worker' panicked at "),
        "{}",
        dumps[0].reason.message
    );
    assert!(dumps[0].reason.message.ends_with(": 1 at the disco"));
}

#[test]
fn eight_panics_at_the_same_time_make_one_dump() {
    let (output, dumps) = program_with("many panics");
    let text = stderr(&output);
    assert_eq!(text.matches("all at once").count(), 8, "{text}");
    assert_eq!(dumps.len(), 1, "one place, one dump");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_dump_of_a_panic_says_that_the_payload_is_not_text() {
    let (_, dumps) = program_with("odd payload");
    assert_eq!(
        dumps[0].error.as_ref().unwrap().message,
        "<a panic payload that is not text>"
    );
}

#[test]
fn a_stack_refers_to_the_last_record_before_the_error_was_created() {
    let dump = fails("born early", "Error: born here\n");
    let seq = dump.stack_traces[0].log_seq.unwrap();
    let last_before = dump.latest_logs.iter().find(|log| log.seq == seq).unwrap();
    assert_eq!(last_before.msg, "and not this");
    assert!(dump.latest_logs.last().unwrap().seq >= seq + 10);
}

#[test]
fn a_failure_that_ends_the_program_is_dumped_after_many_caught_panics() {
    for (scenario, kind, code) in [
        ("storm, then an error", "error", 1),
        ("storm, then a panic", "panic", 101),
    ] {
        let dir = tempdir().unwrap();
        let output = child("program", scenario, dir.path());
        assert_eq!(output.status.code(), Some(code));
        let dumps = dumps(dir.path());
        let last = &dumps.last().unwrap().1;
        assert_eq!(last.reason.kind, kind);
        assert!(last.reason.message.ends_with("the last one"), "{last:?}");
        assert!(!last.stack_traces.is_empty());
        // The other failures were dumped or counted.
        let counted: u64 = dumps.iter().map(|(_, dump)| dump.suppressed_dumps).sum();
        assert!(counted >= 10, "{counted}");
        let text = stderr(&output);
        assert!(
            text.lines()
                .last()
                .unwrap()
                .contains("crash report written"),
            "{text}"
        );
    }
}

#[test]
fn a_panic_of_a_worker_that_main_resumes_makes_one_dump() {
    for scenario in ["passed on", "storm, then passed on"] {
        let (output, dumps) = program_with(scenario);
        assert_eq!(output.status.code(), Some(101));
        let of_the_worker: Vec<_> = dumps
            .iter()
            .filter(|dump| dump.error.as_ref().unwrap().message == "the worker's")
            .collect();
        let [dump] = &of_the_worker[..] else {
            panic!("{scenario}: {} dumps", of_the_worker.len());
        };
        assert_eq!(dump.reason.kind, "panic");
        assert!(dump.notes.is_empty(), "{:?}", dump.notes);
    }
}

#[test]
fn the_panic_that_ends_the_program_is_dumped_if_another_hook_was_set() {
    let (output, dumps) = program_with("hook replaced");
    assert_eq!(output.status.code(), Some(101));
    let [dump] = &dumps[..] else {
        panic!("{} dumps", dumps.len());
    };
    assert_eq!(dump.reason.kind, "panic");
    assert_eq!(dump.error.as_ref().unwrap().message, "unseen");
    assert!(
        dump.notes[0].contains("another panic hook"),
        "{:?}",
        dump.notes
    );
}

#[test]
fn the_recorder_s_hook_can_run_before_one_that_exits() {
    let (output, dumps) = program_with("hook exits");
    assert_eq!(output.status.code(), Some(3));
    let [dump] = &dumps[..] else {
        panic!("{} dumps", dumps.len());
    };
    assert_eq!(dump.error.as_ref().unwrap().message, "at the disco");
    assert!(!dump.stack_traces.is_empty());
}

#[test]
fn a_panic_with_the_same_message_as_an_earlier_one_is_dumped() {
    let (output, dumps) = program_with("caught, then hook replaced");
    assert_eq!(output.status.code(), Some(101));
    let [caught, last] = &dumps[..] else {
        panic!("{} dumps", dumps.len());
    };
    assert!(caught.notes.is_empty(), "{:?}", caught.notes);
    assert_eq!(last.error.as_ref().unwrap().message, "job 1 failed");
    assert!(last.notes[0].contains("another panic hook"));
}

#[cfg(feature = "anyhow")]
#[test]
fn errors_as_panic_payloads_keep_their_messages_and_causes() {
    let (_, dumps) = program_with("error payloads");
    let errors: Vec<_> = dumps
        .iter()
        .map(|dump| dump.error.as_ref().unwrap())
        .collect();
    let messages: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "a boxed error",
            "an error of stackerr",
            "an error of anyhow"
        ]
    );
    assert_eq!(errors[1].sources[0].message, "the cause");
    assert_eq!(errors[2].sources[0].message, "the cause");
    let origins = dumps[1].stack_traces.iter().map(|trace| &trace.origin);
    assert_eq!(
        origins.collect::<Vec<_>>(),
        [
            &flightrec::StackOrigin::Creation,
            &flightrec::StackOrigin::Panic
        ]
    );
}

#[test]
fn dumps_go_to_another_directory_if_the_first_cannot_be_written_to() {
    let parent = tempdir().unwrap();
    let file = parent.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let state = parent.path().join("state");
    for (name, expected) in [
        ("STATE_DIRECTORY", "state/flightrec/"),
        ("TMPDIR", "state/flightrec-"),
    ] {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "program", "--nocapture", "--test-threads=1"])
            .env("SCENARIO", "stackerr")
            .env("DUMPS", file.join("below"))
            .env(name, &state)
            .output()
            .unwrap();
        let text = stderr(&output);
        let line = text.lines().last().unwrap();
        assert!(
            line.starts_with("flightrec: crash report written to "),
            "{text}"
        );
        assert!(
            line.contains(expected) && line.contains("can't be written to"),
            "{text}"
        );
        std::fs::create_dir_all(&state).unwrap();
    }
}

#[test]
fn if_no_directory_can_be_written_to_there_is_one_line_and_no_other_change() {
    let parent = tempdir().unwrap();
    let file = parent.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let mut places = vec![file.join("below"), file];
    if cfg!(target_os = "linux") {
        // It exists, but not even root, as which this test may run, can create a file in it.
        places.push("/proc/self/task".into());
    }
    for dir in places {
        for (scenario, code) in [("stackerr", 1), ("panic", 101), ("well", 0)] {
            let output = child("program", scenario, &dir);
            let text = stderr(&output);
            assert_eq!(output.status.code(), Some(code), "{text}");
            let said: Vec<_> = text
                .lines()
                .filter(|line| line.starts_with("flightrec: "))
                .collect();
            if scenario == "well" {
                assert_eq!(said, [""; 0]);
                continue;
            }
            assert_eq!(said.len(), 1, "{text}");
            assert!(
                said[0].starts_with("flightrec: cannot write a crash report to ")
                    && said[0].contains(&*dir.to_string_lossy()),
                "{text}"
            );
        }
    }
}
