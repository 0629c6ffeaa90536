//! Signals that make dumps.
#![cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use common::{dumps, quiet, scenario};
use flightrec::Dump;
use tempfile::tempdir;

static EARLIER_CALLS: AtomicU32 = AtomicU32::new(0);

extern "C" fn earlier_handler(_: libc::c_int) {
    EARLIER_CALLS.fetch_add(1, Ordering::SeqCst);
}

#[inline(never)]
fn echoes_lines() -> usize {
    let mut line = String::new();
    while std::io::stdin().read_line(&mut line).unwrap() > 0 {
        println!("echo {}", line.trim_end());
        line.clear();
    }
    std::hint::black_box(line.len())
}

/// The child process: prints a line for each dump, and echoes its input.
#[test]
fn program() {
    let Some((scenario, dir)) = scenario() else {
        return;
    };
    if scenario == "chained" {
        // SAFETY: the handler only adds to an atomic.
        unsafe { libc::signal(libc::SIGUSR1, earlier_handler as *const () as usize) };
    }
    let (made, wait) = mpsc::channel();
    let mut builder = quiet(&dir);
    if scenario == "look_ahead" {
        // So long that the test would not finish if the signal waited for the other dump.
        let wait = std::time::Duration::from_secs(30);
        builder = builder.look_ahead(wait).dump_on(log::Level::Error);
    }
    let recorder = builder
        .dump_on_signal(libc::SIGUSR1)
        .dump_on_signal(libc::SIGSEGV)
        .on_dump(move |_, _| made.send(()).unwrap())
        .install()
        .unwrap();
    if scenario == "look_ahead" {
        log::error!("its dump waits");
    }
    println!("ready {}", EARLIER_CALLS.load(Ordering::SeqCst));
    if scenario == "fork" {
        // SAFETY: the child does what is safe in a signal handler.
        unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::raise(libc::SIGUSR1);
                libc::_exit(7);
            }
            let mut status = 0;
            libc::waitpid(child, &raw mut status, 0);
            println!("child {}", libc::WEXITSTATUS(status));
        }
    }
    std::thread::spawn(move || {
        while wait.recv().is_ok() {
            println!("dumped {}", EARLIER_CALLS.load(Ordering::SeqCst));
        }
    });
    echoes_lines();
    drop(recorder);
    process::exit(0);
}

struct Program {
    child: Child,
    lines: Box<dyn Iterator<Item = String>>,
}

impl Program {
    fn start(scenario: &str, dir: &Path) -> Program {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "program", "--nocapture"])
            .env("SCENARIO", scenario)
            .env("DUMPS", dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut program = Program {
            child,
            lines: Box::new(lines.map_while(Result::ok)),
        };
        program.line("ready");
        program
    }

    /// Returns the rest of the next line with this word.
    fn line(&mut self, word: &str) -> String {
        let found = self
            .lines
            .find_map(|line| Some(line.split_once(word)?.1.trim().to_owned()));
        found.unwrap_or_else(|| panic!("no line with {word}"))
    }

    fn signal(&self) {
        let pid = libc::pid_t::try_from(self.child.id()).unwrap();
        // SAFETY: no preconditions.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGUSR1) }, 0);
    }

    /// Closes the input, and returns stderr.
    fn end(mut self) -> String {
        drop(self.child.stdin.take());
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success(), "{said}");
        said
    }
}

fn made(dir: &Path) -> Vec<Dump> {
    dumps(dir).into_iter().map(|(_, dump)| dump).collect()
}

#[test]
fn a_signal_makes_a_dump_of_all_threads_and_the_program_continues() {
    let dir = tempdir().unwrap();
    let mut program = Program::start("plain", dir.path());
    program.signal();
    program.line("dumped");
    program.signal();
    program.line("dumped");
    // The program still reads: its call of `read` was restarted.
    let mut stdin = program.child.stdin.take().unwrap();
    stdin.write_all(b"hello\n").unwrap();
    assert_eq!(program.line("echo"), "hello");
    drop(stdin);
    let said = program.end();
    assert!(said.contains("signal 11 will make no dump"), "{said}");
    let dumps = made(dir.path());
    assert_eq!(dumps.len(), 2);
    for dump in dumps {
        assert_eq!(dump.reason.kind.as_str(), "signal");
        assert_eq!(dump.reason.message, "SIGUSR1 asked for a dump");
        // The thread may still be printing "ready", so only the test function is compared.
        let is_program = |thread: &flightrec::Thread| {
            let mut frames = thread.frames.iter();
            frames.any(|frame| frame.name.contains("dump_on_signal::program"))
        };
        let names = dump.threads.iter().map(|thread| &thread.name);
        assert!(
            dump.threads.iter().any(is_program),
            "{:?}",
            names.collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_signal_makes_a_separate_dump_while_another_dump_waits() {
    let dir = tempdir().unwrap();
    let mut program = Program::start("look_ahead", dir.path());
    program.signal();
    program.line("dumped");
    let dumps = made(dir.path());
    let kinds: Vec<_> = dumps.iter().map(|dump| dump.reason.kind.as_str()).collect();
    assert_eq!(kinds, ["level", "signal"]);
    assert!(!dumps[1].threads.is_empty());
    program.end();
}

#[test]
fn an_earlier_handler_is_called_too() {
    let dir = tempdir().unwrap();
    let mut program = Program::start("chained", dir.path());
    program.signal();
    assert_eq!(program.line("dumped"), "1");
    program.end();
}

#[test]
fn a_signal_to_a_forked_child_makes_no_dump_of_its_parent() {
    let dir = tempdir().unwrap();
    let mut program = Program::start("fork", dir.path());
    assert_eq!(program.line("child"), "7");
    program.signal();
    program.line("dumped");
    program.end();
    assert_eq!(made(dir.path()).len(), 1);
}
