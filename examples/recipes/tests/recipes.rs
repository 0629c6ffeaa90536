//! Runs each recipe, and checks its output and its dumps.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use flightrec_dump::Dump;
use tempfile::{TempDir, tempdir};

struct Ran {
    home: TempDir,
    output: Output,
}

impl Ran {
    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    fn dumps(&self, app: &str) -> Vec<Dump> {
        dumps(self.home.path(), app)
    }
}

fn command(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env("XDG_STATE_HOME", home)
        .env_remove("RUST_LOG")
        .env_remove("RUST_BACKTRACE");
    command
}

fn run(program: &str, args: &[&str]) -> Ran {
    let home = tempdir().unwrap();
    let output = command(program, home.path()).args(args).output().unwrap();
    Ran { home, output }
}

/// Where the recorder of `app` writes its files.
fn dir(home: &Path, app: &str) -> PathBuf {
    home.join(app).join("flightrec")
}

fn dumps(home: &Path, app: &str) -> Vec<Dump> {
    let Ok(entries) = fs::read_dir(dir(home, app)) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let dump = Dump::from_json(&fs::read(&path).unwrap());
        dump.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    paths.into_iter().map(read).collect()
}

fn messages(dump: &Dump) -> Vec<&str> {
    dump.latest_logs.iter().map(|log| &*log.msg).collect()
}

#[test]
fn own_exit_codes() {
    let program = env!("CARGO_BIN_EXE_own_exit_codes");
    let here = file!().rsplit_once("examples/").unwrap().1;
    let this = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(here);
    let this = this.to_str().unwrap();
    let found = run(program, &["own_exit_codes", this]);
    assert_eq!(found.code(), Some(0), "{}", found.stderr());
    let nothing = run(program, &[&"not there".repeat(2), this]);
    assert_eq!(nothing.code(), Some(1));
    let usage = run(program, &["only one"]);
    assert_eq!(usage.code(), Some(2));
    assert_eq!(
        usage.stderr(),
        "search: usage: own_exit_codes PATTERN FILE\n"
    );
    for ran in [found, nothing, usage] {
        assert!(ran.dumps("own_exit_codes").is_empty());
    }

    let failed = run(program, &["a", "/nonexistent"]);
    assert_eq!(failed.code(), Some(2));
    let shown = failed.stderr();
    assert!(
        shown.starts_with("search: /nonexistent: No such file"),
        "{shown}"
    );
    let [dump] = &failed.dumps("own_exit_codes")[..] else {
        panic!("no dump");
    };
    assert_eq!(messages(dump), ["reading /nonexistent"]);
}

#[test]
fn sets_levels() {
    let program = env!("CARGO_BIN_EXE_sets_levels");
    let records = ["not shown", "shown if verbose", "recorded only"];
    for (args, is_shown) in [(&[][..], false), (&["--verbose"], true)] {
        let ran = run(program, args);
        let shown = ran.stderr();
        assert_eq!(shown.contains(records[1]), is_shown, "{shown}");
        assert!(
            !shown.contains(records[0]) && !shown.contains(records[2]),
            "{shown}"
        );
        assert_eq!(messages(&ran.dumps("sets_levels")[0]), records);
    }
}

#[test]
fn daemon() {
    let program = env!("CARGO_BIN_EXE_daemon");
    let start = |home: &Path, what: &str| {
        let mut parent = command(program, home);
        let parent = parent
            .args([home.to_str().unwrap(), what])
            .output()
            .unwrap();
        assert_eq!(parent.status.code(), Some(0), "{parent:?}");
        wait_until_daemon_ended(home)
    };
    // A daemon that succeeds leaves no dump.
    let home = tempdir().unwrap();
    start(home.path(), "end");
    assert!(dumps(home.path(), "daemon").is_empty());
    // A daemon that fails makes a dump of its own records.
    start(home.path(), "fail");
    let [failed] = &dumps(home.path(), "daemon")[..] else {
        panic!("one dump");
    };
    assert_eq!(failed.reason.kind.as_str(), "error");
    assert_eq!(messages(failed), ["in the daemon"]);
    // After a daemon that crashed, the next start makes one dump.
    start(home.path(), "abort");
    start(home.path(), "end");
    let all = dumps(home.path(), "daemon");
    let [_, crashed] = &all[..] else {
        panic!("{all:?}");
    };
    assert_eq!(crashed.reason.kind.as_str(), "crash");
    assert_eq!(messages(crashed), ["in the daemon"]);
}

