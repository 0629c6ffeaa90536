//! The table of the results of each fault.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::cargo;

/// The cells that the tests print after the word `row`: the fault, the number of tries, the number of
/// missing dumps that were reported or counted, and then four numbers that must be 0.
pub(super) struct Row(Vec<String>);

const HEAD: [&str; 7] = [
    "fault",
    "tries",
    "reported, not dumped",
    "lost",
    "torn",
    "hung",
    "host harmed",
];

/// Runs the campaign. The flag is false if a test fails.
pub(super) fn rows(campaign: &str) -> Result<(Vec<Row>, bool)> {
    let mut command = cargo::cargo();
    command.args("test --quiet --release -p flightrec --all-features --test faults".split(' '));
    gather(&mut command, campaign, "")
}

/// Runs a part of it with `panic = "abort"`.
pub(super) fn rows_aborting(part: &str, campaign: &str) -> Result<(Vec<Row>, bool)> {
    let mut command = cargo::cargo();
    command
        .args("test --quiet --release -p flightrec --all-features --test faults".split(' '))
        .arg("--target-dir")
        .arg(cargo::target_dir().join("abort"))
        .args(["--", part])
        .env("RUSTFLAGS", "-C panic=abort");
    gather(&mut command, campaign, ", panic = \"abort\"")
}

fn gather(command: &mut Command, campaign: &str, suffix: &str) -> Result<(Vec<Row>, bool)> {
    command
        .env("FLIGHTREC_FAULTS", campaign)
        .stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot start cargo")?;
    let stdout = child.stdout.take().context("no pipe")?;
    let mut rows = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        match line.strip_prefix("row\t") {
            Some(row) => {
                let mut cells: Vec<String> = row.split('\t').map(str::to_owned).collect();
                cells[0] += suffix;
                rows.push(Row(cells));
            }
            None => println!("{line}"),
        }
    }
    Ok((rows, child.wait()?.success()))
}

/// Prints the table as Markdown, for `FAULTS.md`.
pub(super) fn print(rows: &[Row]) {
    println!("\n| {} |\n|---|{}", HEAD.join(" | "), "--:|".repeat(6));
    for Row(cells) in rows {
        println!("| {} |", cells.join(" | "));
    }
}
