//! Runs the program with each peer, with and without the recorder, and compares how it ends. Checks
//! the ring and the dumps.

use std::fs;
use std::io::sink;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};

use stackwalk::crash::CrashRecord;
use tailwriter::Recovered;

const ENDS: &[&str] = &["well", "crash", "crash in a thread", "abort", "panic"];
/// Ends for peers with their own runtime.
const OTHER_ENDS: &[&str] = &["crash in a callback", "own end"];

fn main() -> ExitCode {
    if std::env::args().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    let variable =
        |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let peers = variable(
        "HANDLERS_PEERS",
        "none,signal-hook,sentry,color-eyre,crash-handler",
    );
    let tries: usize = variable("HANDLERS_TRIES", "1").parse().expect("a number");
    let mut is_good = true;
    for peer in peers.split(',') {
        let others = matches!(peer, "Go" | "JVM").then_some(OTHER_ENDS);
        for order in ["before", "after"] {
            let (mut runs, mut problems) = (0, Vec::new());
            for end in ENDS.iter().chain(others.unwrap_or_default()) {
                for _ in 0..tries {
                    runs += 1;
                    if let Err(problem) = compare(peer, order, end) {
                        problems.push(format!("{end}: {problem}"));
                    }
                }
            }
            println!("row\t{peer}\t{order}\t{runs}\t{}", problems.len());
            for problem in problems.iter().take(3) {
                println!("{peer}, {order}: {problem}");
            }
            is_good &= problems.is_empty();
        }
    }
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn compare(peer: &str, order: &str, end: &str) -> Result<(), String> {
    let dir = tempfile::tempdir().expect("a directory for temporary files");
    let dumps = dir.path().join("dumps");
    let plain = run(peer, order, end, dir.path(), None);
    let recorded = run(peer, order, end, dir.path(), Some(&dumps));
    if recorded != plain {
        return Err(format!("{recorded:?}, not {plain:?}"));
    }
    let crash = left(&dumps)?;
    let signal = crash.as_ref().map(|crash| crash.signal);
    let expected = match end {
        "crash" | "crash in a thread" | "crash in a callback" => Some(libc::SIGSEGV),
        "abort" => Some(libc::SIGABRT),
        // The runtime may have raised another signal than it received.
        "own end" if signal.is_some() => signal,
        _ => None,
    };
    if signal != expected {
        return Err(format!("the signal is {signal:?}, not {expected:?}"));
    }
    let Some(crash) = crash else {
        let panics = kinds(&dumps).iter().filter(|kind| *kind == "panic").count();
        // sentry's work has two panics, which are caught.
        let expected = usize::from(end == "panic") + if peer == "sentry" { 2 } else { 0 };
        return if end == "own end" || panics == expected {
            Ok(())
        } else {
            Err(format!("{panics} dumps of panics, not {expected}"))
        };
    };
    if end.starts_with("crash") && crash.fault_address != Some(0x1234_5678_9000) {
        return Err(format!("the fault is at {:x?}", crash.fault_address));
    }
    // Only two frames are required, because Go's code has no unwind tables.
    if crash.frames.len() < 2 {
        return Err(format!("the stack is {:x?} ({})", crash.frames, crash.end));
    }
    Ok(())
}

#[derive(Debug, PartialEq)]
struct Outcome {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

fn run(peer: &str, order: &str, end: &str, dir: &Path, dumps: Option<&Path>) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handlers"));
    command
        .args([peer, order, end])
        .args(dumps)
        .current_dir(dir)
        .env_remove("RUST_BACKTRACE");
    // SAFETY: the function only makes a system call.
    unsafe {
        command.pre_exec(|| {
            let limit = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            libc::setrlimit(libc::RLIMIT_CORE, &raw const limit);
            Ok(())
        });
    }
    let output = command.output().expect("the program can be started");
    assert_ne!(
        output.status.signal(),
        Some(libc::SIGALRM),
        "{peer}, {order}, {end}: it hangs"
    );
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = text
        .lines()
        // Go prints the stacks of all its goroutines.
        .take_while(|line| !line.starts_with("goroutine"))
        .filter(|line| !line.starts_with("flightrec: "));
    let stderr = lines.flat_map(|line| line.chars().chain(['\n']));
    Outcome {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        // Ids and addresses differ.
        stderr: stderr.filter(|c| !c.is_ascii_hexdigit()).collect(),
    }
}

/// The crash in the ring; `None` if there is no ring.
fn left(dumps: &Path) -> Result<Option<CrashRecord>, String> {
    let entries = fs::read_dir(dumps).map_err(|error| error.to_string())?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let Some(ring) = paths.find(|path| path.extension().is_some_and(|its| its == "ring")) else {
        return Ok(None);
    };
    let (reader, _tee) = flightrec::builder("reader").dump_to(sink()).build();
    let dump = reader.recover(&ring).map_err(|error| error.to_string())?;
    let last = dump.latest_logs.last().map(|log| log.msg.as_str());
    if last != Some("the last record") {
        return Err(format!("the last record is {last:?}"));
    }
    let recovered = Recovered::read(&ring).map_err(|error| error.to_string())?;
    Ok(CrashRecord::read(recovered.reserved()))
}

fn kinds(dumps: &Path) -> Vec<String> {
    let entries = fs::read_dir(dumps).into_iter().flatten();
    let dumps = entries
        .filter_map(|entry| flightrec::Dump::from_json(&fs::read(entry.ok()?.path()).ok()?).ok());
    dumps
        .map(|dump| dump.reason.kind.as_str().to_owned())
        .collect()
}
