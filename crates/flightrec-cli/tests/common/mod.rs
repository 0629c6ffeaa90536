//! Runs the program like a user.

// Each test binary uses only a part.
#![allow(dead_code)]

#[cfg(feature = "send")]
pub(crate) mod server;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

/// Three minutes after the dump of the tests.
pub(crate) const NOW: &str = "2026-11-23T00:33:20Z";

pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// Runs the program in a temporary directory, with its own state directory.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flightrec"));
        for name in [
            "COLUMNS",
            "NO_COLOR",
            "CLICOLOR",
            "CLICOLOR_FORCE",
            "PAGER",
            "LESS",
            "CI",
            "TERM",
        ] {
            command.env_remove(name);
        }
        command
            .env("XDG_STATE_HOME", self.dir.path().join("state"))
            .env("HOME", self.dir.path());
        command
            .current_dir(self.dir.path())
            .args(["--now", NOW])
            .args(args);
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The program's output. The program must succeed.
    pub(crate) fn print(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Writes a file in the directory.
    pub(crate) fn put(&self, path: &str, content: &[u8]) -> PathBuf {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Writes the source file that the tests' dump refers to, where the program finds it.
    pub(crate) fn put_source(&self) -> PathBuf {
        let path = self.put("src/crates.rs", &fs::read(data("src/crates.rs")).unwrap());
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(old)
            .unwrap();
        path
    }

    pub(crate) fn run_with_input(&self, args: &[&str], input: &[u8]) -> Output {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The program may fail before it has read everything.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// An envelope parsed by Sentry's own types, and the JSON of its event. The types do not support the
/// images of ELF files, which the protocol has: these are removed before.
pub(crate) fn envelope(bytes: &[u8]) -> (sentry_types::protocol::v7::Envelope, serde_json::Value) {
    let mut lines = bytes.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap();
    let (header, item, event, rest) = (line(), line(), line(), line());
    let item: serde_json::Value = serde_json::from_slice(item).unwrap();
    assert_eq!(
        (&item["type"], &item["length"]),
        (&"event".into(), &event.len().into())
    );
    let event: serde_json::Value = serde_json::from_slice(event).unwrap();
    let mut known = event.clone();
    known.as_object_mut().unwrap().remove("debug_meta");
    let known = known.to_string();
    let mut envelope = header.to_vec();
    let length = known.len();
    write!(
        envelope,
        "\n{{\"type\":\"event\",\"length\":{length}}}\n{known}\n"
    )
    .unwrap();
    envelope.extend_from_slice(rest);
    let envelope = sentry_types::protocol::v7::Envelope::from_slice(&envelope).unwrap();
    (envelope, event)
}

/// Compares with the file in `tests/golden`; with `BLESS=1` in the environment, writes it.
pub(crate) fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path)
        .unwrap_or_default()
        .replace("\r\n", "\n");
    assert!(
        text == expected,
        "{} differs; now it is:\n{text}",
        path.display()
    );
}
