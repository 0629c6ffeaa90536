//! Programs that hang, and the dumps that watches make of them.
#![cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]

mod common;

use std::hint::black_box;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use common::{child, dumps, quiet, scenario};
use flightrec::{Dump, FlightRecorder, Heartbeat, Thread};
use log::debug;
use tempfile::tempdir;

const LIMIT: Duration = Duration::from_millis(500);
/// Longer than any test takes.
const NEVER: Duration = Duration::from_secs(3600);

type Shared = Arc<Mutex<u32>>;

#[inline(never)]
fn debits(from: &Shared, to: &Shared, both: &Barrier, heartbeat: &Heartbeat) -> u32 {
    debug!("debits");
    let from = from.lock().unwrap();
    both.wait();
    heartbeat.beat();
    black_box(*from + *to.lock().unwrap())
}

#[inline(never)]
fn credits(from: &Shared, to: &Shared, both: &Barrier) -> u32 {
    debug!("credits");
    let to = to.lock().unwrap();
    both.wait();
    black_box(*to + *from.lock().unwrap())
}

fn deadlock(heartbeat: Heartbeat) {
    let (from, to) = (Shared::default(), Shared::default());
    let both = Arc::new(Barrier::new(2));
    let (its_from, its_to, its_both) = (from.clone(), to.clone(), both.clone());
    spawn("debit", move || debits(&from, &to, &both, &heartbeat));
    spawn("credit", move || credits(&its_from, &its_to, &its_both));
}

#[inline(never)]
fn searches_forever(heartbeat: &Heartbeat) -> u64 {
    heartbeat.beat();
    let mut step = 1_u64;
    while black_box(step) != 0 {
        step = step.wrapping_mul(3) | 1;
    }
    step
}

#[inline(never)]
fn waits_for_peer(mut stream: UnixStream, heartbeat: &Heartbeat) -> usize {
    heartbeat.beat();
    black_box(stream.read(&mut [0; 16])).unwrap_or(0)
}

#[inline(never)]
fn blocks_the_executor(never: &Receiver<()>) {
    let _ = black_box(never.recv());
}

/// Starts a task that beats, and one that blocks the only worker.
fn starved_executor(heartbeat: Heartbeat) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    let (sender, never) = mpsc::channel();
    let (first, beaten) = mpsc::channel();
    runtime.spawn(async move {
        loop {
            heartbeat.beat();
            let _ = first.send(());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    beaten.recv().unwrap();
    runtime.spawn(async move { blocks_the_executor(&never) });
    // Both are needed until the process ends.
    std::mem::forget((sender, runtime));
}

fn spawn<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(work).unwrap();
}

/// The child process: hangs as the scenario says, until there is a dump.
#[test]
fn program() {
    let Some((scenario, dir)) = scenario() else {
        return;
    };
    let (made, wait) = mpsc::channel();
    let recorder = quiet(&dir)
        .on_dump(move |_, _| made.send(()).unwrap())
        .install()
        .unwrap();
    if scenario == "fork" {
        return fork(&recorder, &wait);
    }
    // This watch has a long limit, so it must not be reported.
    let other = recorder.watch("other", NEVER);
    let heartbeat = recorder.watch("bank", LIMIT);
    match scenario.as_str() {
        "deadlock" => deadlock(heartbeat),
        "spin" => spawn("spinner", move || searches_forever(&heartbeat)),
        "read" => {
            let (kept, stream) = UnixStream::pair().unwrap();
            spawn("reader", move || waits_for_peer(stream, &heartbeat));
            std::mem::forget(kept);
        }
        "executor" => starved_executor(heartbeat),
        "twice" => {
            wait.recv().unwrap();
            heartbeat.beat();
            wait.recv().unwrap();
            drop((heartbeat, other));
            // The watcher ends with the last watch.
            while has_watcher() {
                thread::yield_now();
            }
            return;
        }
        other => panic!("no scenario {other}"),
    }
    wait.recv().unwrap();
    drop(other);
    process::exit(0);
}

fn has_watcher() -> bool {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks.filter_map(Result::ok).any(|task| {
        let name = std::fs::read_to_string(task.path().join("comm"));
        name.is_ok_and(|name| name.trim_end() == "flightrec-watch")
    })
}

/// In the child, the watch of the parent must not be reported, because the parent's thread does not exist
/// there. The watch of the child must be reported.
fn fork(recorder: &FlightRecorder, wait: &Receiver<()>) {
    let of_parent = recorder.watch("parent", LIMIT);
    let of_child = recorder.watch("child", LIMIT);
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stops = Arc::clone(&stop);
    let beats = thread::spawn(move || {
        while !stops.load(std::sync::atomic::Ordering::Relaxed) {
            of_parent.beat();
            thread::yield_now();
        }
    });
    // SAFETY: the child only calls functions that work in a forked child, and exits.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::alarm(60);
            of_child.beat();
            wait.recv().unwrap();
            libc::_exit(0);
        }
        drop(of_child);
        let mut status = 0;
        while libc::waitpid(child, &raw mut status, 0) < 0 {}
        assert_eq!(status, 0);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    beats.join().unwrap();
}

