//! The dumps of a fleet of machines: several programs and versions, frequent and rare kinds of
//! failures, and some damaged files.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use flightrec_dump::{Frame, Level, StackOrigin, Timestamp, Trace};

use super::dumps::{self, Random};
use super::{measure, script, tracker};
use crate::cargo;

/// Kinds of failures.
const KINDS: u64 = 40;

/// One in this many files is cut within its head, so it is not a dump any more.
const DAMAGED: u64 = 100;

/// One in this many files lacks its end, but can be read.
const WITHOUT_END: u64 = 90;

/// Bytes of the missing end, which has the machine and the process.
const END: usize = 150;

/// The time of the first failure, in seconds since 1970.
const FIRST: u64 = 1_795_000_000;

const RECORDS: usize = 30;

/// The record before failures of the kind `SLOW_KIND`, which version 1.4.0 introduced.
const SLOW: &str = "the disk is slow";
const SLOW_KIND: u64 = 3;

/// Runs the queries of the README, and checks their results.
const QUERIES: &str = r#"
import duckdb, re, sys
readme, lines, slow, kinds = sys.argv[1:]
newest, since, precede = re.findall(r"```sql\n(.*?)```", open(readme).read(), re.S)
def run(query):
    return duckdb.sql(query.replace("fleet.jsonl", lines)).fetchall()
rows = run(newest)
assert len(rows) == min(10, int(kinds)) and sorted(rows, reverse=True)[0][0] == rows[0][0], rows
[(fingerprint, dumps, message)] = [row for row in run(since) if row[2].endswith("reason 3")]
rows = run(precede.replace("FINGERPRINT", fingerprint))
assert rows[0][0] == slow and rows[0][1] == 1 and rows[0][2] < 0.2, rows
print("ANSWERED")
"#;

/// Writes this number of files, and returns how many of them can be read.
pub(super) fn write(dir: &Path, files: usize) -> Result<usize> {
    fs::create_dir_all(dir)?;
    let mut random = Random(3);
    let mut whole = 0;
    let sample = dumps::worker();
    let threads = dumps::server(100, 0).threads;
    for n in 0..files as u64 {
        // Small numbers are more frequent.
        let kind = random.below(KINDS).min(random.below(KINDS));
        let mut dump = sample.clone();
        let minor = if kind == SLOW_KIND {
            4
        } else {
            random.below(5)
        };
        dump.app = ["tileworker", "tileserver", "tilecache"][kind as usize % 3].to_owned();
        let (arch, cpus) = [("x86_64", 8), ("aarch64", 4)][random.below(2) as usize];
        (dump.host.arch, dump.host.cpus) = (arch.to_owned(), cpus);
        let host = format!("web-{}", random.below(200));
        dump.metadata = [("host".to_owned(), host)].into_iter().collect();
        dump.threads = threads[..random.below(6) as usize].to_vec();
        dump.version = Some(format!("1.{minor}.0"));
        dump.process.pid = 2 + random.below(32_000) as u32;
        let at = UNIX_EPOCH + Duration::from_micros((FIRST + 7 * n) * 1_000_000 + n);
        dump.created_at = Timestamp::from(at);
        dump.reason.message = format!("job {n} failed: reason {kind}");
        dump.latest_logs.truncate(RECORDS);
        for (back, record) in (1..).zip(dump.latest_logs.iter_mut().rev()) {
            record.time = Timestamp::from(at - Duration::from_millis(back * 13));
        }
        if kind == SLOW_KIND || random.below(50) == 0 {
            let record = &mut dump.latest_logs[RECORDS - 3];
            record.level = Level::Warn;
            record.msg = SLOW.to_owned();
        }
        let mut trace = Trace::default();
        trace.error = dump.reason.message.clone();
        trace.origin = StackOrigin::Creation;
        for function in [
            format!("worker::job::reason_{kind}"),
            "worker::run".to_owned(),
        ] {
            let mut frame = Frame::default();
            frame.name = function;
            frame.file = Some("src/job.rs".to_owned());
            frame.line = Some(kind as u32 + 10);
            trace.frames.push(frame);
        }
        dump.stack_traces = vec![trace];
        dump.fingerprint = dump.fingerprint_of();
        let mut json = Vec::new();
        dump.write_to(&mut json)?;
        if n % DAMAGED == DAMAGED - 1 {
            json.truncate(8);
        } else {
            whole += 1;
            if n % WITHOUT_END == WITHOUT_END - 1 {
                json.truncate(json.len() - END);
            }
        }
        fs::write(dir.join(format!("{n:06}.json")), json)?;
    }
    Ok(whole)
}

/// Converts the fleet to JSON lines, and runs the README's queries in DuckDB.
pub(super) fn queries(program: &Path, python: &Path, reports: &Path, kinds: usize) -> Result<()> {
    let lines = reports.with_extension("jsonl");
    let mut export = Command::new(program);
    export
        .args(["export", "--to", "jsonl", "--output"])
        .arg(&lines)
        .arg(reports);
    let run = measure::run(&mut export, || Ok(false))?;
    let size = fs::metadata(&lines)
        .with_context(|| format!("export of the fleet: {}", run.stderr))?
        .len();
    println!(
        "      export --to jsonl: {:.1} s, {} MiB of memory, {} MB of lines",
        run.seconds,
        run.peak >> 10,
        size / 1_000_000
    );
    let mut queries = script(python, QUERIES);
    queries
        .arg(cargo::root().join("crates/flightrec-cli/README.md"))
        .arg(&lines)
        .arg(SLOW)
        .arg(kinds.to_string());
    let run = measure::run(&mut queries, || Ok(false))?;
    ensure!(run.stdout.contains("ANSWERED"), "DuckDB: {}", run.stderr);
    println!("  yes DuckDB runs the README's queries on the fleet");
    println!(
        "      in {:.1} s, {} MiB of memory",
        run.seconds,
        run.peak >> 10
    );
    Ok(())
}

/// Counts the kinds of failures, and prints time and memory.
pub(super) fn group(program: &Path, reports: &Path) -> Result<usize> {
    let mut group = Command::new(program);
    let run = measure::run(group.arg("group").arg(reports), || Ok(false))?;
    println!(
        "      group: {:.2} s, {} MiB of memory",
        run.seconds,
        run.peak >> 10
    );
    tracker::kinds(&run.stdout).with_context(|| run.stderr)
}
