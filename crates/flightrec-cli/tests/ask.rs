//! `flightrec dump PID`
#![cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use log::debug;
use tempfile::tempdir;

const SIGUSR1: i32 = 10;

#[inline(never)]
fn serves_requests() -> usize {
    println!("ready");
    std::io::stdin().read_line(&mut String::new()).unwrap()
}

/// Runs in the child: waits for requests.
#[test]
fn program() {
    let Some(dir) = std::env::var_os("DUMPS") else {
        return;
    };
    let builder = flightrec::builder("server")
        .dir(&dir)
        .console(log::LevelFilter::Off)
        .dump_on_signal(SIGUSR1);
    let builder = match std::env::var_os("TO_WRITER") {
        Some(_) => builder
            .dump_to(std::io::sink())
            .on_dump(|_, _| println!("dumped")),
        None => builder,
    };
    let recorder = builder.install().unwrap();
    debug!("got a request");
    serves_requests();
    drop(recorder);
    // Exits before the harness prints its result.
    std::process::exit(0);
}

struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Server {
    fn start(dir: &Path, variable: &str) -> Server {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "program", "--nocapture"])
            .env("DUMPS", dir)
            .env(variable, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut server = Server { child, lines };
        server.wait_for("ready");
        server
    }

    fn wait_for(&mut self, end: &str) {
        assert!(self.lines.any(|line| line.unwrap().ends_with(end)));
    }

    fn dump(&self, args: &[&str]) -> Output {
        dump(&self.child.id().to_string(), args)
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

fn dump(pid: &str, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flightrec"))
        .args(["dump", pid, "--timeout", "60"])
        .args(args)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_running_program_makes_a_dump_with_stacks() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path(), "PLAIN");
    for args in [&[][..], &["--last", "60s"], &["--last", "5m", "--all"]] {
        let output = server.dump(args);
        let (shown, said) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{said}");
        assert!(shown.contains("serves_requests"), "{shown}");
        assert!(shown.contains("got a request"), "{shown}");
        assert!(shown.contains("SIGUSR1 asked for a dump"), "{shown}");
        assert!(said.contains("dump written to "), "{said}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    server.end();
}

#[test]
fn a_program_that_writes_dumps_to_a_writer_can_be_asked() {
    let dir = tempdir().unwrap();
    let mut server = Server::start(dir.path(), "TO_WRITER");
    let output = server.dump(&[]);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("server was asked for a dump"), "{said}");
    server.wait_for("dumped");
    server.end();
}

#[test]
fn the_message_says_why_a_process_cannot_be_asked() {
    let refused = |pid: u32| {
        let output = dump(&pid.to_string(), &[]);
        assert_eq!(output.status.code(), Some(2));
        text(&output.stderr)
    };
    let said = refused(std::process::id());
    assert!(said.contains("has no flight recorder"), "{said}");
    let said = refused(u32::MAX >> 1);
    assert!(said.contains("there is no process"), "{said}");
    let init = fs::metadata("/proc/1");
    if init.is_ok_and(|init| init.uid() == 0) && !is_root() {
        let said = refused(1);
        assert!(said.contains("belongs to another user (uid 0)"), "{said}");
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Needs root, to run the command as another user.
#[test]
fn another_user_cannot_ask() {
    if !is_root() {
        return;
    }
    const NOBODY: u32 = 65_534;
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path(), "PLAIN");
    // That user may have no access to the build directory.
    let public = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir()
        .unwrap();
    let program = public.path().join("flightrec");
    fs::copy(env!("CARGO_BIN_EXE_flightrec"), &program).unwrap();
    let output = Command::new(&program)
        .args(["dump", &server.child.id().to_string()])
        .uid(NOBODY)
        .gid(NOBODY)
        .current_dir("/")
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("belongs to another user (uid 0)"), "{said}");
    server.end();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