/// Waits until the daemon has ended: until then it locks its ring file.
fn wait_until_daemon_ended(home: &Path) {
    let pid = loop {
        let text = fs::read_to_string(home.join("started")).unwrap_or_default();
        if let Ok(pid) = text.parse::<u32>() {
            break pid;
        }
        std::thread::yield_now();
    };
    while is_running(pid) {
        std::thread::yield_now();
    }
    fs::remove_file(home.join("started")).unwrap();
}

fn is_running(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = status
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest.trim_start());
    !state.is_empty() && !state.starts_with('Z')
}

#[test]
fn service() {
    let home = tempdir().unwrap();
    let mut service = command(env!("CARGO_BIN_EXE_service"), home.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    let mut stdout = BufReader::new(service.stdout.take().unwrap());
    stdout.read_line(&mut address).unwrap();
    let get = |path: &str| {
        let mut stream = TcpStream::connect(address.trim()).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(get("/double/21").ends_with("\r\n42"));
    for _ in 0..3 {
        assert!(get("/double/x").starts_with("HTTP/1.0 500"));
    }
    assert!(get("/double/4").ends_with("\r\n8"));
    service.kill().unwrap();
    let mut shown = String::new();
    service
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut shown)
        .unwrap();
    service.wait().unwrap();
    let [dump] = &dumps(home.path(), "service")[..] else {
        panic!("one dump: {shown}");
    };
    assert!(dump.reason.message.starts_with("not a number"), "{shown}");
    let frames = &dump.stack_traces[0].frames;
    assert!(
        frames.iter().any(|frame| frame.name.contains("double")),
        "{frames:?}"
    );
    assert_eq!(
        shown.matches("crash report written to").count(),
        1,
        "{shown}"
    );
}

/// The path of the plugin, which Cargo built beside this test.
fn plugin() -> PathBuf {
    let name = format!(
        "{}plugin{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    let test = std::env::current_exe().unwrap();
    let built = test.ancestors().map(|dir| dir.join(&name));
    let built = built.into_iter().find(|path| path.exists());
    built.expect("the plugin was built")
}

#[test]
fn plugin_host() {
    let plugin = plugin();
    let host = |divisor: &str| {
        run(
            env!("CARGO_BIN_EXE_plugin_host"),
            &[plugin.to_str().unwrap(), divisor],
        )
    };
    assert_eq!(host("4").code(), Some(0));
    let failed = host("0");
    assert_eq!(failed.code(), Some(1));
    let [dump] = &failed.dumps("plugin_host")[..] else {
        panic!("one dump: {}", failed.stderr());
    };
    assert_eq!(dump.reason.message, "the plugin failed");
    let [begun, panicked] = &dump.latest_logs[..] else {
        panic!("{:?}", dump.latest_logs);
    };
    assert_eq!(begun.msg.as_ref() as &str, "dividing by 0");
    assert_eq!(begun.target, "plugin");
    assert!(panicked.msg.contains("divide by zero"), "{}", panicked.msg);
}

#[test]
fn two_programs_with_one_helper_crate() {
    for (program, path, record) in [
        (
            "server",
            env!("CARGO_BIN_EXE_server"),
            "binding \"nowhere\"",
        ),
        (
            "client",
            env!("CARGO_BIN_EXE_client"),
            "connecting to \"nowhere\"",
        ),
    ] {
        let ran = run(path, &["nowhere"]);
        assert_eq!(ran.code(), Some(1));
        let [dump] = &ran.dumps(program)[..] else {
            panic!("one dump: {}", ran.stderr());
        };
        assert_eq!((dump.app.as_str(), messages(dump)), (program, vec![record]));
        assert_eq!(dump.metadata.get("workspace").unwrap(), "recipes");
    }
}
