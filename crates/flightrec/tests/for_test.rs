//! Recorders for tests. This binary runs itself. The tests in `of_a_program` are examples of a program's
//! tests, which do nothing in the first run.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{dumps, stderr};
use flightrec::FlightRecorder;
use tempfile::tempdir;

/// Set in the process in which the tests of `of_a_program` do something.
const RUNS: &str = "FLIGHTREC_TEST_RUNS";

mod of_a_program {
    use super::*;

    fn install() -> Option<FlightRecorder> {
        std::env::var_os(RUNS)?;
        let recorder = flightrec::builder("tested").for_test().install();
        Some(recorder.expect("each test installs one"))
    }

    #[test]
    fn passes() {
        let Some(recorder) = install() else { return };
        log::info!("not shown, because the test passes");
        let caught = std::panic::catch_unwind(|| panic!("expected"));
        assert!(caught.is_err());
        let outcome = recorder.dump_error(&std::fmt::Error).unwrap();
        let path = outcome.path().expect("a dump").to_owned();
        assert!(path.exists());
        let second = recorder.clone();
        drop(recorder);
        assert!(path.exists(), "a handle is left");
        drop(second);
        assert!(!path.parent().unwrap().exists());
    }

    #[test]
    fn fails() {
        let Some(_recorder) = install() else { return };
        log::info!("on the console");
        log::debug!("in the dump of the first one that fails");
        panic!("this test fails");
    }

    #[test]
    fn fails_too() {
        let Some(_recorder) = install() else { return };
        log::debug!("in the dump of the second one that fails");
        let port: Result<u16, _> = "x".parse();
        port.unwrap();
    }

    #[test]
    fn installs_twice() {
        let Some(first) = install() else { return };
        let second = install().unwrap();
        log::debug!("in both");
        for recorder in [first, second] {
            assert_eq!(recorder.snapshot().latest_logs[0].msg, "in both");
        }
        // A thread that installs its own recorder gets no records of this thread.
        let other = std::thread::spawn(|| install().unwrap().snapshot().latest_logs.len());
        assert_eq!(other.join().unwrap(), 0);
    }

    #[test]
    #[should_panic(expected = "this one should")]
    fn should_panic() {
        let Some(_recorder) = install() else {
            panic!("this one should");
        };
        panic!("this one should");
    }

    #[test]
    fn runs_a_main_function() {
        let Some(recorder) = install() else { return };
        recorder.run(|| Err::<(), _>("an error that this test expects"));
        let dump = recorder.snapshot();
        assert_eq!(dump.app, "tested");
    }
}

/// Runs the tests in `of_a_program` with these options. The state directory is in `home`.
fn run(options: &[&str], home: &Path) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .arg("of_a_program::")
        .args(options)
        .env(RUNS, "yes")
        .env("HOME", home)
        .env("XDG_STATE_HOME", home.join("state"))
        .env_remove("RUST_TEST_THREADS")
        .env_remove("RUST_TEST_NOCAPTURE")
        .output()
        .unwrap()
}

/// Returns the paths of dumps in the recorder's lines.
fn dump_paths(text: &str) -> Vec<PathBuf> {
    let lines = text.lines();
    let paths = lines.filter_map(|line| line.strip_prefix("flightrec: crash report written to "));
    let paths = paths.map(|line| line.split_once(";").map_or(line, |(path, _)| path));
    paths.map(PathBuf::from).collect()
}

#[test]
fn only_tests_that_fail_leave_dumps_and_output() {
    for options in [&[][..], &["--test-threads=1"]] {
        let home = tempdir().unwrap();
        let output = run(options, home.path());
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            stdout.contains("4 passed; 2 failed"),
            "{stdout}\n{}",
            stderr(&output)
        );
        // The test harness captures all output, and shows none of tests that pass.
        assert!(
            !stderr(&output).contains("flightrec:"),
            "{}",
            stderr(&output)
        );
        for silent in [
            "not shown, because",
            "an error that this test expects",
            "expected",
        ] {
            assert!(!stdout.contains(silent), "{silent:?} in {stdout}");
        }
        assert!(stdout.contains("on the console"), "{stdout}");
        let paths = dump_paths(&stdout);
        assert_eq!(paths.len(), 2, "{stdout}");
        for path in &paths {
            let dumps = dumps(path.parent().unwrap());
            let [(_, dump)] = &dumps[..] else {
                panic!("{} dumps", dumps.len());
            };
            let [record] = &dump.latest_logs[..] else {
                // The first of the two has another record, for the console.
                assert_eq!(dump.latest_logs.len(), 2);
                assert!(dump.reason.message.ends_with("this test fails"));
                assert_eq!(
                    dump.latest_logs[1].msg,
                    "in the dump of the first one that fails"
                );
                continue;
            };
            assert_eq!(record.msg, "in the dump of the second one that fails");
        }
        let left = fs::read_dir(home.path()).unwrap().count();
        assert_eq!(left, 0, "the user's directories are not touched");
        // The dumps of a later run replace those of an earlier one.
        let again = run(options, home.path());
        let paths_again = dump_paths(&String::from_utf8_lossy(&again.stdout));
        assert_eq!(paths_again.len(), 2);
        for (before, after) in paths.iter().zip(&paths_again) {
            assert!(after.exists());
            assert!(!before.exists(), "{}", before.display());
        }
    }
}
