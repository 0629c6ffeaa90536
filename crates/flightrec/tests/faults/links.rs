//! The directory of dumps and the files in it are replaced by links while dumps are written.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::host::{self, Host};
use super::kills::files;
use super::row::{self, Row};
use super::watch;

const DUMPS: &str = "FLIGHTREC_HOST_DUMPS";

pub(crate) fn host(scenario: &str) -> ExitCode {
    let wanted: u64 = std::env::var(DUMPS)
        .expect("a number")
        .parse()
        .expect("a number");
    // SAFETY: a system call.
    unsafe { libc::umask(0) };
    let parent = host::dir();
    let (dir, target) = (parent.join("dumps"), parent.join("target"));
    let host = Host::start(|builder| builder.dir(&dir));
    let flight = host.flight.as_ref().expect("with the recorder");
    let stop = AtomicBool::new(false);
    let swaps = AtomicU64::new(0);
    let mut dumped = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                match scenario {
                    "directory" => swap_directory(&dir, &target, &parent.join("away")),
                    _ => swap_files(&dir, &target.join("precious")),
                }
                swaps.fetch_add(1, Ordering::Relaxed);
            }
        });
        for number in 0..wanted {
            // Whether the dump can be written depends on what is there at this moment.
            dumped += u64::from(flight.dump(format!("number {number}")).is_ok());
        }
        stop.store(true, Ordering::Relaxed);
    });
    let swaps = swaps.into_inner();
    host::print(&format!("{dumped} {swaps}"));
    ExitCode::SUCCESS
}

/// Replaces the directory by a link of another user, and restores it.
fn swap_directory(dir: &Path, target: &Path, away: &Path) {
    let link = dir.with_extension("link");
    let _ = symlink(target, &link);
    let _ = lchown(&link, Some(NOBODY), None);
    if fs::rename(dir, away).is_ok() {
        let _ = fs::rename(&link, dir);
        thread::yield_now();
        let _ = fs::remove_file(dir);
        // The recorder may have created a new one.
        if fs::rename(away, dir).is_err() {
            let _ = fs::remove_dir_all(away);
        }
    }
}

/// Replaces each file by a link.
fn swap_files(dir: &Path, precious: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if fs::remove_file(&path).is_ok() {
            let _ = symlink(precious, path);
        }
    }
}

pub(crate) fn in_the_way(row: &mut Row) {
    for scenario in ["directory", "files"] {
        let wanted = row::tries(300, 5_000);
        if scenario == "directory" && !is_root() {
            // Only root can create a link of another user. A link of the same user is followed.
            continue;
        }
        let parent = tempfile::tempdir_in(in_memory()).expect("a directory");
        let target = parent.path().join("target");
        fs::create_dir(&target).expect("a directory");
        fs::set_permissions(&target, Permissions::from_mode(0o755)).expect("its mode");
        // Files that the recorder would remove if they were in its directory.
        for number in 0..20 {
            let old = target.join(format!("20000101T000000.{number:06}Z-error-1-0.json"));
            fs::write(old, "{}").expect("a file");
            fs::write(target.join(format!(".tmp-{number}-0")), "left").expect("a file");
        }
        let precious = target.join("precious");
        fs::write(&precious, "precious").expect("a file");
        fs::set_permissions(&precious, Permissions::from_mode(0o644)).expect("its mode");
        let before = files(&target);

        let mut program = watch::host(&format!("links:{scenario}"), parent.path(), true);
        let Some(ended) = watch::run(program.env(DUMPS, wanted.to_string())) else {
            row.hung(scenario);
            continue;
        };
        row.tries += wanted;
        let mut said = ended
            .stdout
            .split_whitespace()
            .map(|word| word.parse::<u64>());
        let (Some(Ok(dumped)), Some(Ok(swaps))) = (said.next(), said.next()) else {
            row.harmed(format!("{ended:?}"));
            continue;
        };
        row.reported += wanted - dumped;
        assert!(
            dumped > 0 && swaps > 0,
            "{scenario}: {dumped} dumps, {swaps} swaps"
        );
        if files(&target) != before {
            row.harmed(format!("the target of the link, {scenario}"));
        }
        let mode = |path: &Path| {
            let metadata = path.symlink_metadata().expect("it is there");
            metadata.permissions().mode() & 0o777
        };
        if (mode(&target), mode(&precious)) != (0o755, 0o644) {
            row.harmed(format!("the mode of the target, {scenario}"));
        }
        for dir in ["dumps", "away"].map(|name| parent.path().join(name)) {
            if dir.symlink_metadata().is_ok_and(|there| there.is_dir()) {
                check_modes(row, &dir, mode);
            }
        }
    }
}

/// The user `nobody`.
const NOBODY: u32 = 65534;

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn check_modes(row: &mut Row, dir: &Path, mode: impl Fn(&Path) -> u32) {
    if mode(dir) != 0o700 {
        row.torn(format!("the directory has mode {:o}", mode(dir)));
    }
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.symlink_metadata().is_ok_and(|there| there.is_file()) && mode(&path) != 0o600 {
            row.torn(format!("{} has mode {:o}", path.display(), mode(&path)));
        }
    }
}

/// Returns a directory in memory if there is one, because syncing is fast there.
fn in_memory() -> std::path::PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    }
}
