//! So many failures that most must be counted and not dumped.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use flightrec::stackerr::err;

use super::host::{self, Host};
use super::row::{self, Row};
use super::watch;
use crate::common::dumps;

const STORM: &str = "FLIGHTREC_HOST_STORM";

pub(crate) fn host(scenario: &str) -> ExitCode {
    let storm: u64 = std::env::var(STORM)
        .expect("a number")
        .parse()
        .expect("a number");
    let host = Host::start(|builder| builder);
    let flight = host.flight.as_ref().expect("with the recorder");
    let begun = Instant::now();
    let mut dumped = Vec::new();
    for number in 0..storm {
        let outcome = match scenario {
            "equal" => flight.dump_error(&err!("the same failure, number {number}")),
            _ => flight.dump_error(&io::Error::other(format!(
                "another failure, {}",
                letters(number)
            ))),
        };
        if let Ok(outcome) = outcome
            && let Some(path) = outcome.path()
            && dumped.last().map(PathBuf::as_path) != Some(path)
        {
            dumped.push(path.to_owned());
        }
    }
    // The first ten, then one every 30 seconds.
    let max = 10 + begun.elapsed().as_secs() / 30;
    host::print(&format!("{} {max}", dumped.len()));
    flight.dump("the storm is over").expect("a dump");
    ExitCode::SUCCESS
}

/// Writes a number in letters, because failures that differ only in digits are the same.
fn letters(number: u64) -> String {
    let letter = |digit: char| char::from(b'a' + digit as u8 - b'0');
    number.to_string().chars().map(letter).collect()
}

pub(crate) fn of_failures(row: &mut Row) {
    for scenario in ["equal", "different"] {
        let storm = row::tries(10_000, 100_000);
        row.tries += storm;
        let dir = tempfile::tempdir().expect("a directory");
        let mut program = watch::host(&format!("storm:{scenario}"), dir.path(), true);
        let Some(ended) = watch::run(program.env(STORM, storm.to_string())) else {
            row.hung(scenario);
            continue;
        };
        let mut numbers = ended
            .stdout
            .split_whitespace()
            .map(|word| word.parse::<u64>());
        let (Some(Ok(dumped)), Some(Ok(max))) = (numbers.next(), numbers.next()) else {
            row.harmed(format!("{ended:?}"));
            continue;
        };
        let max = if scenario == "equal" { 1 } else { max };
        if dumped > max || dumped == 0 {
            row.harmed(format!(
                "{dumped} dumps of {scenario} failures, at most {max} expected"
            ));
        }
        if ended.recorder_lines().len() as u64 != dumped + 1 {
            row.harmed(format!("{} lines on stderr", ended.recorder_lines().len()));
        }
        let dumps = dumps(dir.path());
        let bytes: usize = super::kills::files(dir.path()).values().map(Vec::len).sum();
        if dumps.len() > 10 || bytes > 50 << 20 {
            row.harmed(format!("{} dumps of {bytes} bytes", dumps.len()));
        }
        // Each failure is dumped, or counted in a dump.
        let counted: u64 = dumps.iter().map(|(_, dump)| dump.suppressed_dumps).sum();
        if counted + dumped != storm {
            row.lost(format!(
                "{dumped} dumped and {counted} counted of {storm} {scenario}"
            ));
        }
        row.reported += counted;
    }
}
