//! Each test has its own recorder. A failing test prints the path of a dump, which has the records of
//! that test and not those of tests that run at the same time.

use std::fs;
use std::process::Command;

use flightrec::FlightRecorder;
use flightrec_dump::Dump;

fn recorder() -> FlightRecorder {
    let recorder = flightrec::builder("recipes")
        .console(log::LevelFilter::Info)
        .for_test();
    recorder.install().unwrap()
}

/// The function under test.
fn port(text: &str) -> u16 {
    log::debug!("parsing {text:?}");
    text.parse().expect("a port")
}

#[test]
fn a_port_is_a_number() {
    let _recorder = recorder();
    assert_eq!(port("8080"), 8080);
}

#[test]
fn another_port_is_a_number() {
    let _recorder = recorder();
    // The last test sets this variable to make this test fail.
    let text = std::env::var("PORT_OF_TEST").unwrap_or_else(|_| "443".to_owned());
    assert_eq!(port(&text), 443);
}

#[test]
fn a_failing_test_prints_the_path_of_its_dump() {
    let tests = Command::new(std::env::current_exe().unwrap())
        .arg("port_is_a_number")
        .env("PORT_OF_TEST", "http")
        .output()
        .unwrap();
    assert_eq!(tests.status.code(), Some(101), "one of the two tests fails");
    let shown = String::from_utf8_lossy(&tests.stdout);
    let mut paths = shown
        .lines()
        .filter_map(|line| line.strip_prefix("flightrec: crash report written to "));
    let path = paths.next().unwrap_or_else(|| panic!("no path in {shown}"));
    assert_eq!(paths.next(), None);
    let dump = Dump::from_json(&fs::read(path).unwrap()).unwrap();
    assert!(
        dump.reason.message.contains("a port"),
        "{}",
        dump.reason.message
    );
    let messages: Vec<_> = dump.latest_logs.iter().map(|log| &*log.msg).collect();
    assert_eq!(messages, ["parsing \"http\""]);
}
