//! SIGKILL at each system call that changes files.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitCode;

use flightrec::Dump;
use flightrec::stackerr::err;
use tempfile::TempDir;

use super::host::{self, Host, mark};
use super::row::{self, Row};
use super::strace;
use super::watch;

pub(crate) fn host(scenario: &str) -> ExitCode {
    let version = |builder: flightrec::Builder| builder.version("2").metadata("room", "7");
    match scenario {
        "dump" => {
            let host = Host::start(version);
            mark("begin");
            host.print_and_dump(&*err!("it broke"));
            mark("end");
        }
        // A complete crash-safe run, which also makes a dump of the ring of an earlier process.
        "ring" => {
            mark("begin");
            let host = Host::start(|builder| version(builder).crash_safe(true));
            log::debug!("recorded");
            host.close();
            mark("end");
        }
        "dies" => {
            Host::start(|builder| version(builder).crash_safe(true));
            log::debug!("the last record");
            host::die();
        }
        "start" => {
            Host::start(|builder| version(builder).crash_safe(true)).close();
        }
        other => panic!("no scenario {other}"),
    }
    ExitCode::SUCCESS
}

/// Returns the names and contents of the files in a directory.
pub(crate) fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).expect("the directory of dumps");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .map(|path| {
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, fs::read(path).expect("a file"))
        })
        .collect()
}

pub(crate) fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().expect("a directory");
    for (name, content) in files(from) {
        fs::write(to.path().join(name), content).expect("a copy");
    }
    to
}

pub(crate) fn of_a_dump(row: &mut Row) {
    if !strace::is_there(row) {
        return;
    }
    let before = tempfile::tempdir().expect("a directory");
    for _ in 0..2 {
        watch::run(&mut watch::host("kills:dump", before.path(), true)).expect("no hang");
    }
    kill_at_each_call(row, "kills:dump", before.path(), |new| match new {
        [] => None,
        [dump] if dump.reason.kind == "error" => None,
        _ => Some(format!("{} new dumps", new.len())),
    });
}

pub(crate) fn of_a_ring(row: &mut Row) {
    if !strace::is_there(row) {
        return;
    }
    let before = tempfile::tempdir().expect("a directory");
    watch::run(&mut watch::host("kills:dump", before.path(), true)).expect("no hang");
    let died = watch::run(&mut watch::host("kills:dies", before.path(), true)).expect("no hang");
    assert_eq!(died.status.signal(), Some(libc::SIGKILL), "{died:?}");
    kill_at_each_call(row, "kills:ring", before.path(), |new| {
        // The process that died before must have one dump, or two if the process that made the first one
        // was killed. The killed process may also have one.
        let is_of_earlier = |dump: &&Dump| {
            dump.latest_logs
                .iter()
                .any(|log| log.msg == "the last record")
        };
        match new.iter().filter(is_of_earlier).count() {
            0 => Some("the earlier crash has no dump".to_owned()),
            3.. => Some("the earlier crash has too many dumps".to_owned()),
            _ => None,
        }
    });
}

/// Runs the scenario once for each of its calls and kills it there, then starts the program again.
fn kill_at_each_call(
    row: &mut Row,
    scenario: &str,
    before: &Path,
    wrong: impl Fn(&[Dump]) -> Option<String>,
) {
    let traced = copy(before);
    let calls = strace::calls(scenario, traced.path());
    let calls = strace::choose(calls, row::tries(4, 60));
    let old = files(before);
    for call in &calls {
        let dir = copy(before);
        let at = format!("killed at {} (call {})", call.shown, call.number);
        let mut killed = strace::inject(call, false, "signal=KILL", scenario, dir.path());
        row.tries += 1;
        let Some(ended) = watch::run(&mut killed) else {
            row.hung(at);
            continue;
        };
        if ended.status.signal() != Some(libc::SIGKILL) {
            // This run made fewer calls than the traced one, for instance because of memory.
            row.tries -= 1;
            continue;
        }
        let start = watch::run(&mut watch::host("kills:start", dir.path(), true));
        if start.is_none_or(|start| !start.status.success()) {
            row.harmed(format!("the next start fails: {at}"));
        }
        let mut now = files(dir.path());
        for (name, content) in &old {
            let is_ring = !name.ends_with(".json");
            match now.remove(name) {
                Some(same) if same == *content => {}
                None if is_ring => {}
                _ => row.torn(format!("{name}: {at}")),
            }
        }
        let mut new = Vec::new();
        for (name, content) in now {
            match Dump::from_json(&content) {
                Ok(dump) if name.ends_with(".json") && dump.version.as_deref() == Some("2") => {
                    new.push(dump);
                }
                _ => row.torn(format!("{name} is left: {at}")),
            }
        }
        if let Some(wrong) = wrong(&new) {
            row.lost(format!("{wrong}: {at}"));
        }
    }
}
