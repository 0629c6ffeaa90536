//! `flightrec recover`
#![cfg(any(target_os = "linux", target_os = "macos", windows))]

use std::fs;
use std::process::Command;

use flightrec::Dump;
use log::{Level, Log, Record};
use tempfile::tempdir;

/// Runs in the child of the test below: a worker crashes while the main thread waits for it.
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
#[test]
fn program() {
    let Some(dir) = std::env::var_os("CRASHES_IN") else {
        return;
    };
    let builder = flightrec::builder("crashes").dir(dir).crash_safe(true);
    let _recorder = builder.install().unwrap();
    log::debug!("the last record, password=hunter2");
    let worker = std::thread::Builder::new().name("worker".to_owned());
    let worker = worker.spawn(|| {
        // Waits until the other thread waits for this one, in the system call `futex`.
        let is_waited_for = || {
            let tasks = fs::read_dir("/proc/self/task").unwrap();
            tasks.map(|task| task.unwrap().path()).any(|task| {
                let is = |file: &str, begin: &str| {
                    fs::read_to_string(task.join(file)).is_ok_and(|text| text.starts_with(begin))
                };
                is("comm", "program") && is("syscall", "202 ")
            })
        };
        while !is_waited_for() {}
        reads_unmapped_memory();
    });
    let _ = worker.unwrap().join();
}

#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
#[inline(never)]
fn reads_unmapped_memory() {
    let address = std::hint::black_box(std::ptr::without_provenance::<u8>(0x1234_5678_9000));
    // SAFETY: unsound on purpose: this is the fault.
    std::hint::black_box(unsafe { std::ptr::read_volatile(address) });
}

#[test]
fn the_message_for_a_file_that_is_not_a_ring_names_it_once() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("notes.ring");
    fs::write(&file, "no ring").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_flightrec"))
        .arg("recover")
        .arg(&file)
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert_eq!(message.matches("notes.ring").count(), 1, "{message}");
    assert!(message.contains("a ring is a file NAME.ring"), "{message}");
}

/// Recovers without the program: the stack has addresses, and the modules that `symbolicate` needs.
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
#[test]
fn the_ring_of_a_crash_has_the_stacks_of_its_threads() {
    let dir = tempdir().unwrap();
    let died = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "program", "--nocapture"])
        .env("CRASHES_IN", dir.path())
        .output()
        .unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&died.status),
        Some(11),
        "{died:?}"
    );
    let mut paths = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let ring = paths.find(|path| {
        path.extension()
            .is_some_and(|extension| extension == "ring")
    });
    let ring = ring.expect("a ring");
    let program = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flightrec"));
        let output = command.args(args).current_dir(dir.path()).output().unwrap();
        assert!(output.status.success(), "{args:?} {output:?}");
        output.stdout
    };
    let json = program(&["recover", ring.to_str().unwrap()]);
    let dump = Dump::from_json(&json).unwrap();
    assert!(
        dump.reason
            .message
            .contains("crashed in thread \"worker\": SIGSEGV, invalid access to 0x123456789000"),
        "{:?}",
        dump.reason
    );
    let crash = dump.crash.as_ref().unwrap();
    assert_eq!(crash.fault_address.as_deref(), Some("0x123456789000"));
    assert_eq!(
        dump.latest_logs[0].msg,
        "the last record, password=[redacted]"
    );
    assert!(dump.threads[0].crashed);
    assert_eq!(dump.threads[0].name.as_deref(), Some("worker"));
    // The thread of the test, which waits for the worker.
    let mut others = dump.threads.iter();
    let waits = others.find(|thread| thread.name.as_deref() == Some("program"));
    let waits = waits.unwrap_or_else(|| panic!("{:?}", dump.threads));
    assert_eq!(waits.state.as_deref(), Some("sleeping in futex"));
    assert!(!waits.frames.is_empty(), "{waits:?}");

    fs::write(dir.path().join("dump.json"), &json).unwrap();
    let exe = std::env::current_exe().unwrap();
    let named = program(&[
        "symbolicate",
        "dump.json",
        "--binary",
        exe.to_str().unwrap(),
    ]);
    let named = Dump::from_json(&named).unwrap();
    let names: Vec<_> = named.threads[0]
        .frames
        .iter()
        .map(|frame| &*frame.name)
        .collect();
    let at = |name: &str| names.iter().position(|its| its.contains(name));
    assert!(at("reads_unmapped_memory").is_some(), "{names:?}");
}

#[test]
fn a_ring_becomes_a_dump_and_is_kept() {
    let dir = tempdir().unwrap();
    let (_recorder, tee) = flightrec::builder("test")
        .dir(dir.path())
        .crash_safe(true)
        .build();
    let record = |message| {
        tee.log(
            &Record::builder()
                .level(Level::Debug)
                .target("t")
                .args(message)
                .build(),
        );
    };
    record(format_args!("the last record, password=hunter2"));

    let rings = || {
        let paths = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        paths
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "ring")
            })
            .collect::<Vec<_>>()
    };
    // This process is running, and has the ring open.
    let program = || Command::new(env!("CARGO_BIN_EXE_flightrec"));
    let output = program().arg("recover").args(rings()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let dump = Dump::from_json(&output.stdout).unwrap();
    assert_eq!(
        (dump.reason.kind.as_str(), dump.app.as_str()),
        ("crash", "test")
    );
    let message = &dump.reason.message;
    let pid = std::process::id();
    let running = format!("process {pid}, or one that it forked, is still running");
    assert_eq!(*message, running);
    assert_eq!(
        dump.latest_logs[0].msg,
        "the last record, password=[redacted]"
    );
    assert_eq!(rings().len(), 1);

    let none = program().args(["recover", "Cargo.toml"]).output().unwrap();
    assert_eq!(none.status.code(), Some(2));
    let said = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(
        said.starts_with("flightrec: Cargo.toml: ") && said.contains("a ring is a file"),
        "{said}"
    );
}
