//! Runs the long fault tests; `cargo test` runs short versions of them.

mod table;

use anyhow::{Result, bail, ensure};

use crate::{bench, cargo};

/// How often each fault is tried.
const LONG: &[(&str, &str)] = &[
    ("TAILWRITER_KILLS", "1000"),
    ("TAILWRITER_DEATHS", "100"),
    ("TAILWRITER_IMAGES", "10000"),
    ("TAILWRITER_FUZZ", "1000000"),
];
const QUICK: &[(&str, &str)] = &[
    ("TAILWRITER_KILLS", "100"),
    ("TAILWRITER_DEATHS", "10"),
    ("TAILWRITER_IMAGES", "1000"),
    ("TAILWRITER_FUZZ", "20000"),
];

/// Runs them in release mode. Prints a line of findings for each, and a table at the end.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let tries = match args {
        [] => LONG,
        [option] if option == "--quick" => QUICK,
        _ => bail!("usage: cargo xtask faults [--quick]"),
    };
    println!("Processes killed while they record, power failures, damaged files:");
    cargo::run_with(
        "test --quiet --release -p tailwriter --features mmap --lib mapped::faults -- --nocapture --test-threads=1",
        &in_memory(tries),
    )?;
    println!("Failing programs, and the files that they leave:");
    cargo::run(
        "test --quiet --release -p flightrec --all-features --test failing --test crash --test store",
    )?;
    if tries == LONG {
        println!("Killed processes, compared with other crates:");
        bench::run_program("kills", &[])?;
    }
    println!("Faults in the environment of a program and its recorder:");
    let campaign = if tries == LONG { "long" } else { "quick" };
    let (mut rows, mut good) = table::rows(campaign)?;
    // With `panic = "abort"`, where no destructor runs.
    let (more, also_good) = table::rows_aborting("panics", campaign)?;
    rows.extend(more);
    good &= also_good;
    table::print(&rows);
    ensure!(good, "a fault test failed: see above");
    Ok(())
}

/// Puts temporary files in memory if possible: a million files on a disk are slow, and the disk is not
/// what is tested.
fn in_memory<'a>(tries: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut env = tries.to_vec();
    if std::path::Path::new("/dev/shm").is_dir() {
        env.push(("TMPDIR", "/dev/shm"));
    }
    env
}
