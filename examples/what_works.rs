//! Tests what the recorder can do on this platform. Prints one line for each capability: its name, a
//! tab, and `works`, `falls back to …` or `not there`. `cargo xtask cross` runs it.
//!
//! ```console
//! $ cargo run -p examples --features platform --example what_works
//! ```
//!
//! An optional argument is the path of the program `flightrec`, whose commands are then tested, too.

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::{env, process, ptr, thread};

use flightrec::Dump;
use flightrec::stackerr::{Result, err};

const WORKS: &str = "works";
const NOT_THERE: &str = "not there";
const LAST: &str = "the last record";

fn main() {
    if let (Some(scenario), Some(dir)) = (env::var_os("SCENARIO"), env::var_os("DUMPS")) {
        return run_scenario(&scenario.to_string_lossy(), Path::new(&dir));
    }
    if let Err(error) = report(env::args_os().nth(1).as_deref()) {
        eprintln!("what_works failed: {error}");
        process::exit(1);
    }
}

/// Runs in a child process.
fn run_scenario(scenario: &str, dir: &Path) {
    let recorder = flightrec::builder("what-works")
        .dir(dir)
        .console(if scenario == "console" {
            log::LevelFilter::Info
        } else {
            log::LevelFilter::Off
        })
        .crash_safe(!matches!(scenario, "error" | "panic" | "unnamed"))
        .symbolicate(scenario != "unnamed")
        .all_threads(scenario == "threads")
        .install()
        .expect("no recorder is installed yet");
    log::debug!("{LAST}");
    match scenario {
        "error" | "unnamed" => drop(recorder.run(fails_here)),
        "panic" => drop(recorder.run(panics_here)),
        "threads" => {
            let (ready, is_ready) = mpsc::channel();
            let (_end, until_end) = mpsc::channel();
            thread::spawn(move || waits_here(&ready, &until_end));
            is_ready.recv().expect("the thread waits");
            recorder.dump("all threads").expect("it is written");
        }
        "killed" => {
            println!("ready");
            // Waits until it is killed.
            let _ = std::io::stdin().read(&mut [0]);
        }
        "crash" => crashes_here(),
        "console" => log::error!("with colours, if the console has them"),
        // Makes dumps of the rings of earlier processes.
        _ => drop(recorder.run(|| Ok::<(), flightrec::stackerr::Error>(()))),
    }
}

#[inline(never)]
fn fails_here() -> Result<()> {
    Err(black_box(err!("it fails")))
}

#[inline(never)]
fn panics_here() -> Result<()> {
    if black_box(true) {
        panic!("it panics");
    }
    Ok(())
}

#[inline(never)]
fn waits_here(ready: &mpsc::Sender<()>, until_end: &mpsc::Receiver<()>) {
    ready.send(()).expect("the main thread waits for it");
    // Nothing is sent: this returns when the sender is dropped.
    let _ = until_end.recv();
    black_box(());
}

#[inline(never)]
#[allow(unsafe_code)]
fn crashes_here() {
    // SAFETY: this is unsound on purpose: the address is not mapped, so the process ends here.
    unsafe { ptr::write_volatile(black_box(ptr::without_provenance_mut::<u8>(8)), 1) };
}

fn report(flightrec: Option<&OsStr>) -> Result<(), Box<dyn Error>> {
    let root = env::temp_dir().join(format!("what-works-{}", process::id()));
    fs::create_dir(&root)?;
    let reported = report_in(&root, flightrec);
    fs::remove_dir_all(&root)?;
    reported
}

fn report_in(root: &Path, flightrec: Option<&OsStr>) -> Result<(), Box<dyn Error>> {
    let print = |capability: &str, result: &str| println!("{capability}\t{result}");

    let failed = run("error", &root.join("error"))?;
    print("errors", stack_of(&failed, "what_works"));
    let panicked = run("panic", &root.join("panic"))?;
    print("panics", stack_of(&panicked, "what_works"));
    print("names", names_of(&failed));
    print("fast walk", fast_walk());

    let dir = root.join("killed");
    let mut child = start("killed", &dir)?;
    wait_until_ready(&mut child)?;
    let is_mapped = files(&dir).iter().any(|path| has_extension(path, "ring"));
    child.kill()?;
    child.wait()?;
    let ring = if is_mapped {
        WORKS
    } else {
        "falls back to memory"
    };
    print("crash-safe ring", ring);
    let is_recovered = run("next", &dir)?.iter().any(is_recovered_dump);
    print(
        "SIGKILL recovery",
        if is_recovered { WORKS } else { NOT_THERE },
    );

    let dir = root.join("crash");
    run("crash", &dir)?;
    print("crash stacks", crash_stacks(&run("next", &dir)?));
    print(
        "all threads",
        all_threads(&run("threads", &root.join("threads"))?),
    );

    let Some(flightrec) = flightrec else {
        return Ok(());
    };
    let doctor = Command::new(flightrec)
        .arg("doctor")
        .arg(env::current_exe()?)
        .output()?;
    print("doctor", doctor_of(&doctor));
    let dir = root.join("unnamed");
    run("unnamed", &dir)?;
    let dump = files(&dir).pop().ok_or("there is no dump")?;
    let named = Command::new(flightrec)
        .args(["symbolicate", "--output", "-", "--binary"])
        .arg(env::current_exe()?)
        .arg(dump)
        .output()?;
    let has_name = String::from_utf8_lossy(&named.stdout).contains("fails_here");
    print("symbolicate", if has_name { WORKS } else { NOT_THERE });
    Ok(())
}