fn hung(scenario: &str, dir: &Path) -> Vec<Dump> {
    let output = child("program", scenario, dir);
    assert!(output.status.success(), "{output:?}");
    let dumps: Vec<Dump> = dumps(dir).into_iter().map(|(_, dump)| dump).collect();
    for dump in &dumps {
        assert_eq!(dump.reason.kind.as_str(), "hang");
    }
    dumps
}

fn calls(thread: &Thread, function: &str) -> bool {
    thread
        .frames
        .iter()
        .any(|frame| frame.name.contains(function))
}

#[test]
fn the_dump_of_a_hang_names_the_functions_that_hang() {
    for (scenario, thread, functions) in [
        ("deadlock", "debit", &["hang::debits", "hang::credits"][..]),
        ("spin", "spinner", &["hang::searches_forever"]),
        ("read", "reader", &["hang::waits_for_peer"]),
        ("executor", "tokio-", &["hang::blocks_the_executor"]),
    ] {
        let dir = tempdir().unwrap();
        let dumps = hung(scenario, dir.path());
        let [dump] = &dumps[..] else {
            panic!("{scenario}: {dumps:?}");
        };
        let message = &dump.reason.message;
        assert!(
            message.starts_with("no heartbeat of \"bank\" for "),
            "{message}"
        );
        for function in functions {
            assert!(
                dump.threads.iter().any(|thread| calls(thread, function)),
                "{scenario}: {function} in {:?}",
                dump.threads
            );
        }
        // The thread that should have called `beat` comes first, and has the stack of the failure.
        let first = &dump.threads[0];
        assert!(
            first.name.as_deref().unwrap().starts_with(thread),
            "{scenario}: {:?}",
            first.name
        );
        assert!(calls(first, functions[0]), "{scenario}: {first:?}");
        assert_eq!(dump.stack_traces.len(), 1, "{scenario}");
        assert_eq!(dump.stack_traces[0].origin.as_str(), "hang");
        assert_eq!(dump.stack_traces[0].frames, first.frames);
        assert_eq!(Some(&dump.process.thread), first.name.as_ref());
        assert!(
            !dump.threads.iter().any(|thread| {
                let name = thread.name.as_deref();
                name.is_some_and(|name| name.starts_with("flightrec"))
            }),
            "{scenario}: the recorder's own threads are left out"
        );
    }
}

#[test]
fn each_hang_makes_one_dump_and_the_watcher_ends_with_the_last_watch() {
    let dir = tempdir().unwrap();
    assert_eq!(hung("twice", dir.path()).len(), 2);
}

#[test]
fn a_forked_child_is_watched_from_its_first_heartbeat() {
    let dir = tempdir().unwrap();
    let dumps = hung("fork", dir.path());
    let is_of_child = |dump: &&Dump| dump.notes.iter().any(|note| note.contains("forked"));
    let of_child: Vec<_> = dumps.iter().filter(is_of_child).collect();
    assert_eq!(of_child.len(), 1, "{dumps:?}");
    assert!(of_child[0].reason.message.contains("\"child\""));
    assert_eq!(
        of_child[0].threads[0].id,
        u64::from(of_child[0].process.pid)
    );
}
