//! The limits of a process are reached: the size of a file, open files, memory.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use flightrec::Dump;
use flightrec::stackerr::err;

use super::host::{self, Host};
use super::row::{self, Row};
use super::watch::{self, Ended};

/// How much the program may use in addition: files, or bytes of address space.
const MORE: &str = "FLIGHTREC_HOST_MORE";

pub(crate) fn host(scenario: &str) -> ExitCode {
    let more: u64 = std::env::var(MORE).map_or(0, |more| more.parse().expect("a number"));
    let host = Host::start(|builder| builder);
    match scenario {
        "files" => {
            let mut files = Vec::new();
            set_limit(libc::RLIMIT_NOFILE, 256);
            while let Ok(file) = File::open("/dev/null") {
                files.push(file);
            }
            files.truncate(files.len() - more as usize);
            host.dump_error(&std::io::Error::other("no file can be opened"));
            files.clear();
            host.dump_error(&std::io::Error::other("files can be opened again"));
        }
        "memory" => {
            let pages = fs::read_to_string("/proc/self/statm").expect("our own size");
            let pages: u64 = pages
                .split(' ')
                .next()
                .expect("pages")
                .parse()
                .expect("a number");
            let error = err!("there is little memory");
            set_limit(libc::RLIMIT_AS, pages * 4096 + more);
            host.dump_error(&*error);
        }
        "memory, panic" => {
            let pages = fs::read_to_string("/proc/self/statm").expect("our own size");
            let pages: u64 = pages
                .split(' ')
                .next()
                .expect("pages")
                .parse()
                .expect("a number");
            set_limit(libc::RLIMIT_AS, pages * 4096 + more);
            panic!("there is little memory");
        }
        other => panic!("no scenario {other}"),
    }
    host::print("after");
    ExitCode::from(3)
}

fn set_limit(resource: libc::__rlimit_resource_t, max: u64) {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: a system call that writes `limit`.
    assert_eq!(unsafe { libc::getrlimit(resource, &raw mut limit) }, 0);
    limit.rlim_cur = max;
    // SAFETY: a system call that reads `limit`.
    assert_eq!(unsafe { libc::setrlimit(resource, &raw const limit) }, 0);
}

/// Runs a program, compares it with the run without the recorder, and returns its dumps.
fn check(row: &mut Row, command: &mut Command, without: &Ended, dir: &Path, at: &str) -> Vec<Dump> {
    row.tries += 1;
    let Some(ended) = watch::run(command) else {
        row.hung(at);
        return Vec::new();
    };
    if let Some(differs) = ended.differs_from(without) {
        row.harmed(format!("{differs}: {at}; {:?}", ended.recorder_lines()));
    }
    let mut dumps = Vec::new();
    for (name, content) in super::kills::files(dir) {
        match Dump::from_json(&content) {
            Ok(dump) if name.ends_with(".json") => dumps.push(dump),
            _ => row.torn(format!("{name}: {at}")),
        }
    }
    if dumps.is_empty() {
        row.reported += 1;
    }
    dumps
}

/// The size of files is limited, including stderr.
pub(crate) fn file_size(row: &mut Row) {
    let sizes = [
        0,
        1,
        50,
        1_000,
        5_000,
        20_000,
        100_000,
        1 << 20,
        6 << 20,
        10 << 20,
    ];
    for scenario in ["calls:error", "calls:panic", "calls:crash-safe"] {
        let nowhere = tempfile::tempdir().expect("a directory");
        let without =
            watch::run(&mut watch::host(scenario, nowhere.path(), false)).expect("no hang");
        for size in sizes {
            for to_file in [false, true] {
                let dir = tempfile::tempdir().expect("a directory");
                let mut program = watch::host(scenario, dir.path(), true);
                // SAFETY: it only makes system calls.
                unsafe {
                    program.pre_exec(move || {
                        set_limit(libc::RLIMIT_FSIZE, size);
                        Ok(())
                    });
                }
                let at = format!("files of at most {size} bytes, {scenario}");
                if !to_file {
                    check(row, &mut program, &without, dir.path(), &at);
                } else if scenario == "calls:error" {
                    stderr_is_a_file(row, program, &without, &at);
                }
            }
        }
    }
}

/// The program itself writes nothing to stderr, so the recorder's lines must not end it.
fn stderr_is_a_file(row: &mut Row, mut program: Command, without: &Ended, at: &str) {
    row.tries += 1;
    let stderr = tempfile::tempfile().expect("a file");
    let ended = program
        .stdout(Stdio::null())
        .stderr(stderr)
        .status()
        .expect("it starts");
    if ended != without.status {
        row.harmed(format!("{ended:?}, stderr is a file: {at}"));
    }
}

/// The process has almost reached its limit of open files.
pub(crate) fn open_files(row: &mut Row) {
    let nowhere = tempfile::tempdir().expect("a directory");
    let without =
        watch::run(&mut watch::host("limits:files", nowhere.path(), false)).expect("no hang");
    for more in 0..row::tries(5, 20) {
        let dir = tempfile::tempdir().expect("a directory");
        let at = format!("{more} files may be opened");
        let mut program = watch::host("limits:files", dir.path(), true);
        let dumps = check(
            row,
            program.env(MORE, more.to_string()),
            &without,
            dir.path(),
            &at,
        );
        match &dumps[..] {
            [_, _] => {}
            [one] if one.suppressed_dumps == 1 => row.reported += 1,
            _ => row.lost(format!("{} dumps: {at}", dumps.len())),
        }
    }
}

/// The process has almost reached its limit of memory.
pub(crate) fn memory(row: &mut Row) {
    for scenario in ["limits:memory", "limits:memory, panic"] {
        let nowhere = tempfile::tempdir().expect("a directory");
        let mut dumped = 0;
        for step in 0..row::tries(24, 160) {
            let more = step * (160 << 20) / row::tries(24, 160);
            let dir = tempfile::tempdir().expect("a directory");
            let at = format!("{scenario}, {more} bytes of memory are left");
            let with_limit = |with| {
                let mut program = watch::host(scenario, dir.path(), with);
                program.env(MORE, more.to_string());
                program
            };
            // With so little memory, the program fails without the recorder, too.
            let without = watch::run(&mut with_limit(false)).expect("no hang");
            if without.status.code().is_none() {
                continue;
            }
            dumped += check(row, &mut with_limit(true), &without, dir.path(), &at).len();
        }
        drop(nowhere);
        if dumped == 0 {
            row.lost(format!("never enough memory: {scenario}"));
        }
    }
}