/// Starts this program as the child of a scenario.
fn start(scenario: &str, dir: &Path) -> Result<Child, Box<dyn Error>> {
    let child = Command::new(env::current_exe()?)
        .env("SCENARIO", scenario)
        .env("DUMPS", dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    Ok(child.map_err(|error| format!("this program cannot start itself: {error}"))?)
}

/// Runs a scenario to its end, and returns the dumps that exist then.
fn run(scenario: &str, dir: &Path) -> Result<Vec<Dump>, Box<dyn Error>> {
    start(scenario, dir)?.wait_with_output()?;
    let dumps = files(dir).into_iter();
    let dumps = dumps.filter(|path| has_extension(path, "json"));
    let dumps = dumps.filter_map(|path| Dump::from_json(&fs::read(path).ok()?).ok());
    Ok(dumps.collect())
}

fn wait_until_ready(child: &mut Child) -> Result<(), Box<dyn Error>> {
    let stdout = child.stdout.take().ok_or("no pipe")?;
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    match lines.any(|line| line == "ready") {
        true => Ok(()),
        false => Err("the process that should be killed ended by itself".into()),
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|its| its == extension)
}

/// Whether there is a stack that includes functions of the program.
fn stack_of(dumps: &[Dump], module: &str) -> &'static str {
    let traces = dumps.iter().flat_map(|dump| &dump.stack_traces);
    let frames: Vec<_> = traces.flat_map(|trace| &trace.frames).collect();
    let is_ours = frames
        .iter()
        .any(|frame| frame.name.contains(module) || frame.address_value().is_some());
    match (frames.len() > 1 && is_ours, dumps.is_empty()) {
        (true, _) => WORKS,
        (false, false) => "falls back to the message and the log",
        (false, true) => NOT_THERE,
    }
}

fn names_of(dumps: &[Dump]) -> &'static str {
    let traces = dumps.iter().flat_map(|dump| &dump.stack_traces);
    let mut frames = traces.flat_map(|trace| &trace.frames);
    let is_named = frames.any(|frame| {
        frame.name.contains("fails_here") && frame.file.is_some() && frame.line.is_some()
    });
    if is_named {
        WORKS
    } else {
        "falls back to addresses"
    }
}

fn fast_walk() -> &'static str {
    if stackwalk::fast_walk(&mut [0; 64]).is_some_and(|len| len > 1) {
        WORKS
    } else if cfg!(all(target_os = "linux", not(target_arch = "arm"))) {
        "falls back to the unwinder of std"
    } else {
        "falls back to `backtrace`"
    }
}

/// Whether this is the dump of a crashed or killed process, with its last record.
fn is_recovered_dump(dump: &Dump) -> bool {
    dump.crash.is_some() && dump.latest_logs.iter().any(|log| log.msg == LAST)
}

fn crash_stacks(dumps: &[Dump]) -> &'static str {
    let recovered: Vec<&Dump> = dumps
        .iter()
        .filter(|dump| is_recovered_dump(dump))
        .collect();
    let mut threads = recovered.iter().flat_map(|dump| &dump.threads);
    if threads.any(|thread| thread.crashed && thread.frames.len() > 1) {
        WORKS
    } else if recovered.is_empty() {
        NOT_THERE
    } else {
        "falls back to the log"
    }
}

fn all_threads(dumps: &[Dump]) -> &'static str {
    let threads: Vec<_> = dumps.iter().flat_map(|dump| &dump.threads).collect();
    let with_stack = threads.iter().filter(|thread| thread.frames.len() > 1);
    match (with_stack.count(), threads.len()) {
        (2.., _) => WORKS,
        (_, 2..) => "falls back to names and states",
        _ => NOT_THERE,
    }
}

/// The doctor exits with 0 or 1 depending on its findings, and with 2 if it could not examine the
/// program.
fn doctor_of(doctor: &Output) -> &'static str {
    let has_findings = String::from_utf8_lossy(&doctor.stdout).lines().count() > 2;
    match doctor.status.code() {
        Some(0 | 1) if has_findings => WORKS,
        _ => NOT_THERE,
    }
}
