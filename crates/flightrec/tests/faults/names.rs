//! Hostile texts (paths, newlines, terminal escapes, very long texts) in all places for text.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use flightrec::Dump;
use log::{Level, Record};

use super::host::{self, Host};
use super::row::Row;
use super::watch;

const NUMBER: &str = "FLIGHTREC_HOST_NUMBER";

/// Hostile texts, the long ones last.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "../../../escape",
        "/tmp/escape",
        "..",
        "",
        "a\0b",
        "two\nlines",
        "a\r\nb\tc",
        "\x1b[2J\x1b]0;title\x07",
        "\u{202e}gnp.exe",
        "\u{9b}31m",
        "{\"json\": \"}",
        "%s%n",
        "C:\\..\\x",
        "\u{2028}",
        "\u{fffd}\u{10ffff}",
    ]
    .map(str::to_owned)
    .into();
    texts.push("../".repeat(350_000));
    texts.push("\x1b\n\0".repeat(350_000));
    texts
}

pub(crate) fn host(scenario: &str) -> ExitCode {
    let number: usize = std::env::var(NUMBER)
        .expect("a number")
        .parse()
        .expect("a number");
    let text = texts().swap_remove(number);
    // With the default directory, whose path contains the name of the program.
    let mut builder = flightrec::builder(text.clone())
        .version(text.clone())
        .revision(text.clone())
        .metadata(text.clone(), text.clone())
        .keep_dumps(10)
        .keep_dump_bytes(u64::MAX)
        .console(log::LevelFilter::Info);
    if scenario != "errors" {
        builder = builder.crash_safe(true);
    }
    let flight = builder.install().expect("the first logger");
    let host = Host {
        flight: Some(flight),
    };
    let fields = [(&*text, &*text)];
    let log = |level| {
        log::logger().log(
            &Record::builder()
                .level(level)
                .target(&text)
                .file(Some(&text))
                .args(format_args!("{text}"))
                .key_values(&fields)
                .build(),
        );
    };
    log(Level::Debug);
    log(Level::Warn);
    log(Level::Info);
    if scenario == "crash" {
        host::die();
    }
    host.dump_error(&std::io::Error::other(text.clone()));
    // The name of a thread cannot contain NUL.
    let thread = thread::Builder::new().name(text.replace('\0', ""));
    let joined = thread
        .spawn(move || panic!("{text}"))
        .map(thread::JoinHandle::join);
    host.close();
    ExitCode::from(u8::from(!matches!(joined, Ok(Err(_)))))
}

/// Returns all files in a directory and its subdirectories.
fn all_files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| entry.expect("an entry"))
    {
        if entry.file_type().expect("its type").is_dir() {
            all.extend(all_files(&entry.path()));
        } else {
            all.push(entry.path());
        }
    }
    all
}

pub(crate) fn everywhere(row: &mut Row) {
    for (number, text) in texts().iter().enumerate() {
        for scenario in ["errors", "crash"] {
            row.tries += 1;
            let at = format!(
                "{scenario} of {:?}",
                text.chars().take(20).collect::<String>()
            );
            let home = tempfile::tempdir().expect("a directory");
            let state = home.path().join("deep/below/state");
            let run = |scenario: &str| {
                let mut program = watch::host(&format!("names:{scenario}"), home.path(), true);
                program
                    .env("XDG_STATE_HOME", &state)
                    .env("HOME", home.path());
                watch::run(program.env(NUMBER, number.to_string()))
            };
            let Some(ended) = run(scenario) else {
                row.hung(at);
                continue;
            };
            // std prints a panic message unescaped, but the recorder's own lines must be escaped.
            for line in ended.recorder_lines() {
                if line
                    .chars()
                    .any(|char| char.is_control() || char == '\u{202e}')
                {
                    row.torn(format!("stderr has {line:?}: {at}"));
                }
            }
            if scenario == "crash" {
                // The next start makes a dump of the crash.
                run("next");
            } else if ended.status.code() != Some(0) {
                row.harmed(format!("{:?}: {at}", ended.status));
            }
            let files = all_files(home.path());
            let outside: Vec<_> = files
                .iter()
                .filter(|path| !is_a_dump(path, &state))
                .collect();
            if !outside.is_empty() {
                row.torn(format!("{outside:?}: {at}"));
            }
            let expected = if scenario == "crash" { 3 } else { 2 };
            if files.len() != expected {
                row.lost(format!(
                    "{} dumps: {at}; {}",
                    files.len(),
                    ended.stderr.len()
                ));
            }
            for path in files {
                check(row, &fs::read(path).expect("a dump"), text, &at);
            }
        }
    }
}

/// Whether a path is `STATE/<app>/flightrec/<name>.json`.
fn is_a_dump(path: &Path, state: &Path) -> bool {
    let Ok(path) = path.strip_prefix(state) else {
        return false;
    };
    let parts: Vec<_> = path.components().collect();
    parts.len() == 3
        && parts[1].as_os_str() == "flightrec"
        && path
            .extension()
            .is_some_and(|extension| extension == "json")
}

/// Checks that a dump is one line of JSON and contains the text.
fn check(row: &mut Row, json: &[u8], text: &str, at: &str) {
    if json.iter().any(|byte| *byte < b' ') {
        row.torn(format!("control characters in the JSON: {at}"));
    }
    let Ok(dump) = Dump::from_json(json) else {
        row.torn(format!("no JSON: {at}"));
        return;
    };
    // A ring has only the beginning of a long name.
    let is_text = |name: &str| match name.strip_suffix('…') {
        Some(beginning) if dump.reason.kind == "crash" => text.starts_with(beginning),
        _ => name == text,
    };
    if !is_text(&dump.app) || !dump.version.as_deref().is_some_and(is_text) {
        row.lost(format!("app and version: {at}"));
    }
    if dump.latest_logs.len() != 3 {
        row.torn(format!(
            "{} records for three: {at}",
            dump.latest_logs.len()
        ));
    }
    for log in &dump.latest_logs {
        let is_same = log.msg == text || log.cut && text.starts_with(&log.msg);
        if !is_same {
            row.torn(format!("{:?}: {at}", log.msg));
        }
    }
}
