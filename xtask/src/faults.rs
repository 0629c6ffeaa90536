//! The long campaigns of faults; `cargo test` has short ones of the same tests.

mod table;

use anyhow::{Result, bail, ensure};

use crate::{bench, cargo};

/// How often each fault is tried: in the long campaign, and in one to see that all is in order.
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

/// Runs them in release, prints a line of findings for each, and a table at the end.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let tries = match args {
        [] => LONG,
        [option] if option == "--quick" => QUICK,
        _ => bail!("usage: cargo xtask faults [--quick]"),
    };
    println!("Processes that die while they record, power that fails, files that are damaged:");
    cargo::run_with(
        "test --quiet --release -p tailwriter --features mmap --lib mapped::faults -- --nocapture --test-threads=1",
        &in_memory(tries),
    )?;
    println!("Programs that fail, and what they leave:");
    cargo::run(
        "test --quiet --release -p flightrec --all-features --test failing --test crash --test store",
    )?;
    if tries == LONG {
        println!("The kills beside the alternatives:");
        bench::run_program("kills", &[])?;
    }
    println!("What is broken around a program and its recorder:");
    let campaign = if tries == LONG { "long" } else { "quick" };
    let (mut rows, mut good) = table::rows(campaign)?;
    // Where a panic ends the program, and no destructor runs.
    let (more, also_good) = table::rows_aborting("panics", campaign)?;
    rows.extend(more);
    good &= also_good;
    table::print(&rows);
    ensure!(good, "something was lost, torn, hung or harmed: see above");
    Ok(())
}

/// With temporary files in memory where there is such a place: a million files take their time on
/// a disk, and what is tried is not the disk.
fn in_memory<'a>(tries: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut env = tries.to_vec();
    if std::path::Path::new("/dev/shm").is_dir() {
        env.push(("TMPDIR", "/dev/shm"));
    }
    env
}
